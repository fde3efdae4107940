//! The life of a signing key, and how its public half is shown.
//!
//! A key is published before it signs, so that every verifier has it by then; the youngest key that may sign does;
//! an old one stays published until the last token it signed has expired. All of that is three instants in its
//! row, so a rotation is an insert and an update, and no clock but the caller's is asked.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use rollcall_common::auth::Jwk;
use rollcall_common::secret;

/// When a key is shown and when it signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// Shown from here on.
    pub published_at: Timestamp,
    /// Signs from here on, until a younger key does.
    pub signs_from: Timestamp,
    /// Neither signs nor is shown from here on; unknown while it has no successor.
    pub retired_at: Option<Timestamp>,
}

impl Life {
    /// Of the first key, which nobody waits for: it signs at once.
    pub fn first(now: Timestamp) -> Self {
        Self { published_at: now, signs_from: now, retired_at: None }
    }

    /// Whether verifiers should know the key at `now`.
    pub fn is_published(&self, now: Timestamp) -> bool {
        self.published_at <= now && self.retired_at.is_none_or(|retired| now < retired)
    }

    /// Whether the key may sign at `now`, should no younger one.
    pub fn may_sign(&self, now: Timestamp) -> bool {
        self.is_published(now) && self.signs_from <= now
    }
}

/// How keys follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// How long a key is published before it signs: longer than anybody keeps the published keys.
    pub ahead: SignedDuration,
    /// How long a key is published after its successor signs: longer than a token is valid.
    pub after: SignedDuration,
    /// How long a key signs until its successor does.
    pub every: SignedDuration,
}

impl Plan {
    /// The life of a successor that is made `now`.
    pub fn successor(&self, now: Timestamp) -> Life {
        Life { published_at: now, signs_from: later(now, self.ahead), retired_at: None }
    }

    /// When a key is retired whose successor signs from `signs_from`.
    pub fn retires_at(&self, signs_from: Timestamp) -> Timestamp {
        later(signs_from, self.after)
    }

    /// Whether it is time to publish a successor: so that it signs when the youngest has signed long enough, and none
    /// waits already.
    pub fn is_due(&self, lives: impl IntoIterator<Item = Life>, now: Timestamp) -> bool {
        let youngest = lives.into_iter().map(|life| life.signs_from).max();
        youngest.is_some_and(|signs_from| later(signs_from, self.every - self.ahead) <= now && signs_from <= now)
    }
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}

/// The key that signs at `now`: of those that may, the one that does so since the latest moment.
pub fn signing<K>(keys: &[K], life: impl Fn(&K) -> Life, now: Timestamp) -> Option<&K> {
    keys.iter().filter(|key| life(key).may_sign(now)).max_by_key(|key| life(key).signs_from)
}

/// The public half of an Ed25519 key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey(pub [u8; 32]);

impl PublicKey {
    /// Its name in tokens and in the JWKS: the thumbprint of RFC 7638 with SHA-256, which RFC 8037 §2 defines for
    /// this kind of key. Two keys cannot share one, and one key cannot have two.
    pub fn kid(&self) -> String {
        let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, self.x());
        URL_SAFE_NO_PAD.encode(secret::sha256(canonical.as_bytes()))
    }

    /// As a JSON Web Key (RFC 8037 §2).
    pub fn jwk(&self) -> Jwk {
        Jwk::ed25519(self.kid(), self.x())
    }

    fn x(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_name_of_a_key_is_the_thumbprint_of_rfc_8037() {
        let mut key = [0; 32];
        key.copy_from_slice(&URL_SAFE_NO_PAD.decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap());
        assert_eq!(PublicKey(key).kid(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", "RFC 8037 appendix A.3");
    }

    #[test]
    fn the_next_key_is_shown_before_it_signs_and_the_old_one_after() {
        let old = Life { published_at: at(0), signs_from: at(0), retired_at: Some(at(130)) };
        let new = Life { published_at: at(50), signs_from: at(100), retired_at: None };
        let keys = [old, new];
        for (now, signs, shown) in
            [(10, old, 1), (50, old, 2), (99, old, 2), (100, new, 2), (129, new, 2), (130, new, 1)]
        {
            let now = at(now);
            assert_eq!(signing(&keys, |life| *life, now), Some(&signs), "at {now}");
            assert_eq!(keys.iter().filter(|life| life.is_published(now)).count(), shown, "at {now}");
        }
    }

    const PLAN: Plan = Plan {
        ahead: SignedDuration::from_secs(100),
        after: SignedDuration::from_secs(30),
        every: SignedDuration::from_secs(1_000),
    };

    #[test]
    fn a_successor_is_due_so_that_it_signs_in_time_and_one_at_a_time() {
        let first = Life::first(at(0));
        assert!(!PLAN.is_due([first], at(899)));
        assert!(PLAN.is_due([first], at(900)));
        assert!(PLAN.is_due([first], at(5_000)), "late is better than never");
        assert!(!PLAN.is_due([first, PLAN.successor(at(900))], at(901)), "one waits already");
        assert!(!PLAN.is_due([], at(900)));
    }

    proptest! {
        #[test]
        fn through_any_rotations_a_token_is_verified_by_what_is_published_until_it_expires(
            pauses in proptest::collection::vec(1_i64..3_000, 1..8), moment in 0_i64..20_000,
        ) {
            // Rotations whenever somebody asks for one and none waits, as the command does.
            let (mut lives, mut now) = (vec![Life::first(at(0))], 0);
            for pause in pauses {
                now += pause;
                if lives.iter().all(|life| life.signs_from <= at(now)) {
                    let next = PLAN.successor(at(now));
                    for life in lives.iter_mut().filter(|life| life.retired_at.is_none()) {
                        life.retired_at = Some(PLAN.retires_at(next.signs_from));
                    }
                    lives.push(next);
                }
            }
            let life = *signing(&lives, |life| *life, at(moment)).unwrap();
            prop_assert!(life.is_published(at(moment + PLAN.after.as_secs() - 1)), "until its tokens have expired");
            prop_assert!(life.signs_from == at(0) || life.is_published(at(moment - PLAN.ahead.as_secs())), "well ahead");
        }

        #[test]
        fn what_signs_is_always_published(
            lives in proptest::collection::vec((0_i64..100, 0_i64..100, proptest::option::of(0_i64..100)), 0..5),
            now in 0_i64..300,
        ) {
            let lives: Vec<_> = lives
                .into_iter()
                .map(|(published, wait, rest)| Life {
                    published_at: at(published),
                    signs_from: at(published + wait),
                    retired_at: rest.map(|rest| at(published + wait + 1 + rest)),
                })
                .collect();
            let now = at(now);
            match signing(&lives, |life| *life, now) {
                Some(life) => prop_assert!(life.is_published(now) && life.signs_from <= now),
                None => prop_assert!(!lives.iter().any(|life| life.may_sign(now))),
            }
        }
    }
}
