//! Rows of `signing_keys`.

use crate::keys::domain::{Life, PublicKey};
use crate::schema::signing_keys;
use diesel::prelude::*;
use jiff_diesel::{NullableTimestamp, Timestamp, ToDiesel as _};

/// A key as it is stored.
#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = signing_keys, check_for_backend(diesel::pg::Pg))]
pub struct KeyRow {
    /// Its name.
    pub kid: String,
    /// `EdDSA`.
    pub algorithm: String,
    /// The public half, 32 bytes.
    pub public_key: Vec<u8>,
    /// The private half, PKCS #8, sealed.
    pub sealed_private_key: Vec<u8>,
    created_at: Timestamp,
    published_at: Timestamp,
    signs_from: Timestamp,
    retired_at: NullableTimestamp,
}

impl KeyRow {
    /// A key that is made `now`.
    pub fn new(public_key: PublicKey, sealed_private_key: Vec<u8>, life: Life, now: jiff::Timestamp) -> Self {
        Self {
            kid: public_key.kid(),
            algorithm: "EdDSA".to_owned(),
            public_key: public_key.0.to_vec(),
            sealed_private_key,
            created_at: now.to_diesel(),
            published_at: life.published_at.to_diesel(),
            signs_from: life.signs_from.to_diesel(),
            retired_at: life.retired_at.to_diesel(),
        }
    }

    /// When it is shown and when it signs.
    pub fn life(&self) -> Life {
        Life {
            published_at: self.published_at.to_jiff(),
            signs_from: self.signs_from.to_jiff(),
            retired_at: self.retired_at.to_jiff(),
        }
    }
}

/// Lets one transaction at a time decide which keys there are; held until it ends.
pub fn lock(conn: &mut PgConnection) -> QueryResult<()> {
    /// Any number, the same in every instance of the service: "keys" in ASCII.
    const KEYS: i64 = 0x6b65_7973;
    diesel::select(advisory_lock(KEYS)).execute(conn).map(drop)
}

diesel::define_sql_function! {
    /// Waits for the lock `key` and holds it until the transaction ends.
    #[sql_name = "pg_advisory_xact_lock"]
    fn advisory_lock(key: diesel::sql_types::BigInt);
}

/// Keys that are not retired at `now`, those that are to be published later included.
pub fn alive(conn: &mut PgConnection, now: jiff::Timestamp) -> QueryResult<Vec<KeyRow>> {
    use signing_keys::dsl;
    dsl::signing_keys
        .filter(dsl::retired_at.is_null().or(dsl::retired_at.gt(now.to_diesel())))
        .order(dsl::signs_from.asc())
        .select(KeyRow::as_select())
        .load(conn)
}

/// Sets the end of every key that has none: a successor is about to be added.
pub fn retire(conn: &mut PgConnection, at: jiff::Timestamp) -> QueryResult<()> {
    diesel::update(signing_keys::table.filter(signing_keys::retired_at.is_null()))
        .set(signing_keys::retired_at.eq(at.to_diesel()))
        .execute(conn)
        .map(drop)
}

/// Destroys the private halves of keys that are retired: nobody signs with them again, whatever leaks later.
pub fn wipe(conn: &mut PgConnection, now: jiff::Timestamp) -> QueryResult<()> {
    diesel::update(signing_keys::table)
        .filter(signing_keys::retired_at.le(now.to_diesel()))
        .filter(signing_keys::sealed_private_key.ne(Vec::new()))
        .set(signing_keys::sealed_private_key.eq(Vec::new()))
        .execute(conn)
        .map(drop)
}

/// Adds a key.
pub fn insert(conn: &mut PgConnection, key: &KeyRow) -> QueryResult<()> {
    diesel::insert_into(signing_keys::table).values(key).execute(conn).map(drop)
}
