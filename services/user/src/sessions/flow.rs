//! Signing in, staying signed in, signing out.

use crate::app::App;
use crate::error::Error;
use crate::passwords::domain::Password;
use crate::sessions::domain::{self, RefreshToken, Verdict};
use crate::sessions::store::{self, EndReason, Held};
use crate::users::domain::EmailAddress;
use crate::users::store::{self as users, User};
use diesel::PgConnection;
use jiff::Timestamp;
use rollcall_common::db::Unscoped;
use rollcall_common::pii::Pii;
use rollcall_ids::{SessionId, UserId};

/// Somebody who is signed in, with what they need to stay so.
pub struct SignedIn {
    /// Who.
    pub user: User,
    /// On which device.
    pub session_id: SessionId,
    /// What they show to the services.
    pub access_token: Pii<String>,
    /// What they exchange for the next pair.
    pub refresh_token: RefreshToken,
}

/// What became of a refresh token inside the transaction. A refusal is a value and not an error, because ending the
/// session of a stolen token has to be committed.
enum Exchange {
    Granted(Box<Held>, RefreshToken),
    Refused(Error),
}

/// Begins a session for whoever knows the password.
///
/// No account and a wrong password take the same time and get the same answer. The password is checked between two
/// transactions, so that no connection is held for the milliseconds that a hash takes.
pub async fn log_in(app: &App, email: EmailAddress, password: Password) -> Result<SignedIn, Error> {
    let found = app
        .core
        .db
        .transaction(Unscoped, move |conn| -> Result<_, Error> { Ok(users::by_email(conn, &email)?) })
        .await?;
    let stored = found.as_ref().map(|(_, hash)| hash.clone());
    let right = app.passwords.verify(password, stored).await?;
    let (user, hash) = found.filter(|_| right).ok_or(Error::InvalidCredentials)?;

    let (now, lifetimes, refresh_token) = (app.core.clock.now(), app.lifetimes, RefreshToken::generate());
    let (user_id, token_hash) = (user.user_id, refresh_token.hash());
    let session_id = app
        .core
        .db
        .transaction(Unscoped, move |conn| {
            if !users::lock_with_password(conn, user_id, &hash)? {
                return Err(Error::InvalidCredentials);
            }
            let expires_at = lifetimes.session_expires_at(now);
            let session_id = store::begin(conn, user_id, now, expires_at)?;
            store::add_token(conn, session_id, token_hash, now, lifetimes.token_expires_at(now, expires_at))?;
            Ok(session_id)
        })
        .await?;
    let access_token = app.tokens.issue(user_id, session_id, now)?;
    Ok(SignedIn { user, session_id, access_token, refresh_token })
}

/// Exchanges a refresh token for the next pair.
pub async fn refresh(app: &App, presented: RefreshToken) -> Result<SignedIn, Error> {
    let (now, lifetimes) = (app.core.clock.now(), app.lifetimes);
    let exchange = app.core.db.transaction(Unscoped, move |conn| exchange(conn, &presented, lifetimes, now)).await?;
    match exchange {
        Exchange::Granted(held, refresh_token) => {
            let access_token = app.tokens.issue(held.user.user_id, held.session_id, now)?;
            Ok(SignedIn { user: held.user, session_id: held.session_id, access_token, refresh_token })
        }
        Exchange::Refused(error) => Err(error),
    }
}

fn exchange(
    conn: &mut PgConnection,
    presented: &RefreshToken,
    lifetimes: domain::Lifetimes,
    now: Timestamp,
) -> Result<Exchange, Error> {
    let hash = presented.hash();
    let Some(held) = store::hold(conn, hash)? else {
        return Ok(Exchange::Refused(Error::InvalidRefreshToken));
    };
    match domain::judge(&held.token, now) {
        Verdict::Rotate | Verdict::Repeat => {
            let next = RefreshToken::generate();
            store::spend(conn, hash, now)?;
            let expires_at = lifetimes.token_expires_at(now, held.expires_at);
            store::add_token(conn, held.session_id, next.hash(), now, expires_at)?;
            store::touch(conn, held.session_id, now)?;
            Ok(Exchange::Granted(Box::new(held), next))
        }
        Verdict::Reused => {
            tracing::warn!(session_id = %held.session_id, "a spent refresh token came again; the session is ended");
            store::end(conn, held.user.user_id, held.session_id, EndReason::RefreshReused, now)?;
            Ok(Exchange::Refused(Error::RefreshReused))
        }
        Verdict::Expired => Ok(Exchange::Refused(Error::InvalidRefreshToken)),
        Verdict::SessionEnded => Ok(Exchange::Refused(Error::SessionEnded)),
    }
}

/// Ends a session of a user; again is the same.
pub async fn log_out(app: &App, user_id: UserId, session_id: SessionId) -> Result<(), Error> {
    let now = app.core.clock.now();
    app.core
        .db
        .transaction(Unscoped, move |conn| Ok(store::end(conn, user_id, session_id, EndReason::SignedOut, now)?))
        .await
}
