//! Follows the changes of facts that other instances took: an event reaches only one of them.

use super::memory::Memory;
use crate::schema::fact_changes as table;
use diesel::connection::SimpleConnection as _;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use jiff::{SignedDuration, Timestamp};
use jiff_diesel::ToDiesel as _;
use rollcall_common::db::{Database, Unscoped};
use rollcall_common::fault::Fault;
use rollcall_common::problem::chain;
use rollcall_ids::OrgId;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

/// Between two looks: so long may an instance not know what another has been told.
const EVERY: Duration = Duration::from_millis(500);
/// A change gets its time before it is committed, so each look goes back further than the last one: no transaction
/// of the intake lasts this long.
const OVERLAP: SignedDuration = SignedDuration::from_secs(30);

type Changes = HashMap<(OrgId, Uuid), Timestamp>;

/// Looks again and again.
pub(super) async fn follow(db: Database, memory: &Memory) {
    let mut seen = Changes::new();
    let mut since = None;
    let mut failing = false;
    loop {
        let asked = Instant::now();
        match db.transaction(Unscoped, move |conn| changes(conn, since)).await {
            Ok((now, found)) => {
                for ((org_id, subject), at) in &found {
                    if seen.get(&(*org_id, *subject)) != Some(at) {
                        memory.changed(*org_id, *subject);
                    }
                }
                // Whatever is older is not found again.
                seen = found;
                since = Some(now);
                memory.heard_until(asked);
                failing = false;
            }
            Err(error) => {
                if !failing {
                    tracing::warn!(error = chain(&error), "cannot follow the changes of facts");
                }
                failing = true;
            }
        }
        tokio::time::sleep(EVERY).await;
    }
}

diesel::define_sql_function! {
    /// The time of day, in the middle of a transaction too.
    fn clock_timestamp() -> diesel::sql_types::Timestamptz;
}

/// What the clock of the database says, and what changed since shortly before `since`.
fn changes(conn: &mut PgConnection, since: Option<Timestamp>) -> Result<(Timestamp, Changes), Fault> {
    conn.batch_execute("SELECT set_config('app.job', 'follow_facts', true)")?;
    let now: jiff_diesel::Timestamp = diesel::select(clock_timestamp()).get_result(conn)?;
    let now = now.to_jiff();
    let rows: Vec<(OrgId, Uuid, jiff_diesel::Timestamp)> = table::table
        .filter(table::changed_at.gt((since.unwrap_or(now) - OVERLAP).to_diesel()))
        .select((table::org_id, table::subject, table::changed_at))
        .load(conn)?;
    Ok((now, rows.into_iter().map(|(org_id, subject, at)| ((org_id, subject), at.to_jiff())).collect()))
}
