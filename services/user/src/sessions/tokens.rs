//! Access tokens: what every service checks by itself. Neither a name nor a right stands in them, because a token is
//! believed for minutes after those have changed.

use crate::keys::ring::KeyRing;
use jiff::{SignedDuration, Timestamp};
use rollcall_common::auth::AccessClaims;
use rollcall_common::fault::Fault;
use rollcall_common::pii::Pii;
use rollcall_common::secret;
use rollcall_ids::{SessionId, UserId};

/// Random bytes of a token's id.
const JTI_BYTES: usize = 16;

/// Issues access tokens.
#[derive(Clone)]
pub struct AccessTokens {
    /// What signs them.
    pub keys: KeyRing,
    /// `iss`.
    pub issuer: String,
    /// `aud`.
    pub audience: String,
    /// How long each is valid.
    pub lifetime: SignedDuration,
}

impl AccessTokens {
    /// A token of a session, valid from `now`.
    pub fn issue(&self, user_id: UserId, session_id: SessionId, now: Timestamp) -> Result<Pii<String>, Fault> {
        let claims = AccessClaims {
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            sub: user_id,
            sid: session_id,
            iat: now.as_second(),
            exp: now.as_second().saturating_add(self.lifetime.as_secs()),
            jti: secret::random_token(JTI_BYTES),
        };
        self.keys.sign(&claims, now).map(Pii::new)
    }
}
