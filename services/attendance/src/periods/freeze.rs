//! A lock goes on: some people to a transaction, until all are done.

use super::store::{self, Stored};
use crate::audit::store as audit;
use crate::facts::store as facts;
use crate::workdays::days;
use diesel::pg::PgConnection;
use jiff::Timestamp;
use rollcall_attendance_api::events::{PERIOD_LOCKED, PeriodLocked};
use rollcall_attendance_api::periods::{Period, PeriodStatus};
use rollcall_common::db::Database;
use rollcall_common::events::{NewEvent, Outbox};
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::PeriodId;
use std::time::Duration;
use tokio::time::Instant;

/// People to a transaction: with a month each some 1,500 days, which a connection is busy with for a fraction of a
/// second.
const PEOPLE: i64 = 50;

/// Carries a lock on for `how_long`, or until it is done or somebody else is at it.
pub(super) async fn carry_on(
    db: &Database,
    outbox: &Outbox,
    tenant: Tenant,
    id: PeriodId,
    now: Timestamp,
    how_long: Duration,
) -> Result<(), Fault> {
    let until = Instant::now() + how_long;
    loop {
        let outbox = outbox.clone();
        let more = db.transaction(&tenant, move |conn| step(conn, &tenant, &outbox, id, now)).await?;
        if !more || Instant::now() >= until {
            return Ok(());
        }
    }
}

/// Keeps the days of the next people, and after the last ends the lock; whether there is more to do.
fn step(
    conn: &mut PgConnection,
    tenant: &Tenant,
    outbox: &Outbox,
    id: PeriodId,
    now: Timestamp,
) -> Result<bool, Fault> {
    let Some(mut stored) = store::taken(conn, tenant, id)? else { return Ok(false) };
    if stored.period.status != PeriodStatus::Locking {
        return Ok(false);
    }
    let people = store::people(conn, tenant, stored.frozen_up_to, PEOPLE)?;
    let Some(last) = people.last().map(|person| person.employee_id) else {
        end(conn, tenant, outbox, stored, now)?;
        return Ok(false);
    };
    let org = facts::org(conn, tenant)?.ok_or_else(|| Fault::internal(anyhow::anyhow!("people of no organisation")))?;
    let count = u32::try_from(people.len()).map_err(Fault::internal)?;
    let dates = (stored.period.from, stored.period.to);
    let read = days::read_open(conn, tenant, &org, people, dates, now)?;
    for (_, days) in read.days() {
        store::keep(conn, tenant, (id, stored.generation), &days)?;
    }
    stored.frozen_up_to = Some(last);
    stored.period.people_done += count;
    stored.period.people_total = stored.period.people_total.max(stored.period.people_done);
    store::note(conn, tenant, &stored)?;
    Ok(true)
}

/// All are done: from now on what was kept counts.
fn end(
    conn: &mut PgConnection,
    tenant: &Tenant,
    outbox: &Outbox,
    mut stored: Stored,
    now: Timestamp,
) -> Result<(), Fault> {
    let before = stored.period.clone();
    store::locked_now(&mut stored, now);
    store::note(conn, tenant, &stored)?;
    let entry = audit::Entry {
        actor_id: None,
        action: "period.locked",
        subject_id: before.period_id.0,
        reason: None,
        before: Some(&before),
        after: Some(&stored.period),
    };
    audit::record(conn, tenant, &entry, now)?;
    let Period { period_id, name, from, to, people_done, version, .. } = stored.period;
    let data = PeriodLocked { period_id, name, from, to, people: people_done, locked_by: stored.locked_by };
    let (subject, org_id) = (period_id.to_string(), Some(tenant.org_id()));
    outbox.emit(conn, &NewEvent { kind: PERIOD_LOCKED, subject, org_id, version: Some(version), data: &data })?;
    Ok(())
}
