//! Rows of `sessions` and `refresh_tokens`.

use crate::schema::{refresh_tokens, sessions, users};
use crate::sessions::domain::{TokenHash, TokenState};
use crate::users::store::User;
use diesel::prelude::*;
use jiff::Timestamp;
use jiff_diesel::{NullableTimestamp, ToDiesel as _};
use rollcall_ids::{SessionId, UserId};

/// A session that a refresh token belongs to, locked until the transaction ends.
pub struct Held {
    /// The session.
    pub session_id: SessionId,
    /// Whose it is.
    pub user: User,
    /// When it is over however busy it is.
    pub expires_at: Timestamp,
    /// The token that was presented.
    pub token: TokenState,
}

/// Why a session was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// Its owner signed out.
    SignedOut,
    /// A refresh token came again long after it was spent.
    RefreshReused,
}

impl EndReason {
    const fn as_str(self) -> &'static str {
        match self {
            Self::SignedOut => "signed_out",
            Self::RefreshReused => "refresh_reused",
        }
    }
}

/// Begins a session.
pub fn begin(
    conn: &mut PgConnection,
    user_id: UserId,
    now: Timestamp,
    expires_at: Timestamp,
) -> QueryResult<SessionId> {
    let session_id = SessionId::generate();
    diesel::insert_into(sessions::table)
        .values((
            sessions::session_id.eq(session_id),
            sessions::user_id.eq(user_id),
            sessions::created_at.eq(now.to_diesel()),
            sessions::last_used_at.eq(now.to_diesel()),
            sessions::expires_at.eq(expires_at.to_diesel()),
        ))
        .execute(conn)?;
    Ok(session_id)
}

/// Adds a refresh token to a session.
pub fn add_token(
    conn: &mut PgConnection,
    session_id: SessionId,
    hash: TokenHash,
    now: Timestamp,
    expires_at: Timestamp,
) -> QueryResult<()> {
    diesel::insert_into(refresh_tokens::table)
        .values((
            refresh_tokens::token_hash.eq(hash.0.as_slice()),
            refresh_tokens::session_id.eq(session_id),
            refresh_tokens::issued_at.eq(now.to_diesel()),
            refresh_tokens::expires_at.eq(expires_at.to_diesel()),
        ))
        .execute(conn)
        .map(drop)
}

/// The session of a refresh token. Its row is locked before the token is read: of two requests with one token, the
/// second sees what the first did.
pub fn hold(conn: &mut PgConnection, hash: TokenHash) -> QueryResult<Option<Held>> {
    let token = refresh_tokens::table.find(hash.0.as_slice());
    let Some(session_id) = token.select(refresh_tokens::session_id).first::<SessionId>(conn).optional()? else {
        return Ok(None);
    };
    let session = sessions::table
        .find(session_id)
        .select((sessions::user_id, sessions::expires_at, sessions::ended_at))
        .for_update()
        .first::<(UserId, jiff_diesel::Timestamp, NullableTimestamp)>(conn)
        .optional()?;
    let Some((user_id, expires_at, ended_at)) = session else { return Ok(None) };
    let user = users::table.find(user_id).select(User::as_select()).first(conn)?;
    let (token_expires_at, spent_at) =
        token
            .select((refresh_tokens::expires_at, refresh_tokens::spent_at))
            .first::<(jiff_diesel::Timestamp, NullableTimestamp)>(conn)?;
    Ok(Some(Held {
        session_id,
        user,
        expires_at: expires_at.to_jiff(),
        token: TokenState {
            expires_at: token_expires_at.to_jiff(),
            spent_at: spent_at.to_jiff(),
            session_ended: ended_at.to_jiff().is_some(),
        },
    }))
}

/// Notes when a token was first spent; a repeat does not move that moment.
pub fn spend(conn: &mut PgConnection, hash: TokenHash, now: Timestamp) -> QueryResult<()> {
    diesel::update(refresh_tokens::table.find(hash.0.as_slice()))
        .filter(refresh_tokens::spent_at.is_null())
        .set(refresh_tokens::spent_at.eq(now.to_diesel()))
        .execute(conn)
        .map(drop)
}

/// Notes that a session was used.
pub fn touch(conn: &mut PgConnection, session_id: SessionId, now: Timestamp) -> QueryResult<()> {
    diesel::update(sessions::table.find(session_id))
        .set(sessions::last_used_at.eq(now.to_diesel()))
        .execute(conn)
        .map(drop)
}

/// Ends a session of a user; one that is over already stays as it ended.
pub fn end(
    conn: &mut PgConnection,
    user_id: UserId,
    session_id: SessionId,
    reason: EndReason,
    now: Timestamp,
) -> QueryResult<()> {
    diesel::update(sessions::table.find(session_id))
        .filter(sessions::user_id.eq(user_id))
        .filter(sessions::ended_at.is_null())
        .set((sessions::ended_at.eq(now.to_diesel()), sessions::ended_reason.eq(reason.as_str())))
        .execute(conn)
        .map(drop)
}

/// Most rows that one sweep deletes of each table, so that it holds no lock for long.
const SWEEP: i64 = 1_000;

/// Deletes sessions and tokens that are over at `now`; answers how many rows there were.
pub fn sweep(conn: &mut PgConnection, now: Timestamp) -> QueryResult<usize> {
    let tokens: Vec<Vec<u8>> = refresh_tokens::table
        .filter(refresh_tokens::expires_at.le(now.to_diesel()))
        .select(refresh_tokens::token_hash)
        .limit(SWEEP)
        .load(conn)?;
    let over: Vec<SessionId> = sessions::table
        .filter(sessions::expires_at.le(now.to_diesel()))
        .select(sessions::session_id)
        .limit(SWEEP)
        .load(conn)?;
    let tokens =
        diesel::delete(refresh_tokens::table.filter(refresh_tokens::token_hash.eq_any(tokens))).execute(conn)?;
    let over = diesel::delete(sessions::table.filter(sessions::session_id.eq_any(over))).execute(conn)?;
    Ok(tokens + over)
}
