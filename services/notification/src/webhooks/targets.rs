//! Where webhooks may lead. What an organisation writes into a webhook is called from inside the installation, so what is
//! not public is refused: by the address itself where the URL has one, and after resolution ([`super::resolver`]) where it
//! has a name. The
//! connection goes to the very addresses that were looked at, so a name that means something else a moment later changes
//! nothing.

use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use url::{Host, Url};

/// IPv4 that is not public (IANA's special-purpose registry), and one address that a cloud answers its machines at.
const NOT_PUBLIC_V4: [(Ipv4Addr, u8); 16] = [
    (Ipv4Addr::UNSPECIFIED, 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(168, 63, 129, 16), 32),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// Within `2000::/3`, outside of which nothing is public: protocol assignments and Teredo, 6to4, documentation.
const NOT_PUBLIC_V6: [(Ipv6Addr, u8); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// Why a webhook may not lead there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Neither https, nor http where that is allowed.
    #[error("must be an https URL")]
    Scheme,
    /// No host, or a name and password beside it.
    #[error("must have a host, and neither a name nor a password")]
    Authority,
    /// Not public.
    #[error("the address is private, or of this machine or its network")]
    NotPublic,
}

/// Knows which addresses may be called.
#[derive(Clone, Debug)]
pub struct Guard {
    allow_http: bool,
    allowed: Arc<[IpNet]>,
}

impl Guard {
    /// One that lets through what is public, and what is in `allowed`.
    pub fn new(allow_http: bool, allowed: &[IpNet]) -> Self {
        Self { allow_http, allowed: allowed.into() }
    }

    /// Checks all that can be known without asking for the address of a name.
    pub fn check(&self, url: &Url) -> Result<(), Refusal> {
        match url.scheme() {
            "https" => {}
            "http" if self.allow_http => {}
            _ => return Err(Refusal::Scheme),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal::Authority);
        }
        let address = match url.host() {
            None => return Err(Refusal::Authority),
            Some(Host::Domain(name)) => return self.check_name(name),
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
        };
        if self.lets_through(address) { Ok(()) } else { Err(Refusal::NotPublic) }
    }

    /// Names that mean this machine wherever they are resolved (RFC 6761): a mistake is told when it is made.
    fn check_name(&self, name: &str) -> Result<(), Refusal> {
        let name = name.trim_end_matches('.');
        let here = name == "localhost" || name.ends_with(".localhost");
        if here && !self.lets_through(Ipv4Addr::LOCALHOST.into()) { Err(Refusal::NotPublic) } else { Ok(()) }
    }

    /// Whether this address may be called.
    pub fn lets_through(&self, address: IpAddr) -> bool {
        let address = plain(address);
        is_public(address) || self.allowed.iter().any(|network| network.contains(&address))
    }
}

/// The IPv4 address that an IPv6 address stands for (mapped, or by the well-known prefix of NAT64), or itself.
fn plain(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => match v6.segments() {
            [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
                let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
                Ipv4Addr::new(a, b, c, d).into()
            }
            _ => address,
        },
        IpAddr::V4(_) => address,
    }
}

fn is_public(address: IpAddr) -> bool {
    let within =
        |network: IpAddr, length: u8| IpNet::new(network, length).is_ok_and(|network| network.contains(&address));
    match address {
        IpAddr::V4(_) => !NOT_PUBLIC_V4.iter().any(|(network, length)| within((*network).into(), *length)),
        IpAddr::V6(v6) => {
            v6.segments()[0] & 0xe000 == 0x2000
                && !NOT_PUBLIC_V6.iter().any(|(network, length)| within((*network).into(), *length))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard() -> Guard {
        Guard::new(false, &[])
    }

    fn check(url: &str) -> Result<(), Refusal> {
        guard().check(&url.parse().unwrap())
    }

    #[test]
    fn whatever_means_this_machine_or_its_network_is_refused() {
        for host in [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f.1",
            "0177.0.0.1",
            "0.0.0.0",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "100.100.100.200",
            "192.0.0.192",
            "168.63.129.16",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "[::]",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:a9fe:a9fe]",
            "[::ffff:10.0.0.1]",
            "[64:ff9b::7f00:1]",
            "[64:ff9b:1::1]",
            "[::127.0.0.1]",
            "[fe80::1]",
            "[fc00::1]",
            "[fd00:ec2::254]",
            "[ff02::1]",
            "[2001:db8::1]",
            "[2002:7f00:1::]",
            "[2001::1]",
            "localhost",
            "LOCALHOST.",
            "api.localhost",
        ] {
            assert_eq!(check(&format!("https://{host}/x")), Err(Refusal::NotPublic), "{host}");
        }
    }

    #[test]
    fn what_is_public_is_let_through_over_https_alone() {
        for host in ["example.org", "1.1.1.1", "172.32.0.1", "100.128.0.1", "[2606:4700::1111]", "[64:ff9b::101:101]"] {
            assert_eq!(check(&format!("https://{host}:8443/x?y=z")), Ok(()), "{host}");
            assert_eq!(check(&format!("http://{host}/")), Err(Refusal::Scheme), "{host}");
        }
        assert_eq!(check("ftp://example.org/"), Err(Refusal::Scheme));
        assert_eq!(check("https://name:password@example.org/"), Err(Refusal::Authority));
        let open = Guard::new(true, &["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()]);
        for url in ["http://10.1.2.3/", "https://[::ffff:10.1.2.3]/", "http://[::1]/", "http://example.org/"] {
            assert_eq!(open.check(&url.parse().unwrap()), Ok(()), "{url}");
        }
        assert_eq!(open.check(&"http://192.168.0.1/".parse().unwrap()), Err(Refusal::NotPublic));
    }
}
