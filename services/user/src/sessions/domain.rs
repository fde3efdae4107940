//! The rules of a session: how long it lives, and what a refresh token that comes is worth.

use jiff::{SignedDuration, Timestamp};
use rollcall_common::pii::Pii;
use rollcall_common::secret;

/// Random bytes of a refresh token.
const TOKEN_BYTES: usize = 32;
/// How long a spent refresh token is taken again: the answer that carried its successor may have been lost.
pub const OVERLAP: SignedDuration = SignedDuration::from_secs(10);

/// A refresh token as its holder has it. Only its hash is stored; it never prints.
#[derive(Clone, Debug)]
pub struct RefreshToken(Pii<String>);

impl RefreshToken {
    /// A new one, 256 random bits.
    pub fn generate() -> Self {
        Self(Pii::new(secret::random_token(TOKEN_BYTES)))
    }

    /// One that somebody presents. Any text may come: one that was never issued has no row.
    pub fn presented(token: Pii<String>) -> Self {
        Self(token)
    }

    /// What is stored of it.
    pub fn hash(&self) -> TokenHash {
        TokenHash(secret::sha256(self.0.expose().as_bytes()))
    }

    /// The token, for its holder.
    pub fn into_inner(self) -> Pii<String> {
        self.0
    }
}

/// SHA-256 of a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenHash(pub [u8; 32]);

/// How long sessions live.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// Since the last refresh.
    pub idle: SignedDuration,
    /// Since the login.
    pub absolute: SignedDuration,
}

impl Lifetimes {
    /// When a refresh token issued `now` expires, in a session that ends at `session_expires_at`.
    pub fn token_expires_at(&self, now: Timestamp, session_expires_at: Timestamp) -> Timestamp {
        now.saturating_add(self.idle).map_or(session_expires_at, |idle| idle.min(session_expires_at))
    }

    /// When a session that begins `now` expires, however busy it is.
    pub fn session_expires_at(&self, now: Timestamp) -> Timestamp {
        now.saturating_add(self.absolute).unwrap_or(Timestamp::MAX)
    }
}

/// What is known of a refresh token and its session.
#[derive(Clone, Copy, Debug)]
pub struct TokenState {
    /// When the token stops being worth anything.
    pub expires_at: Timestamp,
    /// When it was first exchanged.
    pub spent_at: Option<Timestamp>,
    /// Whether its session has been ended.
    pub session_ended: bool,
}

/// What to do with a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Issue the next pair and mark this token spent.
    Rotate,
    /// Issue another pair: it was spent a moment ago, and the answer may have been lost.
    Repeat,
    /// Spent long ago: somebody else has it. End the session.
    Reused,
    /// Too old.
    Expired,
    /// The session was ended.
    SessionEnded,
}

/// Judges a refresh token at `now`. The end of the session is told before anything else, and reuse before
/// expiry: a stolen token is noticed as long as its row is there.
pub fn judge(token: &TokenState, now: Timestamp) -> Verdict {
    if token.session_ended {
        return Verdict::SessionEnded;
    }
    match token.spent_at {
        Some(spent_at) if now.duration_since(spent_at) > OVERLAP => Verdict::Reused,
        _ if now >= token.expires_at => Verdict::Expired,
        Some(_) => Verdict::Repeat,
        None => Verdict::Rotate,
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
    fn a_token_is_judged_by_when_it_was_spent() {
        let token = |spent_at, session_ended| TokenState { expires_at: at(1_000), spent_at, session_ended };
        let cases = [
            ("fresh", token(None, false), 500, Verdict::Rotate),
            ("spent just now", token(Some(at(500)), false), 500, Verdict::Repeat),
            ("spent 10 s ago", token(Some(at(490)), false), 500, Verdict::Repeat),
            ("spent 11 s ago", token(Some(at(489)), false), 500, Verdict::Reused),
            ("expired", token(None, false), 1_000, Verdict::Expired),
            ("spent, then expired", token(Some(at(10)), false), 2_000, Verdict::Reused),
            ("ended", token(None, true), 500, Verdict::SessionEnded),
            ("ended and spent", token(Some(at(10)), true), 500, Verdict::SessionEnded),
        ];
        for (name, state, now, verdict) in cases {
            assert_eq!(judge(&state, at(now)), verdict, "{name}");
        }
    }

    #[test]
    fn a_token_never_outlives_its_session() {
        let lifetimes = Lifetimes { idle: SignedDuration::from_hours(2), absolute: SignedDuration::from_hours(5) };
        let end = lifetimes.session_expires_at(at(0));
        assert_eq!(end, at(5 * 3_600));
        assert_eq!(lifetimes.token_expires_at(at(0), end), at(2 * 3_600));
        assert_eq!(lifetimes.token_expires_at(at(4 * 3_600), end), end);
    }

    #[test]
    fn tokens_are_long_random_and_silent() {
        let (a, b) = (RefreshToken::generate(), RefreshToken::generate());
        assert_ne!(a.hash(), b.hash());
        assert!(!format!("{a:?}").contains(a.0.expose().as_str()));
        assert_eq!(a.into_inner().expose().len(), 43);
    }

    proptest! {
        #[test]
        fn a_token_is_worth_something_once_and_only_before_it_expires(
            expires in 0_i64..10_000, spent in proptest::option::of(0_i64..10_000), now in 0_i64..10_000, ended: bool,
        ) {
            let state = TokenState { expires_at: at(expires), spent_at: spent.map(at), session_ended: ended };
            let verdict = judge(&state, at(now));
            if matches!(verdict, Verdict::Rotate | Verdict::Repeat) {
                prop_assert!(!ended && now < expires);
                prop_assert!(spent.is_none_or(|spent| now - spent <= OVERLAP.as_secs()));
            }
            prop_assert_eq!(verdict == Verdict::Rotate, !ended && spent.is_none() && now < expires);
        }
    }
}
