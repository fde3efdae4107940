//! How many events are sent at once, and how long after a failure: pure.
//!
//! Something in a batch may be what makes the whole of it fail: a field that the subscriber cannot decode, or work that
//! takes it longer than a statement may. So after failures the batch is halved, down to one event, which then stands
//! alone with what is wrong with it; after each success it doubles again.

use std::time::Duration;

/// The wait after a subscriber was found away: doubles from the first to the second.
const AWAY: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(3));
/// Failures in a row that may just be the subscriber's absence.
const PATIENCE: u32 = 2;

/// See the module.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pace {
    most: i64,
    size: i64,
    failures: u32,
}

impl Pace {
    pub(super) const fn new(most: i64) -> Self {
        Self { most, size: most, failures: 0 }
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
        self.size == 1 && self.failures >= PATIENCE
    }

    /// The subscriber has said what became of each.
    pub(super) fn judged(&mut self) {
        self.failures = 0;
        self.size = (self.size * 2).min(self.most);
    }

    /// It refused the batch as a whole.
    pub(super) fn refused(&mut self) {
        self.size = (self.size / 2).max(1);
    }

    /// It did not answer, or not now. The longest wait before it is asked again.
    pub(super) fn failed(&mut self) -> Duration {
        let wait = AWAY.0.saturating_mul(1 << self.failures.min(10)).min(AWAY.1);
        self.failures += 1;
        if self.failures >= PATIENCE {
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
        let waits: Vec<u128> = (0..8).map(|_| pace.failed().as_millis()).collect();
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
        pace.failed();
        assert!(!pace.suspects());
        pace.failed();
        assert!(pace.suspects());
        pace.judged();
        assert!(!pace.suspects());
    }
}
