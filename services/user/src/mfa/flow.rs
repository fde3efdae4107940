//! Enrolling a second factor, and signing in with it.

use crate::app::App;
use crate::audit::domain::Act;
use crate::audit::store::{self as audit, Entry};
use crate::error::Error;
use crate::mfa::domain::{Code, RECOVERY_CODES, RecoveryCode, TotpSecret};
use crate::mfa::store::{self, Factor};
use crate::notices::Notices;
use crate::origin::Origin;
use crate::sessions::domain::RefreshToken;
use crate::sessions::flow::{self as sessions, Opening, SignedIn};
use crate::sessions::fresh;
use crate::throttle::domain::Bucket;
use crate::throttle::store as throttle;
use crate::users::store as users;
use diesel::PgConnection;
use jiff::Timestamp;
use rollcall_common::auth::Caller;
use rollcall_common::db::Unscoped;
use rollcall_common::fault::Fault;
use rollcall_common::seal::SealingKey;
use rollcall_ids::UserId;
use rollcall_user_api::events::Credential;
use std::sync::Arc;

/// A secret to be put into an app.
pub struct Enrolment {
    /// The secret.
    pub secret: TotpSecret,
    /// As an app scans it.
    pub uri: String,
}

/// What a secret is sealed under: its owner, so that it opens for nobody else.
fn name(user_id: UserId) -> String {
    format!("totp:{user_id}")
}

fn open(sealing: &SealingKey, user_id: UserId, factor: &Factor) -> Result<TotpSecret, Fault> {
    let bytes = sealing.open(&name(user_id), &factor.sealed_secret).map_err(Fault::Internal)?;
    Ok(TotpSecret::from_bytes(bytes))
}

/// Makes a secret that is asked for once it is confirmed.
pub async fn enrol(app: &App, caller: &Caller) -> Result<Enrolment, Error> {
    let (user_id, session_id, now) = (caller.user_id, caller.session_id, app.core.clock.now());
    let secret = TotpSecret::generate();
    let sealed = app.sealing.seal(&name(user_id), secret.as_bytes()).map_err(Fault::Internal)?;
    let window = app.fresh_window();
    let user = app
        .core
        .db
        .transaction(caller, move |conn| {
            fresh::require(conn, user_id, session_id, window, now)?;
            let user = users::by_id(conn, user_id)?.ok_or(users::NO_ACCOUNT)?;
            if store::enrol(conn, user_id, &sealed, now)? { Ok(user) } else { Err(Error::MfaEnrolled) }
        })
        .await?;
    let uri = secret.uri("Rollcall", &user.email);
    Ok(Enrolment { secret, uri })
}

/// Confirms the secret with a code of it; the recovery codes, which are not to be had again.
pub async fn confirm(app: &App, caller: &Caller, code: Code, origin: Origin) -> Result<Vec<RecoveryCode>, Error> {
    let (user_id, session_id, now) = (caller.user_id, caller.session_id, app.core.clock.now());
    let (sealing, notices) = (Arc::clone(&app.sealing), Notices::of(app));
    app.core
        .db
        .transaction(caller, move |conn| {
            let factor = store::hold(conn, user_id)?.ok_or(Error::MfaNotEnrolled)?;
            if factor.confirmed {
                return Err(Error::MfaEnrolled);
            }
            let Code::Totp(code) = code else { return Err(Error::InvalidCode) };
            let step = open(&sealing, user_id, &factor)?.step_of(code.expose(), now, factor.last_step);
            let step = step.ok_or(Error::InvalidCode)?;
            let codes: Vec<_> = (0..RECOVERY_CODES).map(|_| RecoveryCode::generate()).collect();
            store::confirm(conn, user_id, &codes, step, now)?;
            let entry = Entry {
                user_id: Some(user_id),
                act: Act::SecondFactorAdded,
                session_id: Some(session_id),
                origin: &origin,
            };
            audit::record(conn, &entry, now)?;
            notices.changed(conn, user_id, Credential::SecondFactorAdded, now)?;
            Ok(codes)
        })
        .await
}

/// Removes the second factor.
pub async fn remove(app: &App, caller: &Caller, origin: Origin) -> Result<(), Error> {
    let (user_id, session_id, now) = (caller.user_id, caller.session_id, app.core.clock.now());
    let (window, notices) = (app.fresh_window(), Notices::of(app));
    app.core
        .db
        .transaction(caller, move |conn| {
            fresh::require(conn, user_id, session_id, window, now)?;
            if !store::remove(conn, user_id)? {
                return Err(Error::MfaNotEnrolled);
            }
            let entry = Entry {
                user_id: Some(user_id),
                act: Act::SecondFactorRemoved,
                session_id: Some(session_id),
                origin: &origin,
            };
            audit::record(conn, &entry, now)?;
            notices.changed(conn, user_id, Credential::SecondFactorRemoved, now)
        })
        .await
}

/// Begins a session for whoever gave the right password and now a right code.
pub async fn sign_in(app: &App, challenge: RefreshToken, code: Code, origin: Origin) -> Result<SignedIn, Error> {
    let (now, rules) = (app.core.clock.now(), app.settings.throttling.rules());
    let (sealing, notices, opening) = (Arc::clone(&app.sealing), Notices::of(app), Opening::of(app));
    let outcome = app
        .core
        .db
        .transaction(Unscoped, move |conn| -> Result<_, Error> {
            let user_id = store::challenged(conn, challenge.hash())?.ok_or(Error::InvalidChallenge)?;
            // The account before its challenges, as whoever ends them does: so nobody waits for somebody who waits for
            // them.
            let user = users::hold(conn, user_id)?.filter(|user| !user.is_disabled()).ok_or(Error::InvalidChallenge)?;
            if !store::attempt(conn, challenge.hash(), now)? {
                return Err(Error::InvalidChallenge);
            }
            let bucket = [(Bucket::user("second-factor", user_id), rules.account)];
            throttle::charge(conn, &bucket, now)?;
            if !check(conn, &sealing, user_id, &code, now)? {
                let act = Act::SecondFactorFailed;
                let entry = Entry { user_id: Some(user_id), act, session_id: None, origin: &origin };
                audit::record(conn, &entry, now)?;
                // A value, not an error: that it was tried has to be committed.
                return Ok(None);
            }
            throttle::clear(conn, bucket[0].0)?;
            store::end_challenges(conn, user_id)?;
            if matches!(code, Code::Recovery(_)) {
                let act = Act::RecoveryCodeUsed;
                let entry = Entry { user_id: Some(user_id), act, session_id: None, origin: &origin };
                audit::record(conn, &entry, now)?;
                notices.changed(conn, user_id, Credential::RecoveryCodeUsed, now)?;
            }
            let opened = opening.open(conn, &user, &origin, now)?;
            Ok(Some((user, opened)))
        })
        .await?;
    let (user, opened) = outcome.ok_or(Error::InvalidCode)?;
    sessions::signed_in(app, user, opened, now)
}

/// Whether the code is right; it is used up then.
fn check(
    conn: &mut PgConnection,
    sealing: &SealingKey,
    user_id: UserId,
    code: &Code,
    now: Timestamp,
) -> Result<bool, Error> {
    let Some(factor) = store::hold(conn, user_id)?.filter(|factor| factor.confirmed) else { return Ok(false) };
    match code {
        Code::Totp(code) => {
            let step = open(sealing, user_id, &factor)?.step_of(code.expose(), now, factor.last_step);
            if let Some(step) = step {
                store::spend_step(conn, user_id, step)?;
            }
            Ok(step.is_some())
        }
        Code::Recovery(hash) => Ok(store::spend_recovery(conn, user_id, hash, now)?),
    }
}
