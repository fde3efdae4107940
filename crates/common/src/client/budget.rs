//! How many repetitions all calls to a peer may make: a share of the calls, and so many a second besides.
//!
//! Two bowls. One fills with time, up to what a second brings; into the other each call puts its share, which is gone a
//! second later if nobody took it. So in any time whatever there are at most as many repetitions as the share of the calls
//! of that time, and what its seconds and one more bring. tower's budget counts in slots of a tenth of a second and forgets
//! the oldest of ten as soon as it begins the next: under a lasting failure a tenth more than was meant.

use std::time::Duration;
use tokio::time::Instant;

/// What a call has put in is down to a third after this.
const KEPT: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Debug)]
pub(super) struct Budget {
    /// Of one repetition, that each call earns.
    share: f64,
    per_second: f64,
    earned: f64,
    reserve: f64,
    at: Instant,
}

impl Budget {
    /// So many percent of the calls, and so many a second.
    pub(super) fn new(percent: u32, per_second: u32, now: Instant) -> Self {
        let per_second = f64::from(per_second);
        Self { share: f64::from(percent) / 100.0, per_second, earned: 0.0, reserve: per_second, at: now }
    }

    /// Notes a call.
    pub(super) fn earn(&mut self, now: Instant) {
        self.pass(now);
        self.earned += self.share;
    }

    /// Takes a repetition, if there is one.
    pub(super) fn spend(&mut self, now: Instant) -> bool {
        self.pass(now);
        // A hair less than one is one: shares are no binary fractions.
        if self.earned + self.reserve < 1.0 - 1e-9 {
            return false;
        }
        let from_earned = self.earned.min(1.0);
        self.earned -= from_earned;
        self.reserve = (self.reserve - (1.0 - from_earned)).max(0.0);
        true
    }

    fn pass(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = self.at.max(now);
        self.reserve = (self.reserve + passed * self.per_second).min(self.per_second);
        self.earned *= (-passed / KEPT.as_secs_f64()).exp();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn when_every_call_fails_a_fifth_of_them_and_ten_a_second_are_repeated() {
        let start = Instant::now();
        let mut budget = Budget::new(20, 10, start);
        let spent = (0..6_000_u64).filter(|millisecond| {
            let now = start + Duration::from_millis(*millisecond);
            if millisecond.is_multiple_of(10) {
                budget.earn(now);
            }
            budget.spend(now)
        });
        let (count, most) = (spent.count(), 10 + 120 + 60);
        assert!(
            (most - 10..=most).contains(&count),
            "{count}: ten at first, a fifth of 600 calls, ten for each second"
        );
    }

    #[test]
    fn what_was_earned_long_ago_is_no_stock_for_a_storm() {
        let start = Instant::now();
        let mut budget = Budget::new(20, 10, start);
        (0..10_000).for_each(|_| budget.earn(start));
        let later = start + Duration::from_secs(10);
        assert_eq!((0..1_000).filter(|_| budget.spend(later)).count(), 10);
    }

    proptest! {
        #[test]
        fn never_more_than_the_share_of_the_calls_and_what_the_seconds_bring(
            steps in prop::collection::vec((0..500_u64, 0..20_u32, 0..20_u32), 1..100),
        ) {
            let start = Instant::now();
            let (mut budget, mut now) = (Budget::new(20, 10, start), start);
            let (mut calls, mut spent) = (0_u32, 0_u32);
            for (milliseconds, earn, spend) in steps {
                now += Duration::from_millis(milliseconds);
                (0..earn).for_each(|_| budget.earn(now));
                calls += earn;
                spent += u32::try_from((0..spend).filter(|_| budget.spend(now)).count()).unwrap();
                let allowed = f64::from(calls) * 0.2 + 10.0 * ((now - start).as_secs_f64() + 1.0);
                prop_assert!(f64::from(spent) <= allowed + 1e-6, "{spent} spent, {allowed} allowed");
            }
        }
    }
}
