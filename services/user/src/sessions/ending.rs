//! Ending sessions: their refresh tokens are worth nothing from then on, and every service is told to refuse their
//! access tokens.

use crate::error::Error;
use crate::sessions::store::{self, EndReason, Which};
use diesel::PgConnection;
use jiff::{SignedDuration, Timestamp};
use rollcall_common::auth::{
    API_TOKEN_REVOKED, API_TOKEN_STALE, Revocation, RevocationKind, Revocations, SESSION_ENDED, USER_DISABLED,
};
use rollcall_common::events::{NewEvent, Outbox};
use rollcall_ids::{SessionId, UserId};

/// Longer than clocks differ, and than a token takes from being made to being noted.
const MARGIN: SignedDuration = SignedDuration::from_secs(60);

/// Ends sessions. Cheap to clone.
#[derive(Clone)]
pub struct Closer {
    /// Where every service is told.
    pub outbox: Outbox,
    /// What this service itself refuses.
    pub revocations: Revocations,
    /// How long an access token is valid.
    pub access_token: SignedDuration,
}

/// What was ended in a transaction; takes effect with [`Closer::committed`] after it.
#[derive(Debug, Default)]
#[must_use = "the sessions end in this process when it is given to `committed`"]
pub struct Ended(Vec<Revocation>);

impl Ended {
    /// The same and what another act ended.
    pub fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

impl Closer {
    /// Ends sessions of a user in the caller's transaction.
    pub fn end(
        &self,
        conn: &mut PgConnection,
        user_id: UserId,
        which: Which,
        reason: EndReason,
        now: Timestamp,
    ) -> Result<Ended, Error> {
        let until = later(now, self.access_token + MARGIN);
        let sessions = store::end(conn, user_id, which, reason, now)?;
        let ended = sessions.into_iter().map(|id| (SESSION_ENDED, Revocation::of_session(id, user_id, now, until)));
        self.tell(conn, ended.collect())
    }

    /// Tells every service to refuse an API token.
    pub fn revoke_api_token(
        &self,
        conn: &mut PgConnection,
        user_id: UserId,
        api_token_id: SessionId,
        now: Timestamp,
    ) -> Result<Ended, Error> {
        // An answer that is on its way to a service right now may be believed for as long as this.
        let until = later(now, API_TOKEN_STALE + MARGIN);
        self.tell(conn, vec![(API_TOKEN_REVOKED, Revocation::of_session(api_token_id, user_id, now, until))])
    }

    /// Tells every service to refuse whatever a user holds.
    pub fn disable(&self, conn: &mut PgConnection, user_id: UserId, now: Timestamp) -> Result<Ended, Error> {
        let until = later(now, API_TOKEN_STALE + MARGIN);
        self.tell(conn, vec![(USER_DISABLED, Revocation::of_user(user_id, now, until))])
    }

    fn tell(&self, conn: &mut PgConnection, ended: Vec<(&'static str, Revocation)>) -> Result<Ended, Error> {
        for (kind, revocation) in &ended {
            let subject = match revocation.kind {
                RevocationKind::Session => revocation.id.to_string(),
                RevocationKind::User => revocation.user_id.to_string(),
            };
            self.revocations.note(conn, revocation)?;
            self.outbox.emit(conn, &NewEvent { kind, subject, org_id: None, version: None, data: revocation })?;
        }
        Ok(Ended(ended.into_iter().map(|(_, revocation)| revocation).collect()))
    }

    /// Refuses the access tokens of what was ended, here and now.
    pub fn committed(&self, ended: &Ended) {
        for revocation in &ended.0 {
            self.revocations.committed(revocation);
        }
    }
}

fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.saturating_add(by).unwrap_or(Timestamp::MAX)
}
