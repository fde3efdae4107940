//! What an API token is, and what may be asked of one.

use jiff::{SignedDuration, Timestamp};
use rollcall_common::auth::API_TOKEN_PREFIX;
use rollcall_common::pii::Pii;
use rollcall_common::secret;
use rollcall_common::validate::{self, Rejection};
use std::collections::BTreeSet;

/// Random bytes of a token.
const TOKEN_BYTES: usize = 32;
/// Longest name, in characters.
const NAME_MAX: usize = 100;
/// Longest life.
const LONGEST: SignedDuration = SignedDuration::from_hours(24 * 366);
/// Tokens that one account may have at once.
pub const MOST: i64 = 50;
/// What a token may be for. Nothing of an account can be changed with one: `user:write` does not exist.
pub const SCOPES: [&str; 7] = [
    "user:read",
    "org:read",
    "org:write",
    "attendance:read",
    "attendance:write",
    "notification:read",
    "notification:write",
];

/// A token as its holder has it. Only its hash is stored; it never prints.
#[derive(Clone, Debug)]
pub struct ApiToken(Pii<String>);

impl ApiToken {
    /// A new one, 256 random bits.
    pub fn generate() -> Self {
        Self(Pii::new(format!("{API_TOKEN_PREFIX}{}", secret::random_token(TOKEN_BYTES))))
    }

    /// What is stored of it.
    pub fn hash(&self) -> [u8; 32] {
        secret::sha256(self.0.expose().as_bytes())
    }

    /// The token, for its holder.
    pub fn into_inner(self) -> Pii<String> {
        self.0
    }
}

/// A name that tells tokens apart.
pub fn name(input: &str) -> Result<String, Rejection> {
    validate::text(input, NAME_MAX)
}

/// At least one scope, each once, in alphabetical order.
pub fn scopes(input: &[String]) -> Result<Vec<String>, Rejection> {
    let unknown = input.iter().find(|scope| !SCOPES.contains(&scope.as_str()));
    if input.is_empty() || unknown.is_some() {
        return Err(Rejection::new("unknown_scope", format!("must be some of {}", SCOPES.join(", "))));
    }
    Ok(input.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect())
}

/// An end that is to come, within 366 days.
pub fn expires_at(input: Timestamp, now: Timestamp) -> Result<Timestamp, Rejection> {
    if input > now && input.duration_since(now) <= LONGEST {
        Ok(input)
    } else {
        Err(Rejection::new("out_of_range", "must be in the future, by 366 days at most"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_by_its_beginning_and_silent() {
        let token = ApiToken::generate();
        assert!(!format!("{token:?}").contains(token.0.expose().as_str()));
        assert_ne!(token.hash(), ApiToken::generate().hash());
        let text = token.into_inner().into_inner();
        assert!(text.starts_with("rct_") && text.len() == 47, "{text}");
    }

    #[test]
    fn scopes_are_known_ones_each_once() {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            scopes(&list(&["org:read", "attendance:write", "org:read"])).unwrap(),
            ["attendance:write", "org:read"]
        );
        for wrong in [&[][..], &["user:write"], &["*"], &["org:read", "org"]] {
            assert!(scopes(&list(wrong)).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn an_end_lies_ahead_by_a_year_at_most() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let after = |hours| expires_at(now + SignedDuration::from_hours(hours), now);
        assert!(after(1).is_ok() && after(24 * 366).is_ok());
        assert!(after(0).is_err() && after(-1).is_err() && after(24 * 366 + 1).is_err());
        assert!(expires_at(Timestamp::MAX, Timestamp::MIN).is_err());
    }
}
