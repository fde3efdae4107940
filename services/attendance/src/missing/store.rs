//! What was found missing, and which organisation is looked at when.

use crate::missing::domain::Found;
use crate::punches::store::word;
use crate::schema::{missing_punch_looks as looks, missing_punches as table};
use diesel::connection::SimpleConnection as _;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Date as SqlDate, Jsonb, Timestamptz, Uuid};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff_diesel::ToDiesel as _;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{EmployeeId, OrgId, SiteId};
use serde::Deserialize as _;
use serde_json::Value;
use std::collections::HashMap;

/// An organisation that is to be looked at.
#[derive(QueryableByName)]
pub(crate) struct Due {
    /// Which.
    #[diesel(sql_type = Uuid)]
    pub(crate) org_id: OrgId,
    /// What closed before is told to nobody.
    #[diesel(sql_type = Timestamptz, deserialize_as = jiff_diesel::Timestamp)]
    pub(crate) watched_since: Timestamp,
    /// When it was looked at last.
    #[diesel(sql_type = Timestamptz, deserialize_as = jiff_diesel::Timestamp)]
    pub(crate) looked_at: Timestamp,
    /// Sites whose devices had not reported then, with until when they had.
    #[diesel(sql_type = Jsonb)]
    known_until: Value,
}

impl Due {
    /// Until when the devices of sites had reported that had not reported all at the last look.
    pub(crate) fn known_until(&self) -> Result<HashMap<SiteId, Timestamp>, Fault> {
        HashMap::deserialize(&self.known_until).map_err(Fault::internal)
    }
}

/// Begins to look at organisations that were never looked at.
pub(crate) fn watch_new(conn: &mut PgConnection, now: Timestamp) -> Result<(), Fault> {
    const STATEMENT: &str = "
        INSERT INTO missing_punch_looks (org_id, watched_since, looked_at, next_look_at)
        SELECT org_id, $1, $1, $1 FROM orgs
        WHERE NOT EXISTS (SELECT FROM missing_punch_looks known WHERE known.org_id = orgs.org_id)
        ON CONFLICT DO NOTHING";
    conn.batch_execute("SELECT set_config('app.job', 'missing_punches', true)")?;
    diesel::sql_query(STATEMENT).bind::<Timestamptz, _>(now.to_diesel()).execute(conn)?;
    Ok(())
}

/// Takes an organisation that is due; nobody else takes it before `until`.
pub(crate) fn claim(conn: &mut PgConnection, now: Timestamp, until: Timestamp) -> Result<Option<Due>, Fault> {
    const STATEMENT: &str = "
        UPDATE missing_punch_looks SET next_look_at = $2
        WHERE org_id = (
            SELECT org_id FROM missing_punch_looks WHERE next_look_at <= $1
            ORDER BY next_look_at LIMIT 1 FOR UPDATE SKIP LOCKED
        )
        RETURNING org_id, watched_since, looked_at, known_until";
    conn.batch_execute("SELECT set_config('app.job', 'missing_punches', true)")?;
    let claimed = diesel::sql_query(STATEMENT)
        .bind::<Timestamptz, _>(now.to_diesel())
        .bind::<Timestamptz, _>(until.to_diesel())
        .get_result(conn);
    Ok(claimed.optional()?)
}

/// Notes that all of an organisation was looked at, as far as it was known until when.
pub(crate) fn looked(
    conn: &mut PgConnection,
    tenant: &Tenant,
    at: Timestamp,
    known_until: &HashMap<SiteId, Timestamp>,
    next: Timestamp,
) -> Result<(), Fault> {
    diesel::update(looks::table.find(tenant.org_id()))
        .set((
            looks::looked_at.eq(at.to_diesel()),
            looks::known_until.eq(serde_json::to_value(known_until).map_err(Fault::internal)?),
            looks::next_look_at.eq(next.to_diesel()),
        ))
        .execute(conn)?;
    Ok(())
}

/// Notes that something is missing; false when that was known.
pub(crate) fn add(
    conn: &mut PgConnection,
    tenant: &Tenant,
    employee_id: EmployeeId,
    found: &Found,
    now: Timestamp,
) -> Result<bool, Fault> {
    let added = diesel::insert_into(table::table)
        .values((
            table::org_id.eq(tenant.org_id()),
            table::employee_id.eq(employee_id),
            table::work_date.eq(found.date.to_diesel()),
            table::missing.eq(word(&found.missing)?),
            table::found_at.eq(now.to_diesel()),
        ))
        .on_conflict_do_nothing()
        .execute(conn)?;
    Ok(added > 0)
}

/// Forgets what was missing of work dates before `before`, at most so much; answers how much it was.
pub(crate) fn forget(conn: &mut PgConnection, before: Date, most: i64) -> Result<usize, Fault> {
    conn.batch_execute("SELECT set_config('app.job', 'forget_missing_punches', true)")?;
    let old = diesel::sql_query(
        "DELETE FROM missing_punches WHERE ctid IN (
             SELECT ctid FROM missing_punches WHERE work_date < $1 ORDER BY work_date LIMIT $2)",
    );
    Ok(old.bind::<SqlDate, _>(before.to_diesel()).bind::<BigInt, _>(most).execute(conn)?)
}
