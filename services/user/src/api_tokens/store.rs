//! Rows of `api_tokens`.

use crate::schema::{api_tokens, users};
use diesel::prelude::*;
use jiff::{SignedDuration, Timestamp};
use jiff_diesel::{NullableTimestamp, ToDiesel as _};
use rollcall_common::paging::Page;
use rollcall_ids::{SessionId, UserId};
use serde::{Deserialize, Serialize};

/// The use of a token is noted once in this time and not with each request.
const NOTED_AFTER: SignedDuration = SignedDuration::from_secs(60);

/// A token as it is stored, without its hash.
#[derive(Queryable, Selectable)]
#[diesel(table_name = api_tokens, check_for_backend(diesel::pg::Pg))]
pub struct Row {
    /// Its id.
    pub api_token_id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// What its owner calls it.
    pub name: String,
    scopes: serde_json::Value,
    /// When it was made.
    pub created_at: jiff_diesel::Timestamp,
    /// From when on it is worth nothing.
    pub expires_at: jiff_diesel::Timestamp,
    /// When a service last asked for it.
    pub last_used_at: NullableTimestamp,
}

impl Row {
    /// What it may be used for.
    pub fn scopes(&self) -> Vec<String> {
        serde_json::from_value(self.scopes.clone()).unwrap_or_default()
    }
}

/// A token that is made.
pub struct NewApiToken {
    /// Whose it is.
    pub user_id: UserId,
    /// What its owner calls it.
    pub name: String,
    /// What it may be used for.
    pub scopes: Vec<String>,
    /// Of the token.
    pub hash: [u8; 32],
    /// From when on it is worth nothing.
    pub expires_at: Timestamp,
}

/// Adds a token.
pub fn insert(conn: &mut PgConnection, new: &NewApiToken, now: Timestamp) -> QueryResult<Row> {
    diesel::insert_into(api_tokens::table)
        .values((
            api_tokens::api_token_id.eq(SessionId::generate()),
            api_tokens::user_id.eq(new.user_id),
            api_tokens::name.eq(&new.name),
            api_tokens::scopes.eq(serde_json::json!(new.scopes)),
            api_tokens::token_hash.eq(new.hash.as_slice()),
            api_tokens::created_at.eq(now.to_diesel()),
            api_tokens::expires_at.eq(new.expires_at.to_diesel()),
        ))
        .returning(Row::as_returning())
        .get_result(conn)
}

/// How many tokens of a user are worth something; locks the account, so that two requests count one after the other.
pub fn count(conn: &mut PgConnection, user_id: UserId, now: Timestamp) -> QueryResult<i64> {
    users::table.find(user_id).select(users::user_id).for_no_key_update().first::<UserId>(conn)?;
    api_tokens::table
        .filter(api_tokens::user_id.eq(user_id))
        .filter(api_tokens::revoked_at.is_null())
        .filter(api_tokens::expires_at.gt(now.to_diesel()))
        .count()
        .get_result(conn)
}

/// Where a page ends.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Key(pub Timestamp, pub SessionId);

/// Tokens of a user that are not revoked, newest first.
pub fn of_user(conn: &mut PgConnection, user_id: UserId, page: &Page<Key>) -> QueryResult<Vec<Row>> {
    let mut query =
        api_tokens::table.filter(api_tokens::user_id.eq(user_id)).filter(api_tokens::revoked_at.is_null()).into_boxed();
    if let Some(Key(at, id)) = &page.after {
        let at = at.to_diesel();
        query = query.filter(
            api_tokens::created_at.lt(at).or(api_tokens::created_at.eq(at).and(api_tokens::api_token_id.lt(*id))),
        );
    }
    query
        .order((api_tokens::created_at.desc(), api_tokens::api_token_id.desc()))
        .select(Row::as_select())
        .limit(page.fetch())
        .load(conn)
}

/// What the token with this hash is worth: none when it is revoked, expired, or its owner is disabled.
pub fn by_hash(conn: &mut PgConnection, hash: &[u8; 32], now: Timestamp) -> QueryResult<Option<Row>> {
    let row = api_tokens::table
        .inner_join(users::table)
        .filter(api_tokens::token_hash.eq(hash.as_slice()))
        .filter(api_tokens::revoked_at.is_null())
        .filter(api_tokens::expires_at.gt(now.to_diesel()))
        .filter(users::disabled_at.is_null())
        .select(Row::as_select())
        .first(conn)
        .optional()?;
    let Some(row) = row else { return Ok(None) };
    let noted = row.last_used_at.to_jiff();
    if noted.is_none_or(|at| now.duration_since(at) >= NOTED_AFTER) {
        diesel::update(api_tokens::table.find(row.api_token_id))
            .set(api_tokens::last_used_at.eq(now.to_diesel()))
            .execute(conn)?;
    }
    Ok(Some(row))
}

/// Revokes a token of a user; false if there is none that was not.
pub fn revoke(conn: &mut PgConnection, user_id: UserId, id: SessionId, now: Timestamp) -> QueryResult<bool> {
    diesel::update(api_tokens::table.find(id))
        .filter(api_tokens::user_id.eq(user_id))
        .filter(api_tokens::revoked_at.is_null())
        .set(api_tokens::revoked_at.eq(now.to_diesel()))
        .execute(conn)
        .map(|rows| rows == 1)
}

/// Revokes all tokens of a user.
pub fn revoke_all(conn: &mut PgConnection, user_id: UserId, now: Timestamp) -> QueryResult<usize> {
    diesel::update(api_tokens::table.filter(api_tokens::user_id.eq(user_id)).filter(api_tokens::revoked_at.is_null()))
        .set(api_tokens::revoked_at.eq(now.to_diesel()))
        .execute(conn)
}
