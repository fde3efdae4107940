//! Corrections in the database.

use crate::corrections::domain::Wish;
use crate::punches::store::{of_word, word};
use crate::schema::{added_punches as added, corrections as table, punches, voided_punches as voided};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use jiff::Timestamp;
use jiff_diesel::ToDiesel as _;
use rollcall_attendance_api::corrections::{Change, Correction, CorrectionStatus};
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{CorrectionId, EmployeeId, PunchId};
use serde_json::Value;
use std::collections::HashMap;

#[derive(Queryable, Selectable)]
#[diesel(table_name = table)]
struct Row {
    correction_id: CorrectionId,
    employee_id: EmployeeId,
    work_date: jiff_diesel::Date,
    changes: Value,
    reason: String,
    requested_by: EmployeeId,
    requested_at: jiff_diesel::Timestamp,
    status: String,
    decided_by: Option<EmployeeId>,
    decided_at: Option<jiff_diesel::Timestamp>,
    note: Option<String>,
    version: i64,
}

impl Row {
    fn view(self) -> Result<Correction, Fault> {
        Ok(Correction {
            correction_id: self.correction_id,
            employee_id: self.employee_id,
            work_date: self.work_date.to_jiff(),
            changes: serde_json::from_value(self.changes).map_err(Fault::internal)?,
            reason: self.reason,
            status: of_word(self.status)?,
            requested_by: self.requested_by,
            requested_at: self.requested_at.to_jiff(),
            decided_by: self.decided_by,
            decided_at: self.decided_at.map(jiff_diesel::Timestamp::to_jiff),
            note: self.note,
            version: self.version,
        })
    }
}

/// The punches of somebody that count around some days, with their instants.
pub(crate) fn punches_around(
    conn: &mut PgConnection,
    tenant: &Tenant,
    employee_id: EmployeeId,
    (from, until): (Timestamp, Timestamp),
) -> Result<HashMap<PunchId, Timestamp>, Fault> {
    let (from, until) = (from.to_diesel(), until.to_diesel());
    let mut all: Vec<(PunchId, jiff_diesel::Timestamp)> = punches::table
        .filter(punches::org_id.eq(tenant.org_id()).and(punches::employee_id.eq(employee_id)))
        .filter(punches::at.ge(from).and(punches::at.lt(until)))
        .select((punches::punch_id, punches::at))
        .load(conn)?;
    all.extend(
        added::table
            .filter(added::org_id.eq(tenant.org_id()).and(added::employee_id.eq(employee_id)))
            .filter(added::at.ge(from).and(added::at.lt(until)))
            .select((added::punch_id, added::at))
            .load::<(PunchId, jiff_diesel::Timestamp)>(conn)?,
    );
    let gone: Vec<PunchId> = voided::table
        .filter(voided::org_id.eq(tenant.org_id()).and(voided::employee_id.eq(employee_id)))
        .filter(voided::at.ge(from).and(voided::at.lt(until)))
        .select(voided::punch_id)
        .load(conn)?;
    let counting = all.into_iter().filter(|(id, _)| !gone.contains(id));
    Ok(counting.map(|(id, at)| (id, at.to_jiff())).collect())
}

/// Adds a correction that waits for a decision.
pub(crate) fn add(
    conn: &mut PgConnection,
    tenant: &Tenant,
    (employee_id, requested_by): (EmployeeId, EmployeeId),
    wish: Wish,
    now: Timestamp,
) -> Result<Correction, Fault> {
    let correction = Correction {
        correction_id: CorrectionId::generate(),
        employee_id,
        work_date: wish.work_date,
        changes: wish.changes,
        reason: wish.reason,
        status: CorrectionStatus::Pending,
        requested_by,
        requested_at: now,
        decided_by: None,
        decided_at: None,
        note: None,
        version: 1,
    };
    diesel::insert_into(table::table)
        .values((
            table::org_id.eq(tenant.org_id()),
            table::correction_id.eq(correction.correction_id),
            table::employee_id.eq(employee_id),
            table::work_date.eq(correction.work_date.to_diesel()),
            table::changes.eq(serde_json::to_value(&correction.changes).map_err(Fault::internal)?),
            table::reason.eq(&correction.reason),
            table::requested_by.eq(requested_by),
            table::requested_at.eq(now.to_diesel()),
            table::status.eq(word(&correction.status)?),
            table::version.eq(correction.version),
        ))
        .execute(conn)?;
    Ok(correction)
}

/// One of them.
pub(crate) fn one(conn: &mut PgConnection, tenant: &Tenant, id: CorrectionId) -> Result<Option<Correction>, Fault> {
    let row = table::table.find((tenant.org_id(), id)).select(Row::as_select()).first(conn).optional()?;
    row.map(Row::view).transpose()
}

/// One of them, which nobody else changes before the transaction ends.
pub(crate) fn locked(conn: &mut PgConnection, tenant: &Tenant, id: CorrectionId) -> Result<Option<Correction>, Fault> {
    let query = table::table.find((tenant.org_id(), id)).select(Row::as_select()).for_update();
    query.first(conn).optional()?.map(Row::view).transpose()
}

/// Notes how a locked correction has ended.
pub(crate) fn end(conn: &mut PgConnection, tenant: &Tenant, correction: &Correction) -> Result<(), Fault> {
    diesel::update(table::table.find((tenant.org_id(), correction.correction_id)))
        .set((
            table::status.eq(word(&correction.status)?),
            table::decided_by.eq(correction.decided_by),
            table::decided_at.eq(correction.decided_at.map(jiff_diesel::ToDiesel::to_diesel)),
            table::note.eq(&correction.note),
            table::version.eq(correction.version),
        ))
        .execute(conn)?;
    Ok(())
}

/// Adds the facts of an approved correction. What it voids and what does not count any more is left out: another
/// correction was faster, and the outcome is the same.
pub(crate) fn apply(
    conn: &mut PgConnection,
    tenant: &Tenant,
    correction: &Correction,
    counting: &HashMap<PunchId, Timestamp>,
) -> Result<(), Fault> {
    for change in &correction.changes {
        match change {
            Change::Add(punch) => {
                let row = (
                    added::org_id.eq(tenant.org_id()),
                    added::employee_id.eq(correction.employee_id),
                    added::at.eq(punch.at.to_diesel()),
                    added::punch_id.eq(PunchId::generate()),
                    added::direction.eq(word(&punch.direction)?),
                    added::correction_id.eq(correction.correction_id),
                );
                diesel::insert_into(added::table).values(row).execute(conn)?;
            }
            Change::Void(id) => {
                let Some(at) = counting.get(id) else { continue };
                let row = (
                    voided::org_id.eq(tenant.org_id()),
                    voided::employee_id.eq(correction.employee_id),
                    voided::at.eq(at.to_diesel()),
                    voided::punch_id.eq(*id),
                    voided::correction_id.eq(correction.correction_id),
                );
                diesel::insert_into(voided::table).values(row).on_conflict_do_nothing().execute(conn)?;
            }
        }
    }
    Ok(())
}

/// A page of somebody's, newest first.
pub(crate) fn list(
    conn: &mut PgConnection,
    tenant: &Tenant,
    employee_id: EmployeeId,
    status: Option<CorrectionStatus>,
    after: Option<(Timestamp, CorrectionId)>,
    limit: i64,
) -> Result<Vec<Correction>, Fault> {
    let mut query = table::table
        .filter(table::org_id.eq(tenant.org_id()))
        .filter(table::employee_id.eq(employee_id))
        .order((table::requested_at.desc(), table::correction_id.desc()))
        .select(Row::as_select())
        .limit(limit)
        .into_boxed();
    if let Some(status) = status {
        query = query.filter(table::status.eq(word(&status)?));
    }
    if let Some((at, id)) = after {
        let same = table::requested_at.eq(at.to_diesel()).and(table::correction_id.lt(id));
        query = query.filter(table::requested_at.lt(at.to_diesel()).or(same));
    }
    query.load::<Row>(conn)?.into_iter().map(Row::view).collect()
}
