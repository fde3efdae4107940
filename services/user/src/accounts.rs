//! Disabling an account: an operator's act, by command. Nobody can do it over HTTP, so no token in the wrong hands can.

use crate::api_tokens::store as api_tokens;
use crate::app::App;
use crate::audit::domain::Act;
use crate::audit::store::{self as audit, Entry};
use crate::error::Error;
use crate::mfa::store as mfa;
use crate::origin::Origin;
use crate::sessions::store::{EndReason, Which};
use crate::users::domain::EmailAddress;
use crate::users::store as users;
use rollcall_common::db::Unscoped;
use rollcall_common::fault::Fault;
use rollcall_ids::UserId;

/// Whether an account was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The account.
    pub user_id: UserId,
    /// False: it was so already.
    pub changed: bool,
}

/// Disables an account: every session ends, every API token is revoked, and nobody signs in until it is enabled.
pub async fn disable(app: &App, email: EmailAddress) -> Result<Changed, Error> {
    let (now, closer) = (app.core.clock.now(), app.closer.clone());
    let (changed, ended) = app
        .core
        .db
        .transaction(Unscoped, move |conn| {
            let (user, _) = users::by_email(conn, &email)?.ok_or(Fault::NotFound)?;
            let user_id = user.user_id;
            let changed = users::set_disabled(conn, user_id, true, now)?.ok_or(Fault::NotFound)?;
            mfa::end_challenges(conn, user_id)?;
            api_tokens::revoke_all(conn, user_id, now)?;
            let ended = closer.end(conn, user_id, Which::All, EndReason::AccountDisabled, now)?;
            let ended = ended.and(closer.disable(conn, user_id, now)?);
            record(conn, user_id, Act::AccountDisabled, now)?;
            Ok::<_, Error>((Changed { user_id, changed }, ended))
        })
        .await?;
    app.closer.committed(&ended);
    Ok(changed)
}

/// Lets somebody sign in again. What was ended stays ended.
pub async fn enable(app: &App, email: EmailAddress) -> Result<Changed, Error> {
    let now = app.core.clock.now();
    app.core
        .db
        .transaction(Unscoped, move |conn| {
            let (user, _) = users::by_email(conn, &email)?.ok_or(Fault::NotFound)?;
            let user_id = user.user_id;
            let changed = users::set_disabled(conn, user_id, false, now)?.ok_or(Fault::NotFound)?;
            if changed {
                record(conn, user_id, Act::AccountEnabled, now)?;
            }
            Ok(Changed { user_id, changed })
        })
        .await
}

fn record(conn: &mut diesel::PgConnection, user_id: UserId, act: Act, now: jiff::Timestamp) -> diesel::QueryResult<()> {
    let origin = Origin::operator();
    audit::record(conn, &Entry { user_id: Some(user_id), act, session_id: None, origin: &origin }, now)
}
