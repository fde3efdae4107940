//! From which address a request comes.
//!
//! It is the peer's. Only when the peer is a trusted proxy (`limits.proxies`) is it what that proxy says: the
//! last entry of `X-Forwarded-For`, the one that the proxy itself wrote. A client that sends the header by itself
//! changes nothing.

use crate::fault::Fault;
use crate::server::Core;
use actix_web::dev::Payload;
use actix_web::http::header::HeaderMap;
use actix_web::{FromRequest, HttpRequest, web};
use ipnet::IpNet;
use std::future::{Ready, ready};
use std::net::{IpAddr, Ipv4Addr};

/// Header in which a proxy says for whom it asks.
pub(crate) const FORWARDED_FOR: &str = "x-forwarded-for";

/// The address of the client. It does not print: an address is personal data.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

impl ClientAddress {
    /// Of a request.
    pub fn of(request: &HttpRequest) -> Self {
        let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
        let core = request.app_data::<web::Data<Core>>();
        let trusted = core.map_or(&[][..], |core| &core.base.limits.proxies.0);
        Self(said_by(peer, request.headers(), trusted))
    }
}

impl FromRequest for ClientAddress {
    type Error = Fault;
    type Future = Ready<Result<Self, Fault>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::of(request)))
    }
}

/// The address of the client, given that of the peer.
pub(crate) fn said_by(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    if !trusted.iter().any(|network| network.contains(&peer.to_canonical())) {
        return peer;
    }
    let last = headers.get_all(FORWARDED_FOR).last().and_then(|value| value.to_str().ok()?.rsplit(',').next());
    last.and_then(|text| text.trim().parse().ok()).unwrap_or(peer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn seen(peer: &str, forwarded: &[&str]) -> String {
        let mut request = TestRequest::default();
        for value in forwarded {
            request = request.append_header((FORWARDED_FOR, *value));
        }
        let trusted = ["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
        said_by(peer.parse().unwrap(), request.to_http_request().headers(), &trusted).to_string()
    }

    #[test]
    fn only_a_trusted_proxy_says_for_whom_it_asks() {
        assert_eq!(seen("127.0.0.1", &["203.0.113.7"]), "203.0.113.7");
        assert_eq!(seen("::ffff:127.0.0.1", &["203.0.113.7"]), "203.0.113.7");
        assert_eq!(seen("198.51.100.1", &["203.0.113.7"]), "198.51.100.1", "a client that lies");
        assert_eq!(seen("127.0.0.1", &["10.0.0.1, 203.0.113.7"]), "203.0.113.7", "what the proxy itself wrote");
        assert_eq!(seen("127.0.0.1", &["10.0.0.1", "203.0.113.7"]), "203.0.113.7");
        assert_eq!(seen("127.0.0.1", &["nonsense"]), "127.0.0.1");
        assert_eq!(seen("127.0.0.1", &[]), "127.0.0.1");
    }
}
