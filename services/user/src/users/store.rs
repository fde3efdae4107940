//! Rows of `users`. The service has no tenants: an account belongs to no organisation.

use crate::error::Error;
use crate::schema::users;
use crate::users::domain::{EmailAddress, Locale, PersonName, ProfileChange, TimeZoneName};
use diesel::prelude::*;
use jiff_diesel::{NullableTimestamp, Timestamp, ToDiesel as _};
use rollcall_common::db::violated;
use rollcall_common::extract::IfMatch;
use rollcall_common::fault::Fault;
use rollcall_common::secret;
use rollcall_ids::UserId;
use rollcall_user_api::events::Recipient;

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
    disabled_at: NullableTimestamp,
}

impl User {
    /// Whether nobody may sign in.
    pub fn is_disabled(&self) -> bool {
        self.disabled_at.to_jiff().is_some()
    }

    /// Whom to write to.
    pub fn recipient(&self) -> Recipient {
        Recipient {
            user_id: self.user_id,
            email: self.email.clone(),
            name: self.name.clone(),
            locale: self.locale.clone(),
            time_zone: self.time_zone.clone(),
        }
    }

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

/// Locks the account until the transaction ends, provided that it is not disabled and `password_hash` is still its
/// password: it was checked outside of any transaction, and may have been changed since.
pub fn lock_with_password(conn: &mut PgConnection, user_id: UserId, password_hash: &str) -> QueryResult<bool> {
    users::table
        .find(user_id)
        .filter(users::password_hash.eq(password_hash))
        .filter(users::disabled_at.is_null())
        .select(users::user_id)
        .for_share()
        .first::<UserId>(conn)
        .optional()
        .map(|found| found.is_some())
}

/// The account, held until the transaction ends against whoever changes it or works with its challenges too. Sessions and
/// the like, which name it, may be added meanwhile: `FOR UPDATE` would make those who add them wait, with what is wanted
/// here next in their hands.
pub fn hold(conn: &mut PgConnection, user_id: UserId) -> QueryResult<Option<User>> {
    users::table.find(user_id).select(User::as_select()).for_no_key_update().first(conn).optional()
}

/// The hash of an account's password.
pub fn password_hash(conn: &mut PgConnection, user_id: UserId) -> QueryResult<Option<String>> {
    users::table.find(user_id).select(users::password_hash).first(conn).optional()
}

/// Replaces a password, provided that it is still `expected` where that is given.
pub fn set_password(
    conn: &mut PgConnection,
    user_id: UserId,
    expected: Option<&str>,
    password_hash: &str,
    now: jiff::Timestamp,
) -> QueryResult<bool> {
    let current: Option<String> =
        users::table.find(user_id).select(users::password_hash).for_no_key_update().first(conn).optional()?;
    let Some(current) = current else { return Ok(false) };
    if expected.is_some_and(|expected| expected != current) {
        return Ok(false);
    }
    diesel::update(users::table.find(user_id))
        .set((users::password_hash.eq(password_hash), users::updated_at.eq(now.to_diesel())))
        .execute(conn)
        .map(|rows| rows == 1)
}

/// Disables an account, or enables it again. None when there is no such account; otherwise whether that changed
/// anything.
pub fn set_disabled(
    conn: &mut PgConnection,
    user_id: UserId,
    disabled: bool,
    now: jiff::Timestamp,
) -> QueryResult<Option<bool>> {
    let current: Option<NullableTimestamp> =
        users::table.find(user_id).select(users::disabled_at).for_no_key_update().first(conn).optional()?;
    let Some(current) = current else { return Ok(None) };
    if current.to_jiff().is_some() == disabled {
        return Ok(Some(false));
    }
    let at = disabled.then(|| now.to_diesel());
    diesel::update(users::table.find(user_id)).set(users::disabled_at.eq(at)).execute(conn)?;
    Ok(Some(true))
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
    let current = hold(conn, user_id)?.ok_or(NO_ACCOUNT)?;
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
