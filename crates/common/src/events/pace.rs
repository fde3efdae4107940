//! How many events are sent at once, and how long after a failure: pure.
//!
//! Something in a batch may be what makes the whole of it fail: a field that the subscriber cannot decode, or work that
//! takes it longer than a statement may. So after failures the batch is halved, down to one event, which then stands
//! alone with what is wrong with it; after each success it doubles again. Only silence (no whole answer in time, or a
//! 500) may be its doing: a subscriber that says "not now" has judged nothing.

use std::time::Duration;

/// The wait after a subscriber was found away: doubles from the first to the second.
const AWAY: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(3));
/// Failures in a row that may just be the subscriber's absence.
const PATIENCE: u32 = 2;

/// How a batch failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Here: the subscriber has nothing to do with it.
    Ours,
    /// The subscriber answered that it takes nothing now, or not from us.
    NotNow,
    /// It did not answer, or broke while it worked.
    Silent,
}

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pace {
    most: i64,
    size: i64,
    failures: u32,
    subscriber_failures: u32,
    silences: u32,
}

impl Pace {
    pub(super) const fn new(most: i64) -> Self {
        Self { most, size: most, failures: 0, subscriber_failures: 0, silences: 0 }
    }

    /// Events of the next batch at most.
    pub(super) const fn size(&self) -> i64 {
        self.size
    }

    pub(super) const fn failures(&self) -> u32 {
        self.failures
    }

    /// Whether an event that fails alone may be what is wrong.
    pub(super) const fn suspects(&self) -> bool {
        self.size == 1 && self.silences >= PATIENCE
    }

    /// The subscriber has said what became of each.
    pub(super) fn judged(&mut self) {
        *self = Self { size: self.size, ..Self::new(self.most) };
        self.size = (self.size * 2).min(self.most);
    }

    /// It refused the batch as a whole.
    pub(super) fn refused(&mut self) {
        self.size = (self.size / 2).max(1);
    }

    /// It was not sent. The longest wait before the next attempt.
    pub(super) fn failed(&mut self, how: Failure) -> Duration {
        let wait = AWAY.0.saturating_mul(1 << self.failures.min(10)).min(AWAY.1);
        self.failures = self.failures.saturating_add(1);
        match how {
            Failure::Ours => return wait,
            Failure::NotNow => self.silences = 0,
            Failure::Silent => self.silences = self.silences.saturating_add(1),
        }
        self.subscriber_failures = self.subscriber_failures.saturating_add(1);
        if self.subscriber_failures >= PATIENCE {
            self.refused();
        }
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_that_fails_is_halved_down_to_one_and_grows_again() {
        let mut pace = Pace::new(100);
        let waits: Vec<u128> = (0..8).map(|_| pace.failed(Failure::Silent).as_millis()).collect();
        assert_eq!(waits, [200, 400, 800, 1600, 3000, 3000, 3000, 3000]);
        assert!(pace.suspects(), "{pace:?}");
        let sizes: Vec<i64> = (0..8)
            .map(|_| {
                pace.judged();
                pace.size()
            })
            .collect();
        assert_eq!(sizes, [2, 4, 8, 16, 32, 64, 100, 100]);
    }

    #[test]
    fn one_failure_suspects_nobody() {
        let mut pace = Pace::new(1);
        pace.failed(Failure::Silent);
        assert!(!pace.suspects());
        pace.failed(Failure::Silent);
        assert!(pace.suspects());
        pace.judged();
        assert!(!pace.suspects());
    }

    #[test]
    fn neither_a_subscriber_that_says_not_now_nor_a_failure_of_ours_makes_an_event_suspect() {
        for how in [Failure::NotNow, Failure::Ours] {
            let mut pace = Pace::new(1);
            let waits: Vec<u128> = (0..6).map(|_| pace.failed(how).as_millis()).collect();
            assert_eq!(waits, [200, 400, 800, 1600, 3000, 3000]);
            assert!(!pace.suspects(), "{how:?}");
        }
        let mut pace = Pace::new(100);
        (0..20).for_each(|_| assert!(!pace.failed(Failure::Ours).is_zero()));
        assert_eq!(pace.size(), 100, "what fails here is not the batch's doing");
        (0..20).for_each(|_| assert!(!pace.failed(Failure::Silent).is_zero()));
        pace.failed(Failure::NotNow);
        assert!(!pace.suspects(), "an answer ends the silence");
    }
}
