//! Corrections in the database.

use crate::approvals::domain::Request;
use crate::corrections::domain::Wish;
use crate::punches::store::word;
use crate::schema::{added_punches as added, corrections as table, punches, voided_punches as voided};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use jiff::Timestamp;
use jiff_diesel::ToDiesel as _;
use rollcall_attendance_api::approvals::Approval;
use rollcall_attendance_api::corrections::{Change, Correction};
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
}

impl Row {
    fn view(self, approval: Approval) -> Result<Correction, Fault> {
        Ok(Correction {
            correction_id: self.correction_id,
            employee_id: self.employee_id,
            work_date: self.work_date.to_jiff(),
            changes: serde_json::from_value(self.changes).map_err(Fault::internal)?,
            reason: self.reason,
            approval,
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

/// Adds what is asked for by `request`, which is stored already.
pub(crate) fn add(
    conn: &mut PgConnection,
    tenant: &Tenant,
    request: &Request,
    wish: &Wish,
) -> Result<Correction, Fault> {
    let approval = &request.approval;
    diesel::insert_into(table::table)
        .values((
            table::org_id.eq(tenant.org_id()),
            table::correction_id.eq(CorrectionId(request.request_id.0)),
            table::employee_id.eq(request.employee_id),
            table::work_date.eq(wish.work_date.to_diesel()),
            table::changes.eq(serde_json::to_value(&wish.changes).map_err(Fault::internal)?),
            table::reason.eq(&wish.reason),
            // From here on for the release before this one, which reads them here.
            table::requested_by.eq(approval.requested_by),
            table::requested_at.eq(approval.requested_at.to_diesel()),
            table::status.eq(word(&approval.status)?),
            table::version.eq(approval.version),
        ))
        .execute(conn)?;
    one(conn, tenant, request.clone())
}

/// What is asked for by a request.
pub(crate) fn one(conn: &mut PgConnection, tenant: &Tenant, request: Request) -> Result<Correction, Fault> {
    let id = CorrectionId(request.request_id.0);
    let row = table::table.find((tenant.org_id(), id)).select(Row::as_select()).first(conn)?;
    row.view(request.approval)
}

/// What is asked for by some requests, in their order.
pub(crate) fn of(conn: &mut PgConnection, tenant: &Tenant, requests: Vec<Request>) -> Result<Vec<Correction>, Fault> {
    let ids: Vec<CorrectionId> = requests.iter().map(|request| CorrectionId(request.request_id.0)).collect();
    let rows: Vec<Row> = table::table
        .filter(table::org_id.eq(tenant.org_id()).and(table::correction_id.eq_any(ids)))
        .select(Row::as_select())
        .load(conn)?;
    let mut rows: HashMap<_, _> = rows.into_iter().map(|row| (row.correction_id, row)).collect();
    let of = |request: Request| Some(rows.remove(&CorrectionId(request.request_id.0))?.view(request.approval));
    requests.into_iter().filter_map(of).collect()
}

/// Notes how it has ended for the release before this one, which reads it here.
pub(crate) fn end(conn: &mut PgConnection, tenant: &Tenant, correction: &Correction) -> Result<(), Fault> {
    let approval = &correction.approval;
    diesel::update(table::table.find((tenant.org_id(), correction.correction_id)))
        .set((
            table::status.eq(word(&approval.status)?),
            table::decided_by.eq(approval.decided_by),
            table::decided_at.eq(approval.decided_at.map(jiff_diesel::ToDiesel::to_diesel)),
            table::note.eq(&approval.note),
            table::version.eq(approval.version),
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
