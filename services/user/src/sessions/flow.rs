//! Signing in, staying signed in, signing out.

use crate::app::App;
use crate::audit::domain::Act;
use crate::audit::store::{self as audit, Entry};
use crate::error::Error;
use crate::mfa::store as mfa;
use crate::origin::Origin;
use crate::passwords::domain::Password;
use crate::sessions::domain::{self, RefreshToken, Verdict};
use crate::sessions::ending::{Closer, Ended};
use crate::sessions::store::{self, EndReason, Held, Which};
use crate::throttle::charge::Charge;
use crate::throttle::domain::Bucket;
use crate::throttle::store as throttle;
use crate::users::domain::EmailAddress;
use crate::users::store::{self as users, User};
use diesel::PgConnection;
use jiff::Timestamp;
use rollcall_common::db::Unscoped;
use rollcall_common::events::{NewEvent, Outbox};
use rollcall_common::pii::Pii;
use rollcall_ids::{SessionId, UserId};
use rollcall_user_api::events::{NEW_DEVICE, NewDevice};

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
    Refused(Error, Ended),
}

/// A session that was just begun, before it has an access token.
pub struct Opened {
    session_id: SessionId,
    refresh_token: RefreshToken,
}

/// What a right password leads to.
enum Next {
    Opened(Opened),
    SecondFactor(RefreshToken),
}

/// Begins a session for whoever knows the password, or asks them for their second factor.
///
/// No account and a wrong password take the same time and get the same answer. The password is checked between two
/// transactions, so that no connection is held for the milliseconds that a hash takes; the attempt is counted in the
/// first and given back in the second, or where the password was not looked at.
pub async fn log_in(app: &App, email: EmailAddress, password: Password, origin: Origin) -> Result<SignedIn, Error> {
    let (now, rules) = (app.core.clock.now(), app.settings.throttling.rules());
    let from = origin.clone();
    let (found, buckets) = app
        .core
        .db
        .transaction(Unscoped, move |conn| -> Result<_, Error> {
            let found = users::by_email(conn, &email)?;
            // Asked where there is no account too: both take the same steps.
            let user_id = found.as_ref().map_or_else(UserId::generate, |(user, _)| user.user_id);
            let known = store::knows_network(conn, user_id, &from)?;
            let account = if known { Bucket::account_from(&email, &from) } else { Bucket::account("sign-in", &email) };
            let buckets = [(Bucket::address("sign-in", &from), rules.address), (account, rules.account)];
            throttle::charge(conn, &buckets, now)?;
            Ok((found, buckets))
        })
        .await?;
    let stored = found.as_ref().map(|(_, hash)| hash.clone());
    let charge = Charge::of(app, &buckets, now);
    let right = app.passwords.verify(password, stored, || charge.stands()).await?;
    let user_id = found.as_ref().map(|(user, _)| user.user_id);
    let Some((user, hash)) = found.filter(|_| right) else {
        refused(app, user_id, origin, now).await?;
        return Err(Error::InvalidCredentials);
    };
    if user.is_disabled() {
        return Err(Error::AccountDisabled);
    }

    let (parts, owner) = (Opening::of(app), user.clone());
    let next = app
        .core
        .db
        .transaction(Unscoped, move |conn| -> Result<_, Error> {
            if !users::lock_with_password(conn, owner.user_id, &hash)? {
                return Err(Error::InvalidCredentials);
            }
            throttle::refund(conn, &buckets[..1], now)?;
            throttle::clear(conn, buckets[1].0)?;
            if mfa::is_confirmed(conn, owner.user_id)? {
                let challenge = RefreshToken::generate();
                mfa::challenge(conn, owner.user_id, challenge.hash(), now)?;
                return Ok(Next::SecondFactor(challenge));
            }
            Ok(Next::Opened(parts.open(conn, &owner, &origin, now)?))
        })
        .await?;
    match next {
        Next::Opened(opened) => signed_in(app, user, opened, now),
        Next::SecondFactor(challenge) => Err(Error::MfaRequired(challenge.into_inner())),
    }
}

/// Keeps that somebody tried; for an account that does not exist too, so that it takes as long.
async fn refused(app: &App, user_id: Option<UserId>, origin: Origin, now: Timestamp) -> Result<(), Error> {
    app.core
        .db
        .transaction(Unscoped, move |conn| {
            let entry = Entry { user_id, act: Act::SignInFailed, session_id: None, origin: &origin };
            Ok(audit::record(conn, &entry, now)?)
        })
        .await
}

/// What a session is begun with.
pub struct Opening {
    lifetimes: domain::Lifetimes,
    outbox: Outbox,
}

impl Opening {
    /// Of this service.
    pub fn of(app: &App) -> Self {
        Self { lifetimes: app.lifetimes, outbox: app.core.outbox.clone() }
    }

    /// Begins a session of somebody who has proven who they are, in the caller's transaction; tells them when the
    /// device is new.
    pub fn open(&self, conn: &mut PgConnection, user: &User, origin: &Origin, now: Timestamp) -> Result<Opened, Error> {
        let refresh_token = RefreshToken::generate();
        let expires_at = self.lifetimes.session_expires_at(now);
        let session_id = store::begin(conn, user.user_id, origin, now, expires_at)?;
        let token_expires_at = self.lifetimes.token_expires_at(now, expires_at);
        store::add_token(conn, session_id, refresh_token.hash(), now, token_expires_at)?;
        let record = |conn: &mut PgConnection, act| {
            let entry = Entry { user_id: Some(user.user_id), act, session_id: Some(session_id), origin };
            audit::record(conn, &entry, now)
        };
        record(conn, Act::SignedIn)?;
        if store::meet_device(conn, user.user_id, origin, now)? {
            record(conn, Act::NewDevice)?;
            let data = NewDevice {
                recipient: user.recipient(),
                device: origin.device.clone(),
                address: origin.address.to_string(),
                at: now,
            };
            let subject = user.user_id.to_string();
            self.outbox
                .emit(conn, &NewEvent { kind: NEW_DEVICE, subject, org_id: None, version: None, data: &data })?;
        }
        Ok(Opened { session_id, refresh_token })
    }
}

/// A begun session with its first access token.
pub fn signed_in(app: &App, user: User, opened: Opened, now: Timestamp) -> Result<SignedIn, Error> {
    let Opened { session_id, refresh_token } = opened;
    let access_token = app.tokens.issue(user.user_id, session_id, now)?;
    Ok(SignedIn { user, session_id, access_token, refresh_token })
}

/// Exchanges a refresh token for the next pair.
pub async fn refresh(app: &App, presented: RefreshToken, origin: Origin) -> Result<SignedIn, Error> {
    let (now, lifetimes, closer) = (app.core.clock.now(), app.lifetimes, app.closer.clone());
    let exchange = app
        .core
        .db
        .transaction(Unscoped, move |conn| exchange(conn, &presented, &origin, lifetimes, &closer, now))
        .await?;
    match exchange {
        Exchange::Granted(held, refresh_token) => {
            let opened = Opened { session_id: held.session_id, refresh_token };
            signed_in(app, held.user, opened, now)
        }
        Exchange::Refused(error, ended) => {
            app.closer.committed(&ended);
            Err(error)
        }
    }
}

fn exchange(
    conn: &mut PgConnection,
    presented: &RefreshToken,
    origin: &Origin,
    lifetimes: domain::Lifetimes,
    closer: &Closer,
    now: Timestamp,
) -> Result<Exchange, Error> {
    let hash = presented.hash();
    let refused = |error| Ok(Exchange::Refused(error, Ended::default()));
    let Some(held) = store::hold(conn, hash)? else { return refused(Error::InvalidRefreshToken) };
    match domain::judge(&held.token, now) {
        Verdict::Rotate | Verdict::Repeat => {
            let next = RefreshToken::generate();
            store::spend(conn, hash, now)?;
            let expires_at = lifetimes.token_expires_at(now, held.expires_at);
            store::add_token(conn, held.session_id, next.hash(), now, expires_at)?;
            store::touch(conn, held.session_id, origin, now)?;
            Ok(Exchange::Granted(Box::new(held), next))
        }
        Verdict::Reused => {
            tracing::warn!(session_id = %held.session_id, "a spent refresh token came again; the session is ended");
            let (user_id, session_id) = (held.user.user_id, held.session_id);
            let ended = closer.end(conn, user_id, Which::One(session_id), EndReason::RefreshReused, now)?;
            let (user_id, session_id) = (Some(user_id), Some(session_id));
            audit::record(conn, &Entry { user_id, act: Act::RefreshReused, session_id, origin }, now)?;
            Ok(Exchange::Refused(Error::RefreshReused, ended))
        }
        Verdict::Expired => refused(Error::InvalidRefreshToken),
        Verdict::SessionEnded => refused(Error::SessionEnded),
    }
}

/// Ends one session of a user. An error when there is none that has not ended.
pub async fn end(
    app: &App,
    user_id: UserId,
    session_id: SessionId,
    reason: EndReason,
    origin: Origin,
) -> Result<(), Error> {
    let (now, closer) = (app.core.clock.now(), app.closer.clone());
    let act = if reason == EndReason::SignedOut { Act::SignedOut } else { Act::SessionEnded };
    let ended = app
        .core
        .db
        .transaction(Unscoped, move |conn| {
            let ended = closer.end(conn, user_id, Which::One(session_id), reason, now)?;
            if ended.count() > 0 {
                let entry = Entry { user_id: Some(user_id), act, session_id: Some(session_id), origin: &origin };
                audit::record(conn, &entry, now)?;
            }
            Ok::<_, Error>(ended)
        })
        .await?;
    app.closer.committed(&ended);
    if ended.count() > 0 { Ok(()) } else { Err(rollcall_common::fault::Fault::NotFound.into()) }
}
