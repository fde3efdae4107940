//! How long whoever has failed waits. Pure: no clock but the caller's.

use crate::origin::Origin;
use crate::users::domain::EmailAddress;
use jiff::{SignedDuration, Timestamp};
use rollcall_common::secret;
use rollcall_ids::UserId;

/// How failures of one kind are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Failures that cost no wait.
    pub free: u32,
    /// One failure is forgiven each time this has passed.
    pub forgiven_after: SignedDuration,
    /// The longest wait: after the free ones it doubles from one second to this.
    pub longest: SignedDuration,
}

/// What is counted for one account or address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meter {
    /// Failures that are not forgiven yet.
    pub failures: u32,
    /// Up to when failures were forgiven.
    pub counted_at: Timestamp,
    /// No attempt is taken before.
    pub blocked_until: Timestamp,
}

impl Rule {
    /// Counts an attempt at `now`, or says how long it has to wait, in whole seconds of at least one. A refused
    /// attempt is not counted: knocking does not lengthen the wait.
    pub fn charge(&self, meter: Option<Meter>, now: Timestamp) -> Result<Meter, u32> {
        let meter = meter.unwrap_or(Meter { failures: 0, counted_at: now, blocked_until: now });
        let wait = meter.blocked_until.duration_since(now);
        // Requests that run side by side are not counted in the order in which they looked at the clock.
        if meter.failures > self.free && wait.is_positive() {
            return Err(u32::try_from(wait.as_secs() + i64::from(wait.subsec_nanos() > 0)).unwrap_or(1).max(1));
        }
        let step = self.forgiven_after.as_secs().max(1);
        let forgiven = now.duration_since(meter.counted_at).as_secs().max(0) / step;
        let left = u32::try_from(i64::from(meter.failures).saturating_sub(forgiven).max(0)).unwrap_or(0);
        let counted_at = match left {
            0 => now,
            _ => meter.counted_at.saturating_add(SignedDuration::from_secs(forgiven * step)).unwrap_or(now),
        };
        // Beyond the longest wait more failures change nothing; so the way back is not endless either.
        let failures = (left + 1).min(self.free + 16);
        let doubled = failures.checked_sub(self.free + 1).map(|over| SignedDuration::from_secs(1 << over));
        let wait = doubled.map_or(SignedDuration::ZERO, |wait| wait.min(self.longest));
        Ok(Meter { failures, counted_at, blocked_until: now.saturating_add(wait).unwrap_or(now) })
    }

    /// Gives back an attempt that succeeded, or that was not made.
    #[must_use]
    pub fn refund(&self, meter: Meter, now: Timestamp) -> Meter {
        let failures = meter.failures.saturating_sub(1);
        let blocked_until = if failures <= self.free { now.min(meter.blocked_until) } else { meter.blocked_until };
        Meter { failures, blocked_until, ..meter }
    }
}

/// Something attempts are counted for: a hash, which tells neither an address nor whether there is an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bucket(pub [u8; 32]);

impl Bucket {
    /// Sign-ins and mails for one account, whether it exists or not.
    pub fn account(purpose: &str, email: &EmailAddress) -> Self {
        Self::of(&["account", purpose, &email.key()])
    }

    /// Sign-ins for one account from a network that it was used from before: strangers elsewhere do not fill it.
    pub fn account_from(email: &EmailAddress, origin: &Origin) -> Self {
        Self::of(&["account-from", &email.key(), &origin.network()])
    }

    /// What a signed-in person (or one halfway in) tries.
    pub fn user(purpose: &str, user_id: UserId) -> Self {
        Self::of(&["user", purpose, &user_id.to_string()])
    }

    /// Attempts from one address.
    pub fn address(purpose: &str, origin: &Origin) -> Self {
        Self::of(&["address", purpose, &origin.subscriber()])
    }

    fn of(parts: &[&str]) -> Self {
        Self(secret::sha256(parts.join("\n").as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RULE: Rule =
        Rule { free: 5, forgiven_after: SignedDuration::from_mins(10), longest: SignedDuration::from_secs(60) };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn five_are_free_then_the_wait_doubles_up_to_a_minute() {
        let (mut meter, mut now, mut waits) = (None, 0, Vec::new());
        for _ in 0..15 {
            let next = RULE.charge(meter, at(now)).unwrap();
            let wait = next.blocked_until.duration_since(at(now)).as_secs();
            waits.push(wait);
            now += wait;
            meter = Some(next);
        }
        assert_eq!(waits, [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60]);
    }

    #[test]
    fn what_is_refused_is_not_counted_and_a_success_is_given_back() {
        let mut meter = None;
        for _ in 0..6 {
            meter = Some(RULE.charge(meter, at(0)).unwrap());
        }
        assert_eq!(RULE.charge(meter, at(0)), Err(1));
        let back = RULE.refund(meter.unwrap(), at(0));
        assert_eq!(back.failures, 5);
        assert!(RULE.charge(Some(back), at(0)).is_ok());
    }

    #[test]
    fn requests_side_by_side_may_be_counted_out_of_order() {
        let meter = RULE.charge(None, at(10)).unwrap();
        assert!(RULE.charge(Some(meter), at(9)).is_ok());
    }

    #[test]
    fn time_forgives() {
        let mut meter = None;
        for _ in 0..6 {
            meter = Some(RULE.charge(meter, at(0)).unwrap());
        }
        assert_eq!(RULE.charge(meter, at(1_200)).unwrap().failures, 5, "two of six, and a new one");
        assert_eq!(RULE.charge(meter, at(100_000)).unwrap().failures, 1);
    }

    proptest! {
        #[test]
        fn nobody_ever_waits_longer_than_the_longest(pauses in proptest::collection::vec(0_i64..5_000, 1..60)) {
            let (mut meter, mut now) = (None, 0);
            for pause in pauses {
                now += pause;
                match RULE.charge(meter, at(now)) {
                    Ok(next) => {
                        prop_assert!(next.blocked_until.duration_since(at(now)) <= RULE.longest);
                        meter = Some(next);
                    }
                    Err(wait) => prop_assert!((1..=60).contains(&wait)),
                }
            }
        }
    }
}
