//! Rows of `sessions`, `refresh_tokens` and `known_devices`.

use crate::origin::Origin;
use crate::schema::{known_devices, refresh_tokens, sessions, users};
use crate::sessions::domain::{TokenHash, TokenState};
use crate::sweep::ROWS;
use crate::users::store::User;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Timestamptz};
use jiff::{SignedDuration, Timestamp};
use jiff_diesel::{NullableTimestamp, ToDiesel as _};
use rollcall_common::paging::Page;
use rollcall_ids::{SessionId, UserId};
use serde::{Deserialize, Serialize};

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
    /// Its owner ended it from another session.
    EndedElsewhere,
    /// Its owner changed the password in another session.
    PasswordChanged,
    /// Its owner chose a new password by mail.
    PasswordReset,
    /// The account was disabled.
    AccountDisabled,
}

impl EndReason {
    const fn as_str(self) -> &'static str {
        match self {
            Self::SignedOut => "signed_out",
            Self::RefreshReused => "refresh_reused",
            Self::EndedElsewhere => "ended_elsewhere",
            Self::PasswordChanged => "password_changed",
            Self::PasswordReset => "password_reset",
            Self::AccountDisabled => "account_disabled",
        }
    }
}

/// Which sessions of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// This one.
    One(SessionId),
    /// All but this one.
    Others(SessionId),
    /// All.
    All,
}

/// A session as its owner sees it.
#[derive(Queryable, Selectable)]
#[diesel(table_name = sessions, check_for_backend(diesel::pg::Pg))]
pub struct SessionRow {
    /// Its id.
    pub session_id: SessionId,
    /// When somebody signed in.
    pub created_at: jiff_diesel::Timestamp,
    /// When it was last refreshed.
    pub last_used_at: jiff_diesel::Timestamp,
    /// When it is over however busy it is.
    pub expires_at: jiff_diesel::Timestamp,
    /// What the client calls itself.
    pub device: String,
    /// From where it was last refreshed.
    pub address: String,
}

/// Begins a session.
pub fn begin(
    conn: &mut PgConnection,
    user_id: UserId,
    origin: &Origin,
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
            sessions::device.eq(&origin.device),
            sessions::address.eq(origin.address.to_string()),
        ))
        .execute(conn)?;
    Ok(session_id)
}

/// Sessions of a user that have not ended, newest first. `alive_since` is when one had to be used to be alive.
pub fn of_user(
    conn: &mut PgConnection,
    user_id: UserId,
    page: &Page<Key>,
    alive_since: Timestamp,
    now: Timestamp,
) -> QueryResult<Vec<SessionRow>> {
    let mut query = sessions::table
        .filter(sessions::user_id.eq(user_id))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::expires_at.gt(now.to_diesel()))
        .filter(sessions::last_used_at.gt(alive_since.to_diesel()))
        .into_boxed();
    if let Some(Key(at, id)) = &page.after {
        let at = at.to_diesel();
        query =
            query.filter(sessions::created_at.lt(at).or(sessions::created_at.eq(at).and(sessions::session_id.lt(*id))));
    }
    query
        .order((sessions::created_at.desc(), sessions::session_id.desc()))
        .select(SessionRow::as_select())
        .limit(page.fetch())
        .load(conn)
}

/// Where a page of sessions ends.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Key(pub Timestamp, pub SessionId);

/// When a session of a user began; none when there is none, or it has ended.
pub fn began_at(conn: &mut PgConnection, user_id: UserId, session_id: SessionId) -> QueryResult<Option<Timestamp>> {
    sessions::table
        .find(session_id)
        .filter(sessions::user_id.eq(user_id))
        .filter(sessions::ended_at.is_null())
        .select(sessions::created_at)
        .first::<jiff_diesel::Timestamp>(conn)
        .optional()
        .map(|at| at.map(jiff_diesel::Timestamp::to_jiff))
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

/// Notes that a session was used, and from where.
pub fn touch(conn: &mut PgConnection, session_id: SessionId, origin: &Origin, now: Timestamp) -> QueryResult<()> {
    diesel::update(sessions::table.find(session_id))
        .set((
            sessions::last_used_at.eq(now.to_diesel()),
            sessions::device.eq(&origin.device),
            sessions::address.eq(origin.address.to_string()),
        ))
        .execute(conn)
        .map(drop)
}

/// Ends sessions of a user; one that is over already stays as it ended. Answers which were ended.
pub fn end(
    conn: &mut PgConnection,
    user_id: UserId,
    which: Which,
    reason: EndReason,
    now: Timestamp,
) -> QueryResult<Vec<SessionId>> {
    let live = sessions::table.filter(sessions::user_id.eq(user_id)).filter(sessions::ended_at.is_null());
    let set = (sessions::ended_at.eq(now.to_diesel()), sessions::ended_reason.eq(reason.as_str()));
    match which {
        Which::One(id) => {
            diesel::update(live.filter(sessions::session_id.eq(id))).set(set).returning(sessions::session_id).load(conn)
        }
        Which::Others(id) => {
            diesel::update(live.filter(sessions::session_id.ne(id))).set(set).returning(sessions::session_id).load(conn)
        }
        Which::All => diesel::update(live).set(set).returning(sessions::session_id).load(conn),
    }
}

/// Notes from where somebody signs in; true if the account was used before, and never from this device there.
pub fn meet_device(conn: &mut PgConnection, user_id: UserId, origin: &Origin, now: Timestamp) -> QueryResult<bool> {
    use known_devices::dsl;
    let (hash, network) = (origin.device_hash(), origin.network());
    let of_user = dsl::known_devices.filter(dsl::user_id.eq(user_id));
    let any: bool = diesel::select(diesel::dsl::exists(of_user)).get_result(conn)?;
    let known = diesel::update(of_user.filter(dsl::device_hash.eq(hash.as_slice())).filter(dsl::network.eq(&network)))
        .set(dsl::last_seen_at.eq(now.to_diesel()))
        .execute(conn)?;
    if known == 0 {
        diesel::insert_into(dsl::known_devices)
            .values((
                dsl::user_id.eq(user_id),
                dsl::device_hash.eq(hash.as_slice()),
                dsl::network.eq(&network),
                dsl::last_seen_at.eq(now.to_diesel()),
            ))
            .on_conflict_do_nothing()
            .execute(conn)?;
    }
    Ok(any && known == 0)
}

/// Whether an account was used from the network of `origin` before.
pub fn knows_network(conn: &mut PgConnection, user_id: UserId, origin: &Origin) -> QueryResult<bool> {
    use known_devices::dsl;
    let known = dsl::known_devices.filter(dsl::user_id.eq(user_id)).filter(dsl::network.eq(origin.network()));
    diesel::select(diesel::dsl::exists(known)).get_result(conn)
}

/// How long a device is known after it was last seen.
const DEVICE_KNOWN: SignedDuration = SignedDuration::from_hours(24 * 180);

/// Deletes a portion of the refresh tokens that are over.
pub(crate) fn sweep_tokens(conn: &mut PgConnection, now: Timestamp) -> QueryResult<usize> {
    let over: Vec<Vec<u8>> = refresh_tokens::table
        .filter(refresh_tokens::expires_at.le(now.to_diesel()))
        .select(refresh_tokens::token_hash)
        .limit(ROWS)
        .load(conn)?;
    diesel::delete(refresh_tokens::table.filter(refresh_tokens::token_hash.eq_any(over))).execute(conn)
}

/// Deletes a portion of the sessions that are over.
pub(crate) fn sweep_sessions(conn: &mut PgConnection, now: Timestamp) -> QueryResult<usize> {
    let over: Vec<SessionId> = sessions::table
        .filter(sessions::expires_at.le(now.to_diesel()))
        .select(sessions::session_id)
        .limit(ROWS)
        .load(conn)?;
    diesel::delete(sessions::table.filter(sessions::session_id.eq_any(over))).execute(conn)
}

/// Deletes a portion of the devices that were not seen for long.
pub(crate) fn sweep_devices(conn: &mut PgConnection, now: Timestamp) -> QueryResult<usize> {
    let unseen = (now - DEVICE_KNOWN).to_diesel();
    let devices = diesel::sql_query(
        "DELETE FROM known_devices WHERE ctid IN (
             SELECT ctid FROM known_devices WHERE last_seen_at < $1 ORDER BY last_seen_at LIMIT $2)",
    );
    devices.bind::<Timestamptz, _>(unseen).bind::<BigInt, _>(ROWS).execute(conn)
}
