//! Where a request comes from: the address and the device, as far as they can be known.
//!
//! The address is what [`rollcall_common::client_address`] says.

use actix_web::dev::Payload;
use actix_web::http::header::{HeaderMap, USER_AGENT};
use actix_web::{FromRequest, HttpRequest};
use ipnet::IpNet;
use rollcall_common::client_address::ClientAddress;
use rollcall_common::fault::Fault;
use rollcall_common::secret;
use std::future::{Ready, ready};
use std::net::{IpAddr, Ipv4Addr};

/// Characters kept of what a device calls itself.
const DEVICE_MAX: usize = 200;

/// Where a request comes from. It does not print: an address is personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct Origin {
    /// The client's address.
    pub address: IpAddr,
    /// What the client calls itself (`User-Agent`), at most 200 characters; may be empty.
    pub device: String,
}

impl Origin {
    /// Of what an operator does on the machine itself.
    pub fn operator() -> Self {
        Self { address: IpAddr::V4(Ipv4Addr::LOCALHOST), device: "operator".to_owned() }
    }

    /// What attempts are counted by: the address, or the /64 of an IPv6 one, which one subscriber has to themselves.
    pub fn subscriber(&self) -> String {
        self.within(32, 64)
    }

    /// The part of the network that a device of one person usually stays in: /16, or /32 of IPv6.
    pub fn network(&self) -> String {
        self.within(16, 32)
    }

    fn within(&self, v4: u8, v6: u8) -> String {
        let address = self.address.to_canonical();
        let length = if address.is_ipv4() { v4 } else { v6 };
        IpNet::new(address, length).map_or_else(|_| address.to_string(), |network| network.trunc().to_string())
    }

    /// What the device is known by: what it calls itself without version numbers, so that an update makes no new one.
    pub fn device_hash(&self) -> [u8; 32] {
        let kind: String = self.device.chars().filter(|c| !c.is_ascii_digit() && *c != '.').collect();
        secret::sha256(kind.as_bytes())
    }
}

fn device(headers: &HeaderMap) -> String {
    let text = headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    text.chars().filter(|c| !c.is_control()).take(DEVICE_MAX).collect::<String>().trim().to_owned()
}

impl FromRequest for Origin {
    type Error = Fault;
    type Future = Ready<Result<Self, Fault>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let ClientAddress(address) = ClientAddress::of(request);
        ready(Ok(Self { address, device: device(request.headers()) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_of_a_browser_makes_no_new_device_and_a_subscriber_is_a_64() {
        let origin =
            |address: &str, device: &str| Origin { address: address.parse().unwrap(), device: device.to_owned() };
        let (old, new) = (origin("203.0.113.7", "Firefox/131.0"), origin("203.0.114.9", "Firefox/132.0"));
        assert_eq!((old.device_hash(), old.network()), (new.device_hash(), new.network()));
        assert_ne!(old.device_hash(), origin("203.0.113.7", "curl/8").device_hash());
        assert_ne!(old.subscriber(), new.subscriber());
        assert_eq!(origin("2001:db8::1", "").subscriber(), origin("2001:db8::2:3", "").subscriber());
        assert_ne!(origin("2001:db8:0:1::1", "").subscriber(), origin("2001:db8:0:2::1", "").subscriber());
    }
}
