//! What one principal may ask for in a time: GCRA (governor), one cell for each.
//!
//! A person is known by their session, so that one who signs in everywhere is not slowed down everywhere; a device by
//! its API token; a service by its name; who is not signed in by the address. A token that is not valid counts for the
//! address too, so making up tokens gains nothing.
//!
//! governor keeps the cells of many keys in a map that grows until it is swept. Here each is an entry of a cache with a
//! bound: a flood of addresses pushes out the cells of others, which makes those more generous, and never fills memory.
//! actix-governor would do the rest, and is GPL.
//!
//! What is told: `RateLimit-Policy` and `RateLimit` in the form of draft-ietf-httpapi-ratelimit-headers-10.

use super::{LimitSettings, RateSettings};
use crate::client_address::said_by;
use crate::fault::Fault;
use actix_web::HttpRequest;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use governor::clock::{Clock, MonotonicClock, Reference as _};
use governor::middleware::StateInformationMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use ipnet::IpNet;
use moka::sync::Cache;
use rollcall_ids::SessionId;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Principals remembered: some 20 MB when all are there.
const REMEMBERED: u64 = 100_000;

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Principal {
    /// A person, signed in.
    Session(SessionId),
    /// A device or a script.
    ApiToken(SessionId),
    /// Another service.
    Service(String),
    /// Nobody we know.
    Address(IpAddr),
}

struct Cell<C: Clock> {
    limiter: RateLimiter<NotKeyed, InMemoryState, C, StateInformationMiddleware>,
    /// Until when it has refused somebody.
    refuses_until: Mutex<Option<C::Instant>>,
}

/// How one kind of principal is treated.
struct Class {
    name: &'static str,
    quota: Quota,
    policy: HeaderValue,
}

/// Where a principal stands after a request.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    name: &'static str,
    policy: HeaderValue,
    remaining: u32,
    /// Until there is more; none: there is more at once.
    wait: Option<Duration>,
}

/// The rates of all principals.
pub(crate) struct Rates<C: Clock = MonotonicClock> {
    session: Class,
    api_token: Class,
    service: Class,
    address: Class,
    cells: Cache<Principal, Arc<Cell<C>>>,
    proxies: Vec<IpNet>,
    clock: C,
}

impl Class {
    fn new(name: &'static str, settings: RateSettings) -> Self {
        let at_least_one = |number: u32| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let (rate, burst) = (at_least_one(settings.per_second), at_least_one(settings.burst));
        let window = burst.get().div_ceil(rate.get());
        let policy = HeaderValue::from_str(&format!("\"{name}\";q={burst};w={window}"));
        // The parts are numbers and a name of ours.
        let policy = policy.unwrap_or_else(|_| HeaderValue::from_static(""));
        Self { name, quota: Quota::per_second(rate).allow_burst(burst), policy }
    }
}

impl Rates {
    pub(crate) fn new(settings: &LimitSettings) -> Self {
        Self::with_clock(settings, MonotonicClock)
    }
}

impl<C: Clock + Clone + Send + Sync + 'static> Rates<C> {
    fn with_clock(settings: &LimitSettings, clock: C) -> Self {
        // What was never refused is known as such.
        for policy in ["session", "api_token", "service", "address"] {
            metrics::counter!("http_requests_rate_limited_total", "policy" => policy).increment(0);
        }
        Self {
            session: Class::new("session", settings.session),
            api_token: Class::new("api_token", settings.api_token),
            service: Class::new("service", settings.service),
            address: Class::new("address", settings.address),
            cells: Cache::new(REMEMBERED),
            proxies: settings.proxies.0.clone(),
            clock,
        }
    }

    /// Counts a request of `principal`.
    pub(crate) fn count(&self, principal: Principal) -> Standing {
        let class = match &principal {
            Principal::Session(_) => &self.session,
            Principal::ApiToken(_) => &self.api_token,
            Principal::Service(_) => &self.service,
            Principal::Address(_) => &self.address,
        };
        let cell = self.cells.get(&principal).unwrap_or_else(|| {
            let limiter = || RateLimiter::direct_with_clock(class.quota, self.clock.clone()).with_middleware();
            self.cells.get_with(principal, || Arc::new(Cell { limiter: limiter(), refuses_until: Mutex::default() }))
        });
        let (remaining, wait) = match cell.limiter.check() {
            Ok(state) => (state.remaining_burst_capacity(), None),
            Err(until) => {
                *cell.refuses_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(until.earliest_possible());
                (0, Some(until.wait_time_from(self.clock.now())))
            }
        };
        Standing { name: class.name, policy: class.policy.clone(), remaining, wait }
    }

    /// Counts a request of somebody who is not signed in, by the address. None: it comes from this machine itself, not
    /// through the proxy; who is here can do worse than ask often.
    pub(crate) fn count_stranger(&self, request: &HttpRequest) -> Option<Standing> {
        self.stranger(request).map(|stranger| self.count(stranger))
    }

    /// The refusal that somebody of this address who is not signed in would get now, without counting anything.
    pub(crate) fn refusal_of_stranger(&self, request: &HttpRequest) -> Option<Standing> {
        let cell = self.cells.get(&self.stranger(request)?)?;
        let until = (*cell.refuses_until.lock().unwrap_or_else(PoisonError::into_inner))?;
        let now = self.clock.now();
        let class = &self.address;
        (until > now).then(|| Standing {
            name: class.name,
            policy: class.policy.clone(),
            remaining: 0,
            wait: Some(until.duration_since(now).into()),
        })
    }

    fn stranger(&self, request: &HttpRequest) -> Option<Principal> {
        let peer = request.peer_addr()?.ip().to_canonical();
        let address = said_by(peer, request.headers(), &self.proxies).to_canonical();
        (!address.is_loopback() || address != peer).then(|| Principal::Address(subscriber(address)))
    }
}

impl Standing {
    /// The refusal, if it is one.
    pub(crate) fn refusal(&self) -> Option<Fault> {
        self.wait.map(|wait| {
            let retry_after = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
            metrics::counter!("http_requests_rate_limited_total", "policy" => self.name).increment(1);
            Fault::TooManyRequests { policy: self.name, retry_after }
        })
    }

    /// Tells the client.
    pub(crate) fn tell(&self, headers: &mut HeaderMap) {
        let wait = self.wait.map_or(1, |wait| wait.as_secs() + 1);
        if let Ok(value) = HeaderValue::try_from(format!("\"{}\";r={};t={wait}", self.name, self.remaining)) {
            headers.insert(HeaderName::from_static("ratelimit"), value);
            headers.insert(HeaderName::from_static("ratelimit-policy"), self.policy.clone());
        }
    }
}

/// An IPv4 address, or the /64 of an IPv6 one, which one subscriber has to themselves.
fn subscriber(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client_address::FORWARDED_FOR;
    use actix_web::test::TestRequest;
    use governor::clock::FakeRelativeClock;

    fn settings(per_second: u32, burst: u32) -> LimitSettings {
        let base: toml::Table = toml::from_str(include_str!("../../../config/base.toml")).unwrap();
        let mut settings: LimitSettings = base["limits"].clone().try_into().unwrap();
        settings.session = RateSettings { per_second, burst };
        settings.address = RateSettings { per_second, burst };
        settings
    }

    fn session() -> Principal {
        Principal::Session(SessionId::generate())
    }

    #[test]
    fn a_burst_is_taken_then_the_rate_and_one_principal_does_not_pay_for_another() {
        let clock = FakeRelativeClock::default();
        let rates = Rates::with_clock(&settings(2, 10), clock.clone());
        let (one, other) = (session(), session());
        let refused = |who: &Principal| rates.count(who.clone()).refusal().is_some();
        assert!((0..10).all(|_| !refused(&one)));
        assert!(refused(&one) && !refused(&other));
        clock.advance(Duration::from_secs(1));
        assert_eq!((refused(&one), refused(&one), refused(&one)), (false, false, true));
    }

    #[test]
    fn the_client_is_told_what_is_left_and_when_there_is_more() {
        let rates = Rates::with_clock(&settings(1, 3), FakeRelativeClock::default());
        let who = session();
        let told = |standing: &Standing| {
            let mut headers = HeaderMap::new();
            standing.tell(&mut headers);
            let text = |name: &str| headers.get(name).unwrap().to_str().unwrap().to_owned();
            (text("ratelimit-policy"), text("ratelimit"))
        };
        let policy = "\"session\";q=3;w=3".to_owned();
        assert_eq!(told(&rates.count(who.clone())), (policy.clone(), "\"session\";r=2;t=1".to_owned()));
        rates.count(who.clone());
        rates.count(who.clone());
        let standing = rates.count(who);
        assert_eq!(told(&standing).1, "\"session\";r=0;t=2");
        assert!(matches!(standing.refusal(), Some(Fault::TooManyRequests { retry_after: 2, .. })));
    }

    #[test]
    fn a_stranger_is_the_address_that_a_trusted_proxy_names() {
        let rates = Rates::with_clock(&settings(1, 1), FakeRelativeClock::default());
        let refused = |peer: &str, forwarded: &str| {
            let request = TestRequest::default().peer_addr(format!("{peer}:1").parse().unwrap());
            let request = request.insert_header((FORWARDED_FOR, forwarded)).to_http_request();
            rates.count_stranger(&request).map(|standing| standing.refusal().is_some())
        };
        assert_eq!(refused("127.0.0.1", ""), None, "the machine itself");
        assert_eq!(refused("127.0.0.1", "6.6.6.6, 203.0.113.7"), Some(false));
        assert_eq!(refused("127.0.0.1", "7.7.7.7, 203.0.113.7"), Some(true), "what the client wrote changes nothing");
        assert_eq!(refused("127.0.0.1", "2001:db8::1"), Some(false));
        assert_eq!(refused("127.0.0.1", "2001:db8::2"), Some(true), "the same subscriber");
        assert_eq!(refused("198.51.100.1", "203.0.113.8"), Some(false));
        assert_eq!(refused("198.51.100.1", "203.0.113.9"), Some(true), "nobody's proxy");
    }
}
