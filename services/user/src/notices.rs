//! Telling somebody that how they sign in was changed, by an event that becomes a mail.

use crate::app::App;
use crate::error::Error;
use crate::users::store as users;
use diesel::PgConnection;
use jiff::Timestamp;
use rollcall_common::events::{NewEvent, Outbox};
use rollcall_ids::UserId;
use rollcall_user_api::events::{CREDENTIALS_CHANGED, Credential, CredentialsChanged};

/// Writes such events.
pub struct Notices(Outbox);

impl Notices {
    /// Of this service.
    pub fn of(app: &App) -> Self {
        Self(app.core.outbox.clone())
    }

    /// Tells of a change, in the transaction that makes it.
    pub fn changed(
        &self,
        conn: &mut PgConnection,
        user_id: UserId,
        change: Credential,
        now: Timestamp,
    ) -> Result<(), Error> {
        let user = users::by_id(conn, user_id)?.ok_or(users::NO_ACCOUNT)?;
        let data = CredentialsChanged { recipient: user.recipient(), change, at: now };
        let subject = user_id.to_string();
        self.0
            .emit(conn, &NewEvent { kind: CREDENTIALS_CHANGED, subject, org_id: None, version: None, data: &data })?;
        Ok(())
    }
}
