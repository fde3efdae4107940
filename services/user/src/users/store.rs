//! Rows of `users`. The service has no tenants: an account belongs to no organisation.

use crate::error::Error;
use crate::schema::users;
use crate::users::domain::{EmailAddress, Locale, PersonName, ProfileChange, TimeZoneName};
use diesel::prelude::*;
use jiff_diesel::{Timestamp, ToDiesel as _};
use rollcall_common::db::violated;
use rollcall_common::extract::IfMatch;
use rollcall_common::fault::Fault;
use rollcall_common::secret;
use rollcall_ids::UserId;

/// An account as it is stored, without its password. It does not print: it is all personal data.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = users, check_for_backend(diesel::pg::Pg))]
pub struct User {
    /// Its id.
    pub user_id: UserId,
    /// Where mail reaches its owner.
    pub email: String,
    /// Its owner's name.
    pub name: String,
    /// BCP 47 tag.
    pub locale: String,
    /// IANA name.
    pub time_zone: String,
    /// Ascending from 1.
    pub version: i64,
    created_at: Timestamp,
}

impl User {
    /// When somebody signed up.
    pub fn created_at(&self) -> jiff::Timestamp {
        self.created_at.to_jiff()
    }
}

/// Somebody who signs up.
pub struct NewUser {
    /// Where mail reaches them; what they sign in with.
    pub email: EmailAddress,
    /// Their name.
    pub name: PersonName,
    /// Their language.
    pub locale: Locale,
    /// Their zone.
    pub time_zone: TimeZoneName,
    /// PHC string of their password.
    pub password_hash: String,
    /// The key of the request, if it had one.
    pub sign_up_key: Option<SignUpKey>,
}

impl NewUser {
    /// Whether `user` is what this request makes. An account that was changed since is not compared further than by
    /// its address, which cannot change.
    pub fn describes(&self, user: &User) -> bool {
        let unchanged = self.name.as_str() == user.name
            && self.locale.as_str() == user.locale
            && self.time_zone.as_str() == user.time_zone;
        self.email.as_str() == user.email && (unchanged || user.version > 1)
    }
}

/// SHA-256 of the `Idempotency-Key` that an account was made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignUpKey([u8; 32]);

impl SignUpKey {
    /// What is stored of a key.
    pub fn of(key: &str) -> Self {
        Self(secret::sha256(key.as_bytes()))
    }
}

/// The token is valid and its account is not there.
pub const NO_ACCOUNT: Fault = Fault::NotSignedIn("the account does not exist");

/// Adds an account; [`Error::EmailTaken`] when there is one with that address in any case,
/// [`Fault::IdempotencyMismatch`] when the key has made one before.
pub fn insert(conn: &mut PgConnection, user: &NewUser, now: jiff::Timestamp) -> Result<User, Error> {
    use users::dsl;
    diesel::insert_into(dsl::users)
        .values((
            dsl::user_id.eq(UserId::generate()),
            dsl::email.eq(user.email.as_str()),
            dsl::email_key.eq(user.email.key()),
            dsl::name.eq(user.name.as_str()),
            dsl::locale.eq(user.locale.as_str()),
            dsl::time_zone.eq(user.time_zone.as_str()),
            dsl::password_hash.eq(&user.password_hash),
            dsl::sign_up_key.eq(user.sign_up_key.as_ref().map(|key| key.0.as_slice())),
            dsl::created_at.eq(now.to_diesel()),
            dsl::updated_at.eq(now.to_diesel()),
        ))
        .returning(User::as_returning())
        .get_result(conn)
        .map_err(|error| match violated(&error) {
            Some("users_email_unique") => Error::EmailTaken,
            Some("users_sign_up_key_unique") => Fault::IdempotencyMismatch.into(),
            _ => error.into(),
        })
}

/// The account with this id.
pub fn by_id(conn: &mut PgConnection, user_id: UserId) -> QueryResult<Option<User>> {
    users::table.find(user_id).select(User::as_select()).first(conn).optional()
}

/// The account with this address, and the hash of its password.
pub fn by_email(conn: &mut PgConnection, email: &EmailAddress) -> QueryResult<Option<(User, String)>> {
    users::table
        .filter(users::email_key.eq(email.key()))
        .select((User::as_select(), users::password_hash))
        .first(conn)
        .optional()
}

/// The account that a request with this key has made, and the hash of its password.
pub fn by_sign_up_key(conn: &mut PgConnection, key: SignUpKey) -> QueryResult<Option<(User, String)>> {
    users::table
        .filter(users::sign_up_key.eq(key.0.as_slice()))
        .select((User::as_select(), users::password_hash))
        .first(conn)
        .optional()
}

/// Locks the account until the transaction ends, provided that `password_hash` is still its password: it was checked
/// outside of any transaction, and may have been changed since.
pub fn lock_with_password(conn: &mut PgConnection, user_id: UserId, password_hash: &str) -> QueryResult<bool> {
    users::table
        .find(user_id)
        .filter(users::password_hash.eq(password_hash))
        .select(users::user_id)
        .for_share()
        .first::<UserId>(conn)
        .optional()
        .map(|found| found.is_some())
}

/// What stands in a profile when it changes.
#[derive(AsChangeset)]
#[diesel(table_name = users)]
struct Changes<'a> {
    name: Option<&'a str>,
    locale: Option<&'a str>,
    time_zone: Option<&'a str>,
    version: i64,
    updated_at: Timestamp,
}

/// Changes the profile, provided that it has the version that the client saw, if it said one. A change of nothing
/// makes no new version.
pub fn update(
    conn: &mut PgConnection,
    user_id: UserId,
    change: &ProfileChange,
    if_match: IfMatch,
    now: jiff::Timestamp,
) -> Result<User, Error> {
    let current = users::table.find(user_id).select(User::as_select()).for_update().first(conn).optional()?;
    let current: User = current.ok_or(NO_ACCOUNT)?;
    if_match.check(current.version)?;
    if *change == ProfileChange::default() {
        return Ok(current);
    }
    let user = diesel::update(users::table.find(user_id))
        .set(Changes {
            name: change.name.as_ref().map(PersonName::as_str),
            locale: change.locale.as_ref().map(Locale::as_str),
            time_zone: change.time_zone.as_ref().map(TimeZoneName::as_str),
            version: current.version + 1,
            updated_at: now.to_diesel(),
        })
        .returning(User::as_returning())
        .get_result(conn)?;
    Ok(user)
}
