//! Rows of `totp_factors`, `recovery_codes` and `mfa_challenges`.

use crate::mfa::domain::RecoveryCode;
use crate::schema::{mfa_challenges, recovery_codes, totp_factors};
use crate::sessions::domain::TokenHash;
use crate::sweep::ROWS;
use diesel::prelude::*;
use jiff::{SignedDuration, Timestamp};
use jiff_diesel::{NullableTimestamp, ToDiesel as _};
use rollcall_ids::UserId;

/// How long a challenge waits for its code.
const CHALLENGE: SignedDuration = SignedDuration::from_mins(5);
/// Codes that may be tried with one challenge.
const ATTEMPTS: i32 = 5;

/// A factor as it is stored.
pub struct Factor {
    /// Its secret, sealed.
    pub sealed_secret: Vec<u8>,
    /// Whether it is asked for.
    pub confirmed: bool,
    /// Step of the last code that was taken.
    pub last_step: i64,
}

/// Whether a second factor is asked for.
pub fn is_confirmed(conn: &mut PgConnection, user_id: UserId) -> QueryResult<bool> {
    let confirmed = totp_factors::table.find(user_id).filter(totp_factors::confirmed_at.is_not_null());
    diesel::select(diesel::dsl::exists(confirmed)).get_result(conn)
}

/// The factor of a user, locked until the transaction ends.
pub fn hold(conn: &mut PgConnection, user_id: UserId) -> QueryResult<Option<Factor>> {
    let row = totp_factors::table
        .find(user_id)
        .select((totp_factors::sealed_secret, totp_factors::confirmed_at, totp_factors::last_step))
        .for_update()
        .first::<(Vec<u8>, NullableTimestamp, i64)>(conn)
        .optional()?;
    Ok(row.map(|(sealed_secret, confirmed_at, last_step)| Factor {
        sealed_secret,
        confirmed: confirmed_at.to_jiff().is_some(),
        last_step,
    }))
}

/// Puts a factor that is to be confirmed in the place of one that was not. False when one is confirmed.
pub fn enrol(conn: &mut PgConnection, user_id: UserId, sealed: &[u8], now: Timestamp) -> QueryResult<bool> {
    diesel::delete(totp_factors::table.find(user_id).filter(totp_factors::confirmed_at.is_null())).execute(conn)?;
    let row = (
        totp_factors::user_id.eq(user_id),
        totp_factors::sealed_secret.eq(sealed),
        totp_factors::created_at.eq(now.to_diesel()),
    );
    diesel::insert_into(totp_factors::table).values(row).on_conflict_do_nothing().execute(conn).map(|rows| rows == 1)
}

/// Asks for the factor from now on, and keeps its recovery codes.
pub fn confirm(
    conn: &mut PgConnection,
    user_id: UserId,
    codes: &[RecoveryCode],
    step: i64,
    now: Timestamp,
) -> QueryResult<()> {
    diesel::update(totp_factors::table.find(user_id))
        .set((totp_factors::confirmed_at.eq(now.to_diesel()), totp_factors::last_step.eq(step)))
        .execute(conn)?;
    let hashes: Vec<[u8; 32]> = codes.iter().map(RecoveryCode::hash).collect();
    let rows: Vec<_> = hashes
        .iter()
        .map(|hash| (recovery_codes::user_id.eq(user_id), recovery_codes::code_hash.eq(hash.as_slice())))
        .collect();
    diesel::insert_into(recovery_codes::table).values(rows).execute(conn).map(drop)
}

/// Notes that the code of a step was taken.
pub fn spend_step(conn: &mut PgConnection, user_id: UserId, step: i64) -> QueryResult<()> {
    diesel::update(totp_factors::table.find(user_id)).set(totp_factors::last_step.eq(step)).execute(conn).map(drop)
}

/// Uses up a recovery code; false if it is none of the user's that is left.
pub fn spend_recovery(conn: &mut PgConnection, user_id: UserId, hash: &[u8; 32], now: Timestamp) -> QueryResult<bool> {
    diesel::update(recovery_codes::table.find((user_id, hash.as_slice())))
        .filter(recovery_codes::used_at.is_null())
        .set(recovery_codes::used_at.eq(now.to_diesel()))
        .execute(conn)
        .map(|rows| rows == 1)
}

/// Removes the factor and its recovery codes; false if there was none.
pub fn remove(conn: &mut PgConnection, user_id: UserId) -> QueryResult<bool> {
    diesel::delete(totp_factors::table.find(user_id)).execute(conn).map(|rows| rows == 1)
}

/// Notes that somebody gave the right password and owes a code.
pub fn challenge(conn: &mut PgConnection, user_id: UserId, hash: TokenHash, now: Timestamp) -> QueryResult<()> {
    diesel::insert_into(mfa_challenges::table)
        .values((
            mfa_challenges::challenge_hash.eq(hash.0.as_slice()),
            mfa_challenges::user_id.eq(user_id),
            mfa_challenges::expires_at.eq((now + CHALLENGE).to_diesel()),
        ))
        .execute(conn)
        .map(drop)
}

/// Whose a challenge is, if there is such a one.
pub fn challenged(conn: &mut PgConnection, hash: TokenHash) -> QueryResult<Option<UserId>> {
    mfa_challenges::table.find(hash.0.as_slice()).select(mfa_challenges::user_id).first(conn).optional()
}

/// Counts an attempt at a challenge; false if it does not wait any more.
pub fn attempt(conn: &mut PgConnection, hash: TokenHash, now: Timestamp) -> QueryResult<bool> {
    diesel::update(mfa_challenges::table.find(hash.0.as_slice()))
        .filter(mfa_challenges::expires_at.gt(now.to_diesel()))
        .filter(mfa_challenges::attempts.lt(ATTEMPTS))
        .set(mfa_challenges::attempts.eq(mfa_challenges::attempts + 1))
        .execute(conn)
        .map(|rows| rows == 1)
}

/// Ends all challenges of a user: one was answered, or the password is another.
pub fn end_challenges(conn: &mut PgConnection, user_id: UserId) -> QueryResult<()> {
    diesel::delete(mfa_challenges::table.filter(mfa_challenges::user_id.eq(user_id))).execute(conn).map(drop)
}

/// Deletes a portion of the challenges that are over; what somebody works with is left for the next time.
pub(crate) fn sweep(conn: &mut PgConnection, now: Timestamp) -> QueryResult<usize> {
    let over: Vec<Vec<u8>> = mfa_challenges::table
        .filter(mfa_challenges::expires_at.le(now.to_diesel()))
        .select(mfa_challenges::challenge_hash)
        .limit(ROWS)
        .for_update()
        .skip_locked()
        .load(conn)?;
    diesel::delete(mfa_challenges::table.filter(mfa_challenges::challenge_hash.eq_any(over))).execute(conn)
}
