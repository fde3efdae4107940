//! API tokens of people, for scripts and devices: random text that says nothing by itself.
//!
//! What one is worth is asked of the user service once, by its hash, and remembered: a minute without asking again,
//! and while user is away for at most [`STALE`]. That is safe because a token that is revoked is dropped by the event
//! that says so, and user must be up to revoke one. So a time clock on the wall keeps working while user is
//! released, and no request of it costs a call.
//!
//! Rejected: API tokens as JWTs. They live for months, so each would have to stand in a list of revoked ones for as
//! long, in every service.

use crate::cached::{Belief, Cached};
use crate::client::{CallError, Peers};
use crate::clock::Clock;
use crate::fault::Fault;
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use rollcall_ids::{SessionId, UserId};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, OnceLock};
use tokio::sync::Semaphore;

/// How every API token begins: it is told from an access token at once, and scanners for leaked secrets find it.
pub const API_TOKEN_PREFIX: &str = "rct_";
/// How long an answer of user is believed without asking again.
const FRESH: SignedDuration = SignedDuration::from_secs(60);
/// How long it is believed while user is away.
pub const STALE: SignedDuration = SignedDuration::from_hours(1);
/// Tokens remembered.
const REMEMBERED: u64 = 10_000;
/// Questions to user at once: a flood of made-up tokens must not become one on user.
const QUESTIONS: usize = 8;

/// Path of the user service that answers what the token with this hash is worth: 200 with [`ApiTokenGrant`], or 404.
pub fn api_token_path(hash: &[u8; 32]) -> String {
    format!("/internal/v1/api-tokens/{}", URL_SAFE_NO_PAD.encode(hash))
}

/// The hash in such a path.
pub fn parse_api_token_hash(text: &str) -> Option<[u8; 32]> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

/// What an API token is worth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(example = json!({
    "api_token_id": "0193a6f0-7c1e-7000-8000-000000000003", "user_id": "0193a6f0-7c1e-7000-8000-000000000001",
    "scopes": ["attendance:write"], "created_at": "2026-11-20T08:00:00Z", "expires_at": "2027-02-20T08:00:00Z"
}))]
pub struct ApiTokenGrant {
    /// Its id; stands where a session's would.
    pub api_token_id: SessionId,
    /// For whom it speaks.
    pub user_id: UserId,
    /// What may be done with it: `<service>:read` or `<service>:write`, which includes reading.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is worth nothing.
    pub expires_at: Timestamp,
}

/// What a caller may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grant {
    /// Whatever the person may: they are signed in.
    Session,
    /// What the scopes of an API token say, of what the person may.
    ApiToken(Arc<[String]>),
}

impl Grant {
    /// Whether a request to `service` is covered; `reads` if it changes nothing.
    pub fn covers(&self, service: &str, reads: bool) -> bool {
        match self {
            Self::Session => true,
            Self::ApiToken(scopes) => scopes.iter().any(|scope| match scope.split_once(':') {
                Some((named, "write")) => named == service,
                Some((named, "read")) => named == service && reads,
                _ => false,
            }),
        }
    }
}

/// Who knows what API tokens are worth.
#[async_trait]
pub trait ApiTokenAuthority: Send + Sync + 'static {
    /// What the token with this hash is worth; none: nothing.
    async fn grant(&self, hash: [u8; 32]) -> Result<Option<ApiTokenGrant>, Fault>;
}

/// Asks the user service.
struct Remote(Peers);

#[async_trait]
impl ApiTokenAuthority for Remote {
    async fn grant(&self, hash: [u8; 32]) -> Result<Option<ApiTokenGrant>, Fault> {
        let user = self.0.get("user").map_err(Fault::Internal)?;
        match user.get_json(&api_token_path(&hash)).await {
            Ok(grant) => Ok(Some(grant)),
            Err(CallError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// A token that is worth something.
#[derive(Clone)]
pub(crate) struct Verified {
    pub(crate) grant: ApiTokenGrant,
    pub(crate) scopes: Arc<[String]>,
}

/// What is known of API tokens.
pub(crate) struct ApiTokens {
    authority: Arc<OnceLock<Arc<dyn ApiTokenAuthority>>>,
    clock: Clock,
    known: Cached<[u8; 32], Verified>,
}

impl ApiTokens {
    pub(crate) fn new(peers: Peers, clock: Clock) -> Self {
        let authority = Arc::new(OnceLock::<Arc<dyn ApiTokenAuthority>>::new());
        let (own, questions) = (Arc::clone(&authority), Arc::new(Semaphore::new(QUESTIONS)));
        // A token that was worth nothing may be worth something now: it has just been made.
        let belief = Belief { fresh: FRESH, stale: STALE, unknown: SignedDuration::ZERO, most: REMEMBERED };
        let known = Cached::new("user", belief, clock.clone(), move |hash| {
            let (own, peers, questions) = (own.get().cloned(), peers.clone(), Arc::clone(&questions));
            async move {
                let _turn = questions.acquire().await.map_err(Fault::internal)?;
                let grant = match own {
                    Some(own) => own.grant(hash).await?,
                    None => Remote(peers).grant(hash).await?,
                };
                Ok(grant.map(|grant| Verified { scopes: grant.scopes.clone().into(), grant }))
            }
        });
        Self { authority, clock, known }
    }

    /// Asks `authority` instead of the user service: the user service itself does.
    pub(crate) fn ask(&self, authority: Arc<dyn ApiTokenAuthority>) {
        // Set once, before anything is served.
        let _ = self.authority.set(authority);
    }

    pub(crate) async fn verify(&self, hash: [u8; 32]) -> Result<Verified, Fault> {
        let verified = self.known.get(&hash).await?.ok_or(Fault::NotSignedIn("the API token is not valid"))?;
        if self.clock.now() >= verified.grant.expires_at {
            return Err(Fault::NotSignedIn("the API token has expired"));
        }
        Ok(verified)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_names_a_service_and_writing_includes_reading() {
        let grant =
            Grant::ApiToken(vec!["attendance:write".to_owned(), "org:read".to_owned(), "user".to_owned()].into());
        for (service, reads, covered) in [
            ("attendance", true, true),
            ("attendance", false, true),
            ("org", true, true),
            ("org", false, false),
            ("user", true, false),
            ("notification", true, false),
        ] {
            assert_eq!(grant.covers(service, reads), covered, "{service} {reads}");
        }
        assert!(Grant::Session.covers("anything", false));
    }

    #[test]
    fn a_hash_goes_into_a_path_and_out_again() {
        let path = api_token_path(&[0xfb; 32]);
        let text = path.rsplit('/').next().unwrap();
        assert_eq!(parse_api_token_hash(text), Some([0xfb; 32]));
        assert_eq!(parse_api_token_hash("sesame"), None);
    }
}
