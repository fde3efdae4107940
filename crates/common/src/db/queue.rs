//! How long whoever comes now would wait for a connection.
//!
//! While somebody waits, all connections are busy, and what they take on the average says when it is whose turn. Who
//! would wait for longer than they may is refused at once instead of after having waited: that costs the caller a
//! millisecond and not a second, and keeps the queue short enough that those in it are served.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// Weight of the latest transaction: an eighth, as TCP weighs a round trip.
const WEIGHT: u64 = 8;

/// See the module.
#[derive(Debug)]
pub(super) struct Queue {
    connections: u64,
    /// Microseconds that a transaction holds its connection, on the average of the latest.
    holds: AtomicU64,
    waiting: AtomicUsize,
}

/// One that waits.
pub(super) struct Place<'a>(&'a Queue);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Queue {
    pub(super) fn new(connections: u32) -> Self {
        let connections = u64::from(connections.max(1));
        Self { connections, holds: AtomicU64::new(0), waiting: AtomicUsize::new(0) }
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// A place in the queue; none when waiting there would take longer than `limit`.
    pub(super) fn enter(&self, limit: Duration) -> Option<Place<'_>> {
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let place = Place(self);
        (expected(before, self.connections, self.holds.load(Ordering::Relaxed)) <= limit).then_some(place)
    }

    /// Takes note of a transaction that held its connection so long.
    pub(super) fn note(&self, held: Duration) {
        let held = u64::try_from(held.as_micros()).unwrap_or(u64::MAX);
        // Two at the same moment may lose one of their notes; it is an average.
        let before = self.holds.load(Ordering::Relaxed);
        self.holds.store(average(before, held), Ordering::Relaxed);
    }
}

/// When it is the turn of whoever comes after `before` others.
fn expected(before: usize, connections: u64, holds: u64) -> Duration {
    let turns = u64::try_from(before).unwrap_or(u64::MAX).saturating_add(1);
    Duration::from_micros(turns.saturating_mul(holds) / connections)
}

const fn average(before: u64, held: u64) -> u64 {
    if before == 0 { held } else { before - before / WEIGHT + held / WEIGHT }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn whoever_would_wait_longer_than_the_limit_is_refused_at_once() {
        let queue = Queue::new(2);
        let second = Duration::from_secs(1);
        assert!(queue.enter(Duration::ZERO).is_some(), "nothing is known yet");
        queue.note(Duration::from_millis(500));
        let places: Vec<_> = (0..5).map(|_| queue.enter(second)).collect();
        let admitted: Vec<bool> = places.iter().map(Option::is_some).collect();
        assert_eq!(admitted, [true, true, true, true, false], "the fifth would wait 1,250 ms");
        drop(places);
        assert!(queue.enter(second).is_some());
    }

    proptest! {
        #[test]
        fn the_average_follows_what_it_is_told(before in 1..10_000_000_u64, held in 1..10_000_000_u64) {
            let after = (0..200).fold(before, |average_so_far, _| average(average_so_far, held));
            prop_assert!(after.abs_diff(held) <= held / 10 + 16, "{after} after {held} two hundred times");
        }
    }
}
