//! Making an account, once.
//!
//! The key of a repeated request stands (hashed) in the account that it made, and not with a fingerprint of the body in
//! the shared table of keys: the body has a password in it, and a fast hash of that, even for a day, would undo what
//! argon2 is for.

use crate::app::App;
use crate::audit::domain::Act;
use crate::audit::store::{self as audit, Entry};
use crate::error::Error;
use crate::origin::Origin;
use crate::passwords::domain::Password;
use crate::users::domain::{EmailAddress, Locale, PersonName, TimeZoneName};
use crate::users::store::{self, NewUser, SignUpKey, User};
use rollcall_common::db::Unscoped;
use rollcall_common::fault::Fault;
use std::sync::Arc;

/// Somebody who wants an account.
pub struct Request {
    /// Where mail reaches them; what they sign in with.
    pub email: EmailAddress,
    /// What they sign in with.
    pub password: Password,
    /// Their name.
    pub name: PersonName,
    /// Their language.
    pub locale: Locale,
    /// Their zone.
    pub time_zone: TimeZoneName,
    /// `Idempotency-Key`, if one came.
    pub key: Option<String>,
}

/// An account, and whether an earlier request had made it.
pub struct Registered {
    /// The account.
    pub user: User,
    /// Made by an earlier request with the same key.
    pub replayed: bool,
}

/// Makes the account, or finds the one that this very request has made before.
pub async fn register(app: &App, request: Request, origin: Origin) -> Result<Registered, Error> {
    let Request { email, password, name, locale, time_zone, key } = request;
    let now = app.core.clock.now();
    let new = NewUser {
        email,
        name,
        locale,
        time_zone,
        password_hash: app.passwords.hash(password.clone()).await?,
        sign_up_key: key.as_deref().map(SignUpKey::of),
    };
    let new = Arc::new(new);
    let row = Arc::clone(&new);
    let insert = move |conn: &mut _| {
        let user = store::insert(conn, &row, now)?;
        let act = Act::AccountCreated;
        audit::record(conn, &Entry { user_id: Some(user.user_id), act, session_id: None, origin: &origin }, now)?;
        Ok(user)
    };
    let made = app.core.db.transaction(Unscoped, insert).await;
    let (refusal, key) = match (made, new.sign_up_key) {
        (Ok(user), _) => return Ok(Registered { user, replayed: false }),
        (Err(refusal @ (Error::EmailTaken | Error::Fault(Fault::IdempotencyMismatch))), Some(key)) => (refusal, key),
        (Err(error), _) => return Err(error),
    };
    let earlier = app
        .core
        .db
        .transaction(Unscoped, move |conn| -> Result<_, Error> { Ok(store::by_sign_up_key(conn, key)?) })
        .await?;
    let Some((user, hash)) = earlier else { return Err(refusal) };
    if new.describes(&user) && app.passwords.verify(password, Some(hash), || ()).await? {
        Ok(Registered { user, replayed: true })
    } else {
        Err(Fault::IdempotencyMismatch.into())
    }
}
