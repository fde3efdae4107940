//! Rows of `password_resets`.

use crate::schema::password_resets;
use crate::sessions::domain::TokenHash;
use crate::sweep::ROWS;
use diesel::prelude::*;
use jiff::Timestamp;
use jiff_diesel::ToDiesel as _;
use rollcall_ids::UserId;

/// Keeps a token; those that were sent before are worth nothing from then on.
pub fn replace(conn: &mut PgConnection, user_id: UserId, hash: TokenHash, expires_at: Timestamp) -> QueryResult<()> {
    diesel::delete(password_resets::table.filter(password_resets::user_id.eq(user_id))).execute(conn)?;
    diesel::insert_into(password_resets::table)
        .values((
            password_resets::token_hash.eq(hash.0.as_slice()),
            password_resets::user_id.eq(user_id),
            password_resets::expires_at.eq(expires_at.to_diesel()),
        ))
        .execute(conn)
        .map(drop)
}

/// Whose token it is, if it is worth something.
pub fn find(conn: &mut PgConnection, hash: TokenHash, now: Timestamp) -> QueryResult<Option<UserId>> {
    password_resets::table
        .find(hash.0.as_slice())
        .filter(password_resets::expires_at.gt(now.to_diesel()))
        .select(password_resets::user_id)
        .first(conn)
        .optional()
}

/// Uses a token up; whose it was, if it was worth something.
pub fn spend(conn: &mut PgConnection, hash: TokenHash, now: Timestamp) -> QueryResult<Option<UserId>> {
    diesel::delete(password_resets::table.find(hash.0.as_slice()))
        .filter(password_resets::expires_at.gt(now.to_diesel()))
        .returning(password_resets::user_id)
        .get_result(conn)
        .optional()
}

/// Deletes a portion of the tokens that have expired; what somebody works with is left for the next time.
pub(crate) fn sweep(conn: &mut PgConnection, now: Timestamp) -> QueryResult<usize> {
    let over: Vec<Vec<u8>> = password_resets::table
        .filter(password_resets::expires_at.le(now.to_diesel()))
        .select(password_resets::token_hash)
        .limit(ROWS)
        .for_update()
        .skip_locked()
        .load(conn)?;
    diesel::delete(password_resets::table.filter(password_resets::token_hash.eq_any(over))).execute(conn)
}
