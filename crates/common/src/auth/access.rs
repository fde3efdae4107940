//! Access tokens of people: Ed25519 JWTs (RFC 8037) that live five minutes, or API tokens in their place.

use super::api_tokens::{API_TOKEN_PREFIX, ApiTokens, Grant, Verified};
use super::keys::KeyCache;
use super::revocations::Revocations;
use super::{LEEWAY_SECONDS, bearer, count, not_known};
use crate::clock::Clock;
use crate::fault::Fault;
use crate::secret;
use crate::server::Core;
use crate::server::limits::Principal;
use crate::settings::AuthSettings;
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, Validation};
use moka::sync::Cache;
use rollcall_ids::{SessionId, UserId};
use serde::{Deserialize, Serialize};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// Verified tokens remembered: verifying takes 37 µs of a core, looking up a hash takes 0.2 µs.
const REMEMBERED: u64 = 50_000;

/// What an access token says. Times are seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessClaims {
    /// Who issued it.
    pub iss: String,
    /// For whom it is.
    pub aud: String,
    /// The user.
    pub sub: UserId,
    /// The session it belongs to.
    pub sid: SessionId,
    /// When it was issued.
    pub iat: i64,
    /// When it stops being valid.
    pub exp: i64,
    /// Its own id.
    pub jti: String,
}

/// A signed-in person. As an extractor: 401 without a valid token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Who.
    pub user_id: UserId,
    /// Signed in with which session; the id of the API token where one stands in its place.
    pub session_id: SessionId,
    /// Since when the token is valid.
    pub issued_at: Timestamp,
    /// Until when the token is valid; a stream must not outlive it unchecked.
    pub expires_at: Timestamp,
    /// What may be done with it. Requests that it does not cover are refused before a handler sees them.
    pub grant: Grant,
}

impl Caller {
    pub(super) fn principal(&self) -> Principal {
        match self.grant {
            Grant::Session => Principal::Session(self.session_id),
            Grant::ApiToken(_) => Principal::ApiToken(self.session_id),
        }
    }

    /// Refuses API tokens: for what only the person themselves may do, like changing their password.
    pub fn in_person(&self) -> Result<(), Fault> {
        match self.grant {
            Grant::Session => Ok(()),
            Grant::ApiToken(_) => Err(Fault::InsufficientScope),
        }
    }
}

/// Verifies access tokens and remembers those it has seen.
pub(crate) struct AccessTokens {
    keys: Arc<KeyCache>,
    clock: Clock,
    validation: Validation,
    seen: Cache<[u8; 32], Caller>,
    revocations: Revocations,
    pub(crate) api_tokens: ApiTokens,
}

impl AccessTokens {
    pub(crate) fn new(
        keys: Arc<KeyCache>,
        clock: Clock,
        settings: &AuthSettings,
        revocations: Revocations,
        api_tokens: ApiTokens,
    ) -> Self {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[&settings.issuer]);
        validation.set_audience(&[&settings.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // Times are checked against the injected clock.
        validation.validate_exp = false;
        Self { keys, clock, validation, seen: Cache::new(REMEMBERED), revocations, api_tokens }
    }

    pub(super) async fn verify(&self, token: &str) -> Result<Caller, Fault> {
        let hash = secret::sha256(token.as_bytes());
        let caller = if token.starts_with(API_TOKEN_PREFIX) {
            let Verified { grant, scopes } = self.api_tokens.verify(hash).await?;
            Caller {
                user_id: grant.user_id,
                session_id: grant.api_token_id,
                issued_at: grant.created_at,
                expires_at: grant.expires_at,
                grant: Grant::ApiToken(scopes),
            }
        } else {
            self.verify_jwt(token, hash).await?
        };
        self.revocations.ready().await?;
        // Remembered tokens too: a session may have ended since.
        if self.revocations.refuses(caller.user_id, caller.session_id, caller.issued_at) {
            return Err(Fault::NotSignedIn("the session has been ended"));
        }
        Ok(caller)
    }

    async fn verify_jwt(&self, token: &str, hash: [u8; 32]) -> Result<Caller, Fault> {
        let now = self.clock.now();
        if let Some(caller) = self.seen.get(&hash) {
            return unexpired(caller, now);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| Fault::NotSignedIn("the token is not a JWT"))?;
        if header.alg != Algorithm::EdDSA {
            return Err(Fault::NotSignedIn("the token is not signed with EdDSA"));
        }
        let kid = header.kid.ok_or(Fault::NotSignedIn("the token names no key"))?;
        let key = self.keys.find(&kid).await?.ok_or(Fault::NotSignedIn("the token's key is unknown"))?;
        let claims = jsonwebtoken::decode::<AccessClaims>(token, &key, &self.validation)
            .map_err(|_| Fault::NotSignedIn("the token is not valid"))?
            .claims;
        if claims.iat > now.as_second() + LEEWAY_SECONDS {
            return Err(Fault::NotSignedIn("the token is not valid yet"));
        }
        let at = |second| Timestamp::from_second(second).map_err(|_| Fault::NotSignedIn("the token is not valid"));
        let caller = Caller {
            user_id: claims.sub,
            session_id: claims.sid,
            issued_at: at(claims.iat)?,
            expires_at: at(claims.exp)?,
            grant: Grant::Session,
        };
        let caller = unexpired(caller, now)?;
        self.seen.insert(hash, caller.clone());
        Ok(caller)
    }
}

fn unexpired(caller: Caller, now: Timestamp) -> Result<Caller, Fault> {
    if caller.expires_at.as_second() + LEEWAY_SECONDS > now.as_second() {
        Ok(caller)
    } else {
        Err(Fault::NotSignedIn("the token has expired"))
    }
}

impl FromRequest for Caller {
    type Error = Fault;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Fault>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let token = bearer(request).map(str::to_owned);
        let core = request.app_data::<web::Data<Core>>().cloned();
        let reads = request.method().is_safe();
        let request = request.clone();
        Box::pin(async move {
            let token = token.ok_or(Fault::NotSignedIn("no bearer token came with the request"))?;
            let core = core.ok_or_else(|| Fault::internal(anyhow::anyhow!("no core is registered")))?;
            let caller = core.access_tokens.verify(&token).await.map_err(|fault| not_known(fault, &request, &core))?;
            count(&request, || core.rates.count(caller.principal()))?;
            if caller.grant.covers(core.name, reads) { Ok(caller) } else { Err(Fault::InsufficientScope) }
        })
    }
}
