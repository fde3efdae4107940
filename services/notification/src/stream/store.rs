//! The logs in the database.

use super::domain::{Batch, Entry, Position};
use crate::schema::{stream_entries, user_streams};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz, Uuid};
use jiff::Timestamp;
use jiff_diesel::ToDiesel as _;
use rollcall_common::auth::Caller;
use rollcall_ids::UserId;
use std::collections::HashSet;

/// Where a user's log stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = user_streams, check_for_backend(diesel::pg::Pg))]
pub struct Standing {
    /// Whose.
    pub user_id: UserId,
    /// Which log.
    pub epoch: i64,
    /// Number of its last entry.
    pub last_seq: i64,
    /// Messages not read yet.
    pub unread: i64,
}

impl Standing {
    /// The end of the log.
    pub const fn position(&self) -> Position {
        Position { epoch: self.epoch, seq: self.last_seq }
    }
}

/// Where the caller's log stands; it is begun if they had none, so that a position can be given out.
pub fn standing(conn: &mut PgConnection, caller: &Caller) -> QueryResult<Standing> {
    let find = |conn: &mut PgConnection| {
        user_streams::table.find(caller.user_id).select(Standing::as_select()).first(conn).optional()
    };
    if let Some(standing) = find(conn)? {
        return Ok(standing);
    }
    begin(conn, &[caller.user_id])?;
    find(conn)?.ok_or(diesel::result::Error::NotFound)
}

/// Begins the logs of those who have none, and locks all of them until the transaction ends, in one order so that
/// two transactions never wait for each other.
pub fn begin(conn: &mut PgConnection, users: &[UserId]) -> QueryResult<()> {
    let statement = "INSERT INTO user_streams (user_id) SELECT DISTINCT u FROM unnest($1) AS u ORDER BY u \
                     ON CONFLICT (user_id) DO UPDATE SET user_id = excluded.user_id";
    diesel::sql_query(statement).bind::<Array<Uuid>, _>(users).execute(conn).map(drop)
}

/// Locks the caller's log until the transaction ends; none if they never had one.
pub fn lock(conn: &mut PgConnection, caller: &Caller) -> QueryResult<Option<Standing>> {
    user_streams::table.find(caller.user_id).select(Standing::as_select()).for_update().first(conn).optional()
}

/// Adds an entry to a log that is locked, after which `unread` messages are unread.
pub fn append(
    conn: &mut PgConnection,
    locked: &Standing,
    event: &str,
    data: &str,
    unread: i64,
    now: Timestamp,
) -> QueryResult<()> {
    let seq = locked.last_seq + 1;
    diesel::update(user_streams::table.find(locked.user_id))
        .set((user_streams::last_seq.eq(seq), user_streams::unread.eq(unread)))
        .execute(conn)?;
    diesel::insert_into(stream_entries::table)
        .values((
            stream_entries::user_id.eq(locked.user_id),
            stream_entries::seq.eq(seq),
            stream_entries::event.eq(event),
            stream_entries::data.eq(data),
            stream_entries::unread.eq(unread),
            stream_entries::created_at.eq(now.to_diesel()),
        ))
        .execute(conn)
        .map(drop)
}

/// Where the logs of all these users stand: one query however many they are.
pub fn standings(conn: &mut PgConnection, users: &[UserId]) -> QueryResult<Vec<Standing>> {
    user_streams::table.filter(user_streams::user_id.eq_any(users)).select(Standing::as_select()).load(conn)
}

/// Where the logs of all these users stand; those of who had none are begun.
pub fn standings_or_begun(conn: &mut PgConnection, users: &[UserId]) -> QueryResult<Vec<Standing>> {
    let found = standings(conn, users)?;
    let known: HashSet<UserId> = found.iter().map(|standing| standing.user_id).collect();
    let new: Vec<UserId> = users.iter().copied().filter(|user| !known.contains(user)).collect();
    if new.is_empty() {
        return Ok(found);
    }
    begin(conn, &new)?;
    standings(conn, users)
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Uuid)]
    user_id: UserId,
    #[diesel(sql_type = BigInt)]
    epoch: i64,
    #[diesel(sql_type = BigInt)]
    last_seq: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    seq: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    event: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    data: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    unread: Option<i64>,
}

/// The next entries of several users' logs, at most `most` of each, and where each log stood at that moment. One
/// statement, so one snapshot: a number that is missing below the end is missing for good.
pub fn next_entries(
    conn: &mut PgConnection,
    after: &[(UserId, i64)],
    most: usize,
) -> QueryResult<Vec<(UserId, Batch)>> {
    const STATEMENT: &str = "
        SELECT s.user_id, s.epoch, s.last_seq, e.seq, e.event, e.data, e.unread
        FROM unnest($1, $2) AS wanted (user_id, after)
        JOIN user_streams s USING (user_id)
        LEFT JOIN LATERAL (
            SELECT seq, event, data, unread FROM stream_entries
            WHERE user_id = wanted.user_id AND seq > wanted.after ORDER BY seq LIMIT $3
        ) e ON true
        ORDER BY s.user_id, e.seq";
    let (users, from): (Vec<UserId>, Vec<i64>) = after.iter().copied().unzip();
    name_readers(conn, &users)?;
    let rows: Vec<Row> = diesel::sql_query(STATEMENT)
        .bind::<Array<Uuid>, _>(&users)
        .bind::<Array<BigInt>, _>(&from)
        .bind::<BigInt, _>(i64::try_from(most).unwrap_or(i64::MAX))
        .load(conn)?;
    let mut batches: Vec<(UserId, Batch)> = Vec::with_capacity(users.len());
    for row in rows {
        let current = Position { epoch: row.epoch, seq: row.last_seq };
        if batches.last().is_none_or(|(user, _)| *user != row.user_id) {
            batches.push((row.user_id, Batch { current, entries: Vec::new(), cut_short: false }));
        }
        if let (Some((_, batch)), Some(seq), Some(event), Some(data), Some(unread)) =
            (batches.last_mut(), row.seq, row.event, row.data, row.unread)
        {
            batch.entries.push(Entry::new(seq, event, data, unread));
            batch.cut_short = batch.entries.len() >= most;
        }
    }
    Ok(batches)
}

/// Row-level security shows the entries of the users who are named here, until the transaction ends.
fn name_readers(conn: &mut PgConnection, users: &[UserId]) -> QueryResult<()> {
    let names: Vec<String> = users.iter().map(ToString::to_string).collect();
    diesel::sql_query("SELECT set_config('app.user_ids', $1, true)")
        .bind::<Text, _>(format!("{{{}}}", names.join(",")))
        .execute(conn)
        .map(drop)
}

/// Drops at most `most` entries that are older than `before`; answers how many. A stream that was further back
/// finds the gap and starts over.
pub fn prune(conn: &mut PgConnection, before: Timestamp, most: i64) -> QueryResult<usize> {
    diesel::sql_query("SELECT set_config('app.task', 'prune_streams', true)").execute(conn)?;
    let statement = "DELETE FROM stream_entries WHERE (user_id, seq) IN \
                     (SELECT user_id, seq FROM stream_entries WHERE created_at < $1 ORDER BY created_at LIMIT $2)";
    diesel::sql_query(statement).bind::<Timestamptz, _>(before.to_diesel()).bind::<BigInt, _>(most).execute(conn)
}

/// Tells whoever listens to a channel. Such a notice is worth nothing after a crash, so its commit is not waited for.
pub fn notify(conn: &mut PgConnection, channel: &str, notices: &[String]) -> QueryResult<()> {
    diesel::sql_query(
        "SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, notice) FROM unnest($2) notice",
    )
    .bind::<Text, _>(channel)
    .bind::<Array<Text>, _>(notices)
    .execute(conn)
    .map(drop)
}
