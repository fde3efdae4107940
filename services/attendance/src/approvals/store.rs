//! Requests and decisions in the database.

use super::domain::Request;
use crate::punches::store::{of_word, word};
use crate::schema::{approval_decisions as decisions, approvals as table, assignments, delegations, employees};
use diesel::dsl::sql;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Jsonb};
use jiff::civil::Date;
use jiff_diesel::ToDiesel as _;
use rollcall_attendance_api::approvals::{Approval, Decided, RequestGist, RequestKind, RequestStatus};
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{EmployeeId, RequestId, UnitId};
use rollcall_org_api::facts::EmployeeFact;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;

#[derive(Queryable, Selectable)]
#[diesel(table_name = table)]
struct Row {
    request_id: RequestId,
    kind: String,
    employee_id: EmployeeId,
    with_employee_id: Option<EmployeeId>,
    requested_by: EmployeeId,
    requested_at: jiff_diesel::Timestamp,
    from_date: jiff_diesel::Date,
    to_date: jiff_diesel::Date,
    minutes: Option<i32>,
    label: Option<String>,
    reason: Option<String>,
    levels: i16,
    level: i16,
    status: String,
    decided_by: Option<EmployeeId>,
    decided_at: Option<jiff_diesel::Timestamp>,
    note: Option<String>,
    version: i64,
}

impl Row {
    fn request(self, decisions: Vec<Decided>) -> Result<Request, Fault> {
        let small = |level: i16| u8::try_from(level).map_err(Fault::internal);
        Ok(Request {
            request_id: self.request_id,
            kind: of_word(self.kind)?,
            employee_id: self.employee_id,
            with_employee_id: self.with_employee_id,
            gist: RequestGist {
                from: self.from_date.to_jiff(),
                to: self.to_date.to_jiff(),
                minutes: self.minutes.and_then(|minutes| u32::try_from(minutes).ok()),
                label: self.label,
                reason: self.reason,
            },
            approval: Approval {
                status: of_word(self.status)?,
                levels: small(self.levels)?,
                level: small(self.level)?,
                requested_by: self.requested_by,
                requested_at: self.requested_at.to_jiff(),
                decided_by: self.decided_by,
                decided_at: self.decided_at.map(jiff_diesel::Timestamp::to_jiff),
                note: self.note,
                decisions,
                version: self.version,
            },
        })
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = decisions)]
struct DecisionRow {
    request_id: RequestId,
    level: i16,
    verdict: String,
    decided_by: EmployeeId,
    on_behalf_of: Option<EmployeeId>,
    note: Option<String>,
    at: jiff_diesel::Timestamp,
    from_date: Option<jiff_diesel::Date>,
}

impl DecisionRow {
    fn decided(self) -> Result<Decided, Fault> {
        Ok(Decided {
            level: u8::try_from(self.level).map_err(Fault::internal)?,
            verdict: of_word(self.verdict)?,
            decided_by: self.decided_by,
            on_behalf_of: self.on_behalf_of,
            note: self.note,
            at: self.at.to_jiff(),
            from: self.from_date.map(jiff_diesel::Date::to_jiff),
        })
    }
}

/// Adds a request that waits.
pub(super) fn add(conn: &mut PgConnection, tenant: &Tenant, request: &Request) -> Result<(), Fault> {
    let Request { gist, approval, .. } = request;
    let row = (
        table::org_id.eq(tenant.org_id()),
        table::request_id.eq(request.request_id),
        table::kind.eq(word(&request.kind)?),
        table::employee_id.eq(request.employee_id),
        table::with_employee_id.eq(request.with_employee_id),
        table::requested_by.eq(approval.requested_by),
        table::requested_at.eq(approval.requested_at.to_diesel()),
        table::from_date.eq(gist.from.to_diesel()),
        table::to_date.eq(gist.to.to_diesel()),
        table::minutes.eq(gist.minutes.and_then(|minutes| i32::try_from(minutes).ok())),
        table::label.eq(&gist.label),
        table::reason.eq(&gist.reason),
        table::levels.eq(i16::from(approval.levels)),
        table::level.eq(i16::from(approval.level)),
        table::status.eq(word(&approval.status)?),
        table::version.eq(approval.version),
    );
    diesel::insert_into(table::table).values(row).execute(conn)?;
    Ok(())
}

/// A request of a kind.
pub(crate) fn one(
    conn: &mut PgConnection,
    tenant: &Tenant,
    kind: RequestKind,
    id: RequestId,
) -> Result<Option<Request>, Fault> {
    let query = table::table.find((tenant.org_id(), id)).filter(table::kind.eq(word(&kind)?));
    let row = query.select(Row::as_select()).first(conn).optional()?;
    Ok(with_decisions(conn, tenant, row.into_iter().collect())?.pop())
}

/// A request of a kind, which nobody else changes before the transaction ends.
pub(super) fn locked(
    conn: &mut PgConnection,
    tenant: &Tenant,
    kind: RequestKind,
    id: RequestId,
) -> Result<Option<Request>, Fault> {
    let query = table::table.find((tenant.org_id(), id)).filter(table::kind.eq(word(&kind)?));
    let row = query.select(Row::as_select()).for_update().first(conn).optional()?;
    Ok(with_decisions(conn, tenant, row.into_iter().collect())?.pop())
}

/// Where a page of requests starts: after the last one of the page before.
pub(crate) type After = (jiff::Timestamp, RequestId);

/// A page of the requests of a kind for some person, newest first; of swaps also those that they are asked to agree to.
pub(crate) fn of_person(
    conn: &mut PgConnection,
    tenant: &Tenant,
    kind: RequestKind,
    employee_id: EmployeeId,
    status: Option<RequestStatus>,
    after: Option<After>,
    limit: i64,
) -> Result<Vec<Request>, Fault> {
    let mut query = table::table
        .filter(table::org_id.eq(tenant.org_id()))
        .filter(table::kind.eq(word(&kind)?))
        .order((table::requested_at.desc(), table::request_id.desc()))
        .select(Row::as_select())
        .limit(limit)
        .into_boxed();
    let theirs = table::employee_id.eq(employee_id);
    query = match kind {
        RequestKind::Swap => query.filter(theirs.or(table::with_employee_id.is_not_distinct_from(employee_id))),
        RequestKind::Correction | RequestKind::Overtime | RequestKind::Leave => query.filter(theirs),
    };
    if let Some(status) = status {
        query = query.filter(table::status.eq(word(&status)?));
    }
    if let Some((at, id)) = after {
        let same = table::requested_at.eq(at.to_diesel()).and(table::request_id.lt(id));
        query = query.filter(table::requested_at.lt(at.to_diesel()).or(same));
    }
    let rows = query.load(conn)?;
    with_decisions(conn, tenant, rows)
}

/// A page of what waits, newest first: of `people`, or of everybody; and what waits for `colleague` to agree.
pub(crate) fn pending(
    conn: &mut PgConnection,
    tenant: &Tenant,
    (people, colleague): (Option<&[EmployeeId]>, EmployeeId),
    after: Option<After>,
    limit: i64,
) -> Result<Vec<Request>, Fault> {
    let mut query = table::table
        .filter(table::org_id.eq(tenant.org_id()))
        // In the words of the index.
        .filter(sql::<Bool>("status = 'pending'"))
        .order((table::requested_at.desc(), table::request_id.desc()))
        .select(Row::as_select())
        .limit(limit)
        .into_boxed();
    if let Some(people) = people {
        let agrees = table::level.eq(0).and(table::with_employee_id.is_not_distinct_from(colleague));
        query = query.filter(table::employee_id.eq_any(people).or(agrees));
    }
    if let Some((at, id)) = after {
        let same = table::requested_at.eq(at.to_diesel()).and(table::request_id.lt(id));
        query = query.filter(table::requested_at.lt(at.to_diesel()).or(same));
    }
    let rows = query.load(conn)?;
    with_decisions(conn, tenant, rows)
}

fn with_decisions(conn: &mut PgConnection, tenant: &Tenant, rows: Vec<Row>) -> Result<Vec<Request>, Fault> {
    let ids: Vec<RequestId> = rows.iter().map(|row| row.request_id).collect();
    let said: Vec<DecisionRow> = decisions::table
        .filter(decisions::org_id.eq(tenant.org_id()))
        .filter(decisions::request_id.eq_any(ids))
        .order((decisions::request_id, decisions::version))
        .select(DecisionRow::as_select())
        .load(conn)?;
    let mut by_request: HashMap<RequestId, Vec<Decided>> = HashMap::new();
    for row in said {
        by_request.entry(row.request_id).or_default().push(row.decided()?);
    }
    let request = |row: Row| {
        let decisions = by_request.remove(&row.request_id).unwrap_or_default();
        row.request(decisions)
    };
    rows.into_iter().map(request).collect()
}

/// Notes how a locked request stands after `decided`.
pub(super) fn note(
    conn: &mut PgConnection,
    tenant: &Tenant,
    request: &Request,
    decided: &Decided,
) -> Result<(), Fault> {
    let approval = &request.approval;
    diesel::update(table::table.find((tenant.org_id(), request.request_id)))
        .set((
            table::level.eq(i16::from(approval.level)),
            table::status.eq(word(&approval.status)?),
            table::decided_by.eq(approval.decided_by),
            table::decided_at.eq(approval.decided_at.map(jiff_diesel::ToDiesel::to_diesel)),
            table::note.eq(&approval.note),
            table::version.eq(approval.version),
        ))
        .execute(conn)?;
    let row = (
        decisions::org_id.eq(tenant.org_id()),
        decisions::request_id.eq(request.request_id),
        decisions::version.eq(approval.version),
        decisions::level.eq(i16::from(decided.level)),
        decisions::verdict.eq(word(&decided.verdict)?),
        decisions::decided_by.eq(decided.decided_by),
        decisions::on_behalf_of.eq(decided.on_behalf_of),
        decisions::note.eq(&decided.note),
        decisions::at.eq(decided.at.to_diesel()),
        decisions::from_date.eq(decided.from.map(jiff_diesel::ToDiesel::to_diesel)),
    );
    diesel::insert_into(decisions::table).values(row).execute(conn)?;
    Ok(())
}

/// Those who may decide for the whole organisation, whether they work today or not.
pub(super) fn everywhere(conn: &mut PgConnection, tenant: &Tenant) -> Result<Vec<Arc<EmployeeFact>>, Fault> {
    let facts: Vec<Value> = employees::table
        .filter(employees::org_id.eq(tenant.org_id()))
        // In the words of the index.
        .filter(sql::<Bool>(
            r#"fact -> 'grants' @> '[{"scope": {"kind": "org"}, "permissions": ["approvals.decide"]}]'"#,
        ))
        .order(employees::employee_id)
        .select(employees::fact)
        .load(conn)?;
    facts.into_iter().map(|fact| serde_json::from_value(fact).map(Arc::new).map_err(Fault::internal)).collect()
}

/// In whose place somebody decides today.
pub(crate) fn absent(
    conn: &mut PgConnection,
    tenant: &Tenant,
    delegate: EmployeeId,
    today: Date,
) -> Result<Vec<EmployeeId>, Fault> {
    let holds = delegations::valid_from.le(today.to_diesel()).and(delegations::valid_to.ge(today.to_diesel()));
    Ok(delegations::table
        .filter(delegations::org_id.eq(tenant.org_id()))
        .filter(delegations::to_employee_id.eq(delegate))
        .filter(diesel::dsl::not(delegations::deleted).and(holds))
        .order(delegations::from_employee_id)
        .select(delegations::from_employee_id)
        .distinct()
        .load(conn)?)
}

/// Who decides in the place of any of `whom` today.
pub(super) fn stand_ins(
    conn: &mut PgConnection,
    tenant: &Tenant,
    whom: &[EmployeeId],
    today: Date,
) -> Result<Vec<EmployeeId>, Fault> {
    let holds = delegations::valid_from.le(today.to_diesel()).and(delegations::valid_to.ge(today.to_diesel()));
    Ok(delegations::table
        .filter(delegations::org_id.eq(tenant.org_id()))
        .filter(delegations::from_employee_id.eq_any(whom))
        .filter(diesel::dsl::not(delegations::deleted).and(holds))
        .order(delegations::to_employee_id)
        .select(delegations::to_employee_id)
        .distinct()
        .load(conn)?)
}

/// Who works in one of `units` on a day, or has `manager` as their direct manager by any assignment.
pub(super) fn reached(
    conn: &mut PgConnection,
    tenant: &Tenant,
    manager: EmployeeId,
    units: &[UnitId],
    today: Date,
) -> Result<Vec<EmployeeId>, Fault> {
    let mut found: Vec<EmployeeId> = assignments::table
        .filter(assignments::org_id.eq(tenant.org_id()))
        .filter(assignments::unit_id.eq_any(units))
        .filter(assignments::valid_from.le(today.to_diesel()))
        .filter(assignments::valid_to.is_null().or(assignments::valid_to.ge(today.to_diesel())))
        .select(assignments::employee_id)
        .load(conn)?;
    let reports: Vec<EmployeeId> = employees::table
        .filter(employees::org_id.eq(tenant.org_id()))
        .filter(sql::<Bool>("fact -> 'assignments' @> ").bind::<Jsonb, _>(json!([{"manager_id": manager}])))
        .select(employees::employee_id)
        .load(conn)?;
    found.extend(reports);
    Ok(found)
}
