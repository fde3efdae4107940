//! Asking for a mail, and choosing a new password with what it brings.

use crate::app::App;
use crate::audit::domain::Act;
use crate::audit::store::{self as audit, Entry};
use crate::error::Error;
use crate::mfa::store as mfa;
use crate::notices::Notices;
use crate::origin::Origin;
use crate::passwords::domain::Password;
use crate::resets::store;
use crate::sessions::domain::RefreshToken;
use crate::sessions::store::{EndReason, Which};
use crate::throttle::domain::Bucket;
use crate::throttle::store as throttle;
use crate::users::domain::EmailAddress;
use crate::users::store as users;
use jiff::SignedDuration;
use rollcall_common::db::Unscoped;
use rollcall_common::events::NewEvent;
use rollcall_common::problem::chain;
use rollcall_user_api::events::{Credential, PASSWORD_RESET_REQUESTED, PasswordResetRequested};
use std::sync::Arc;

/// How long a token is worth something.
const VALID: SignedDuration = SignedDuration::from_mins(30);

/// Has a mail sent, if there is an account. Whether there is one shows neither in the answer nor in its time: what
/// depends on it is done after the answer, and what a crash loses is asked for again. The account's own throttle is
/// silent for the same reason; that of the address refuses.
pub async fn request(app: &Arc<App>, email: EmailAddress, origin: Origin) -> Result<(), Error> {
    let (now, rules) = (app.core.clock.now(), app.settings.throttling.rules());
    let buckets = [(Bucket::address("mail", &origin), rules.address)];
    app.core.db.transaction(Unscoped, move |conn| throttle::charge(conn, &buckets, now)).await?;
    let app = Arc::clone(app);
    tokio::spawn(async move {
        match send(&app, email, origin).await {
            Ok(()) | Err(Error::TooManyAttempts(_)) => {}
            Err(error) => tracing::error!(error = chain(&error), "a mail for a new password could not be requested"),
        }
    });
    Ok(())
}

async fn send(app: &App, email: EmailAddress, origin: Origin) -> Result<(), Error> {
    let (now, rules, outbox) = (app.core.clock.now(), app.settings.throttling.rules(), app.core.outbox.clone());
    app.core
        .db
        .transaction(Unscoped, move |conn| {
            throttle::charge(conn, &[(Bucket::account("mail", &email), rules.mail)], now)?;
            let Some((user, _)) = users::by_email(conn, &email)?.filter(|(user, _)| !user.is_disabled()) else {
                return Ok(());
            };
            let (token, expires_at) = (RefreshToken::generate(), now + VALID);
            store::replace(conn, user.user_id, token.hash(), expires_at)?;
            let act = Act::PasswordResetRequested;
            let entry = Entry { user_id: Some(user.user_id), act, session_id: None, origin: &origin };
            audit::record(conn, &entry, now)?;
            let data = PasswordResetRequested {
                recipient: user.recipient(),
                token: token.into_inner().into_inner(),
                expires_at,
            };
            let (kind, subject) = (PASSWORD_RESET_REQUESTED, user.user_id.to_string());
            outbox.emit(conn, &NewEvent { kind, subject, org_id: None, version: None, data: &data })?;
            Ok(())
        })
        .await
}

/// Replaces the password by a token that came by mail, and ends every session. It signs nobody in, and a second
/// factor is asked for as before.
pub async fn choose(app: &App, token: RefreshToken, password: Password, origin: Origin) -> Result<(), Error> {
    let (now, hash) = (app.core.clock.now(), token.hash());
    // No password is hashed for a token that is made up.
    let known = move |conn: &mut _| Ok::<_, Error>(store::find(conn, hash, now)?);
    app.core.db.transaction(Unscoped, known).await?.ok_or(Error::InvalidResetToken)?;
    let password_hash = app.passwords.hash(password).await?;
    let (closer, notices) = (app.closer.clone(), Notices::of(app));
    let ended = app
        .core
        .db
        .transaction(Unscoped, move |conn| {
            let user_id = store::spend(conn, hash, now)?.ok_or(Error::InvalidResetToken)?;
            users::set_password(conn, user_id, None, &password_hash, now)?;
            mfa::end_challenges(conn, user_id)?;
            let act = Act::PasswordReset;
            audit::record(conn, &Entry { user_id: Some(user_id), act, session_id: None, origin: &origin }, now)?;
            notices.changed(conn, user_id, Credential::PasswordReset, now)?;
            closer.end(conn, user_id, Which::All, EndReason::PasswordReset, now)
        })
        .await?;
    app.closer.committed(&ended);
    Ok(())
}
