//! How many requests may be under way at once: as many as the workers get round to in time.
//!
//! What tells that there are too many is that the workers' own clocks are late: a worker that has more to do than it
//! can gets to its timer, and so to whatever has just come, only after everything else. The limit then falls below what
//! is under way (multiplicatively), and rises again while the clocks are on time (additively: AIMD).
//!
//! Rejected: the latency of requests as the signal (as the gradient limiters of Netflix have it). A request that waits
//! for a peer that hangs, or for a hash of a password, is slow without the service being busy, and a limit that falls
//! because org is away would refuse punches. What waits for the database is bounded where it waits, and a flood of calls
//! to one peer by `calls.in_flight`.

use super::LimitSettings;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Between two looks at a worker's clock.
const TICK: Duration = Duration::from_millis(100);

/// The rule: pure.
#[derive(Clone, Copy, Debug)]
struct Rule {
    least: usize,
    most: usize,
    lag: Duration,
}

impl Rule {
    /// The next limit, given what is under way and how late a worker's clock was.
    fn next(&self, limit: usize, under_way: usize, late: Duration) -> usize {
        let next = if late > self.lag { limit.min(under_way) / 10 * 8 } else { limit + (self.most / 50).max(1) };
        next.clamp(self.least, self.most.max(self.least))
    }
}

/// The limit of a process. Cheap to clone; a request costs it two additions.
#[derive(Clone, Debug)]
pub(crate) struct InFlight {
    rule: Rule,
    limit: Arc<AtomicUsize>,
    under_way: Arc<AtomicUsize>,
}

/// A request under way.
pub(crate) struct Admitted(Arc<AtomicUsize>);

impl Drop for Admitted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl InFlight {
    pub(crate) fn new(settings: &LimitSettings) -> Self {
        let rule = Rule {
            least: settings.in_flight_least,
            most: settings.in_flight_most,
            lag: Duration::from_millis(settings.lag_ms),
        };
        Self { rule, limit: Arc::new(AtomicUsize::new(rule.most)), under_way: Arc::default() }
    }

    /// A place for a request; none: there is none.
    pub(crate) fn admit(&self) -> Option<Admitted> {
        let before = self.under_way.fetch_add(1, Ordering::Relaxed);
        let admitted = Admitted(Arc::clone(&self.under_way));
        (before < self.limit.load(Ordering::Relaxed)).then_some(admitted)
    }

    /// Watches the clock of the worker on whose thread this is called, as long as it lives.
    pub(crate) fn watch_here(&self) {
        let limits = self.clone();
        actix_web::rt::spawn(async move {
            loop {
                let began = Instant::now();
                sleep(TICK).await;
                limits.tick(began.elapsed().saturating_sub(TICK));
            }
        });
    }

    fn tick(&self, late: Duration) {
        let under_way = self.under_way.load(Ordering::Relaxed);
        let before = self.limit.load(Ordering::Relaxed);
        let limit = self.rule.next(before, under_way, late);
        // Another worker may set it at the same moment; both saw the same service.
        self.limit.store(limit, Ordering::Relaxed);
        if limit < before {
            tracing::warn!(limit, under_way, ?late, "the workers are behind; fewer requests are admitted");
        }
        let shown = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
        metrics::gauge!("http_requests_in_flight").set(shown(under_way));
        metrics::gauge!("http_requests_in_flight_limit").set(shown(limit));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RULE: Rule = Rule { least: 256, most: 4096, lag: Duration::from_millis(500) };
    const LATE: Duration = Duration::from_millis(501);
    const ON_TIME: Duration = Duration::from_millis(20);

    #[test]
    fn the_limit_falls_below_what_is_under_way_when_the_workers_are_late_and_recovers_within_seconds() {
        let limit = RULE.next(4096, 1000, LATE);
        assert_eq!(limit, 800);
        assert_eq!(RULE.next(300, 300, LATE), 256, "never below the least");
        let ticks = (1..).scan(256, |limit, tick| {
            *limit = RULE.next(*limit, 0, ON_TIME);
            (*limit < 4096).then_some(tick)
        });
        assert!(ticks.count() < 50, "five seconds");
    }

    #[test]
    fn a_place_is_given_back_whether_it_was_given_or_refused() {
        let limits = InFlight { rule: RULE, limit: Arc::new(AtomicUsize::new(2)), under_way: Arc::default() };
        let places = [limits.admit(), limits.admit()];
        assert!(places.iter().all(Option::is_some) && limits.admit().is_none() && limits.admit().is_none());
        drop(places);
        assert!(limits.admit().is_some());
    }

    proptest! {
        #[test]
        fn the_limit_stays_between_its_bounds(
            limit in 256..=4096_usize, ticks in prop::collection::vec((0..9000_usize, 0..2000_u64), 0..100),
        ) {
            let end = ticks.iter().fold(limit, |limit, (under_way, late)| {
                RULE.next(limit, *under_way, Duration::from_millis(*late))
            });
            prop_assert!((256..=4096).contains(&end));
        }
    }
}
