//! Deleting what is over: sessions, tokens, devices, challenges, counts.
//!
//! A portion at a time, each in a transaction of its own: no statement is long however much there is, none undoes what
//! others have done, and a table that cannot be swept holds up no other.

use crate::{mfa, resets, sessions, throttle};
use diesel::QueryResult;
use diesel::pg::PgConnection;
use jiff::Timestamp;
use rollcall_common::db::{Database, Unscoped};
use rollcall_common::fault::Fault;

/// Most rows that one statement deletes.
pub(crate) const ROWS: i64 = 1_000;

/// Deletes a portion of what is over of one table; says how many rows that were.
type Sweep = fn(&mut PgConnection, Timestamp) -> QueryResult<usize>;

const TABLES: [Sweep; 6] = [
    sessions::store::sweep_tokens,
    sessions::store::sweep_sessions,
    sessions::store::sweep_devices,
    resets::store::sweep,
    mfa::store::sweep,
    throttle::store::sweep,
];

/// Deletes all that is over at `now`; answers how many rows there were, or why some are left.
pub(crate) async fn sweep(db: &Database, now: Timestamp) -> Result<usize, Fault> {
    let (mut rows, mut failed) = (0, None);
    for table in TABLES {
        match empty(db, table, now).await {
            Ok(swept) => rows += swept,
            Err(fault) => failed = Some(fault),
        }
    }
    failed.map_or(Ok(rows), Err)
}

async fn empty(db: &Database, table: Sweep, now: Timestamp) -> Result<usize, Fault> {
    let mut all = 0;
    loop {
        let rows = db.transaction(Unscoped, move |conn| Ok::<_, Fault>(table(conn, now)?)).await?;
        all += rows;
        if i64::try_from(rows).is_ok_and(|rows| rows < ROWS) {
            return Ok(all);
        }
    }
}
