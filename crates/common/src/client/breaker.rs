//! A circuit breaker: who is found away is left alone for a while, then asked once.
//!
//! Of the crates that there are, failsafe lets everybody through while it finds out whether the peer is back, recloser
//! knows only a rate and only one length of waiting, and tower-resilience is a tower layer; none takes the time as an
//! argument. This one is a plain value: what happened and when goes in, what may be done comes out.

use std::time::Duration;
use tokio::time::Instant;

/// Seconds over which successes are counted; as many slots has the ring that counts them.
const WINDOW: u64 = 10;

/// When a breaker opens, and for how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// Failures in a row that open it.
    pub failures: u32,
    /// Calls within ten seconds from which on the share of successes counts.
    pub calls: u32,
    /// Percent of them that have to succeed.
    pub success_percent: u32,
    /// The shortest time that it stays open.
    pub open_first: Duration,
    /// The longest, to which it grows while probes fail.
    pub open_most: Duration,
}

/// How a call may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// As always.
    Normal,
    /// As the one call that finds out whether the peer is back.
    Probe,
    /// Not before that long.
    Refused(Duration),
}

/// What a call says of the instance that it went to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Health {
    /// It is well.
    Good,
    /// It is not.
    Bad,
    /// Nothing: the call was given up before it could tell.
    Unknown,
}

/// What metrics show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    Closed,
    Open,
    Probing,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Closed,
    Open {
        until: Instant,
    },
    /// A probe is under way.
    Probing,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Breaker {
    rules: Rules,
    state: State,
    /// Failures in a row.
    streak: u32,
    /// Times in a row that it opened without having closed.
    openings: u32,
    origin: Instant,
    /// Successes and failures of each of the last seconds, with the second that it is.
    seconds: [(u64, u32, u32); 10],
}

impl Breaker {
    pub(super) fn new(rules: Rules, now: Instant) -> Self {
        Self { rules, state: State::Closed, streak: 0, openings: 0, origin: now, seconds: [(0, 0, 0); 10] }
    }

    /// How a call would be admitted now.
    pub(super) fn look(&self, now: Instant) -> Admission {
        match self.state {
            State::Closed => Admission::Normal,
            State::Open { until } if now >= until => Admission::Probe,
            State::Open { until } => Admission::Refused(until - now),
            State::Probing => Admission::Refused(self.rules.open_first),
        }
    }

    /// Admits a call, which has to be settled with the answer.
    pub(super) fn admit(&mut self, now: Instant) -> Admission {
        let admission = self.look(now);
        if admission == Admission::Probe {
            self.state = State::Probing;
        }
        admission
    }

    /// Takes what became of an admitted call. `chance` is between 0 and 1, and spreads those that opened together.
    pub(super) fn settle(&mut self, admission: Admission, health: Health, now: Instant, chance: f64) {
        match (self.state, admission, health) {
            (State::Probing, Admission::Probe, Health::Good) => self.close(now),
            (State::Probing, Admission::Probe, Health::Bad) => self.open(now, chance),
            // The next call may find out.
            (State::Probing, Admission::Probe, Health::Unknown) => self.state = State::Open { until: now },
            (State::Closed, Admission::Normal, Health::Good) => {
                self.streak = 0;
                self.second(now).1 += 1;
            }
            (State::Closed, Admission::Normal, Health::Bad) => {
                self.streak += 1;
                self.second(now).2 += 1;
                if self.streak >= self.rules.failures || self.mostly_failing(now) {
                    self.open(now, chance);
                }
            }
            // What began before it opened says nothing new.
            (State::Closed | State::Open { .. } | State::Probing, _, _) => {}
        }
    }

    pub(super) const fn condition(&self) -> Condition {
        match self.state {
            State::Closed => Condition::Closed,
            State::Open { .. } => Condition::Open,
            State::Probing => Condition::Probing,
        }
    }

    fn close(&mut self, now: Instant) {
        *self = Self { origin: self.origin, ..Self::new(self.rules, now) };
    }

    /// Opens for between half and all of a time that doubles from twice the shortest to the longest.
    fn open(&mut self, now: Instant, chance: f64) {
        self.openings += 1;
        let grown = self.rules.open_first.saturating_mul(1 << self.openings.min(16)).min(self.rules.open_most);
        self.state = State::Open { until: now + grown.mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0) };
        self.streak = 0;
    }

    fn second(&mut self, now: Instant) -> &mut (u64, u32, u32) {
        let second = (now - self.origin).as_secs();
        let slot = &mut self.seconds[usize::try_from(second % WINDOW).unwrap_or(0)];
        if slot.0 != second {
            *slot = (second, 0, 0);
        }
        slot
    }

    fn mostly_failing(&self, now: Instant) -> bool {
        let second = (now - self.origin).as_secs();
        let recent = self.seconds.iter().filter(|(of, _, _)| second - of < WINDOW);
        let (good, bad) = recent.fold((0, 0), |(good, bad), (_, more, worse)| (good + more, bad + worse));
        good + bad >= self.rules.calls && good * 100 < (good + bad) * self.rules.success_percent
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RULES: Rules = Rules {
        failures: 7,
        calls: 20,
        success_percent: 50,
        open_first: Duration::from_secs(1),
        open_most: Duration::from_mins(1),
    };

    fn second(of: u64) -> Duration {
        Duration::from_secs(of)
    }

    /// A breaker that has just opened, and when that was.
    fn opened(chance: f64) -> (Breaker, Instant) {
        let now = Instant::now();
        let mut breaker = Breaker::new(RULES, now);
        for _ in 0..7 {
            assert_eq!(breaker.admit(now), Admission::Normal);
            breaker.settle(Admission::Normal, Health::Bad, now, chance);
        }
        (breaker, now)
    }

    #[test]
    fn it_opens_after_seven_failures_in_a_row_and_not_when_one_between_them_succeeds() {
        let (mut breaker, now) = opened(0.0);
        assert_eq!(breaker.admit(now), Admission::Refused(second(1)));
        let mut breaker = Breaker::new(RULES, now);
        for number in 0..18 {
            let health = if number % 6 == 5 { Health::Good } else { Health::Bad };
            breaker.settle(Admission::Normal, health, now, 0.0);
            assert_eq!(breaker.condition(), Condition::Closed, "after {number}");
        }
    }

    #[test]
    fn it_opens_when_less_than_half_of_twenty_calls_within_ten_seconds_succeed() {
        let now = Instant::now();
        let mut breaker = Breaker::new(RULES, now);
        for number in 0..19 {
            let health = if number % 3 == 0 { Health::Good } else { Health::Bad };
            breaker.settle(Admission::Normal, health, now + second(number / 2), 0.0);
        }
        assert_eq!(breaker.condition(), Condition::Closed);
        let mut later = Breaker::new(RULES, now);
        later.seconds = breaker.seconds;
        breaker.settle(Admission::Normal, Health::Bad, now + second(9), 0.0);
        assert_eq!(breaker.condition(), Condition::Open);
        later.settle(Admission::Normal, Health::Bad, now + second(12), 0.0);
        assert_eq!(later.condition(), Condition::Closed, "what is ten seconds old does not count");
    }

    #[test]
    fn one_probe_decides_and_nobody_else_is_let_through_meanwhile() {
        let (mut breaker, now) = opened(0.0);
        let now = now + second(1);
        assert_eq!(breaker.admit(now), Admission::Probe);
        assert!(matches!(breaker.admit(now), Admission::Refused(_)));
        breaker.settle(Admission::Normal, Health::Good, now, 0.0);
        assert_eq!(breaker.condition(), Condition::Probing, "a call from before it opened does not close it");
        breaker.settle(Admission::Probe, Health::Good, now, 0.0);
        assert_eq!(breaker.admit(now), Admission::Normal);
    }

    #[test]
    fn a_probe_that_is_given_up_leaves_the_place_to_the_next() {
        let (mut breaker, now) = opened(0.0);
        let now = now + second(1);
        assert_eq!(breaker.admit(now), Admission::Probe);
        breaker.settle(Admission::Probe, Health::Unknown, now, 0.0);
        assert_eq!(breaker.admit(now), Admission::Probe);
    }

    proptest! {
        #[test]
        fn it_stays_open_for_one_second_to_sixty_and_longer_each_time(chances in prop::collection::vec(0.0..=1.0, 1..12)) {
            let (mut breaker, mut now) = opened(chances[0]);
            let mut least = second(1);
            for chance in chances {
                let Admission::Refused(wait) = breaker.admit(now) else { panic!("it is not open") };
                prop_assert!(wait >= least && wait <= second(60), "{wait:?}, at least {least:?}");
                least = (least * 2).min(second(30));
                now += wait;
                prop_assert_eq!(breaker.admit(now), Admission::Probe);
                breaker.settle(Admission::Probe, Health::Bad, now, chance);
            }
        }

        #[test]
        fn whatever_happens_it_lets_somebody_through_within_a_minute(
            steps in prop::collection::vec((0..3_u8, 0..20_u64), 0..200),
        ) {
            let mut now = Instant::now();
            let mut breaker = Breaker::new(RULES, now);
            for (health, seconds) in steps {
                now += second(seconds);
                let health = [Health::Good, Health::Bad, Health::Unknown][usize::from(health)];
                match breaker.admit(now) {
                    Admission::Refused(_) => {}
                    admission => breaker.settle(admission, health, now, 1.0),
                }
            }
            prop_assert!(!matches!(breaker.admit(now + second(60)), Admission::Refused(_)));
        }
    }
}
