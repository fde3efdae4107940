//! A request begins to wait, in the transaction that stores what is asked for.

use super::bench::Bench;
use super::domain::Request;
use super::store;
use crate::facts::store as facts;
use diesel::pg::PgConnection;
use jiff::Timestamp;
use rollcall_attendance_api::approvals::{Approval, RequestGist, RequestKind, RequestStatus};
use rollcall_attendance_api::events::{RequestWaits, SWAP_ASKED, requested};
use rollcall_common::events::{NewEvent, Outbox};
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{EmployeeId, RequestId};
use rollcall_org_api::facts::EmployeeFact;

/// What is asked for, as far as all kinds have it.
#[derive(Clone, Debug)]
pub(crate) struct NewRequest {
    /// The id of what is asked for.
    pub(crate) request_id: RequestId,
    pub(crate) kind: RequestKind,
    /// Whoever it takes beside the employee: they have to agree before it waits for a decision, and do not decide it.
    pub(crate) with_employee_id: Option<EmployeeId>,
    pub(crate) requested_by: EmployeeId,
    pub(crate) gist: RequestGist,
    /// How many have to approve: 1 or 2.
    pub(crate) levels: u8,
}

/// Stores that the request waits, and tells whoever may decide it.
pub(crate) fn open(
    conn: &mut PgConnection,
    tenant: &Tenant,
    outbox: &Outbox,
    bench: &Bench,
    new: NewRequest,
    now: Timestamp,
) -> Result<Request, Fault> {
    let NewRequest { request_id, kind, with_employee_id, requested_by, gist, levels } = new;
    let approval = Approval {
        status: RequestStatus::Pending,
        levels,
        level: u8::from(with_employee_id.is_none()),
        requested_by,
        requested_at: now,
        decided_by: None,
        decided_at: None,
        note: None,
        decisions: Vec::new(),
        version: 1,
    };
    let employee_id = bench.person.employee_id;
    let request = Request { request_id, kind, employee_id, with_employee_id, gist, approval };
    store::add(conn, tenant, &request)?;
    tell(conn, tenant, outbox, bench, &request)?;
    Ok(request)
}

/// Tells whoever may decide that the request waits for them.
pub(super) fn tell(
    conn: &mut PgConnection,
    tenant: &Tenant,
    outbox: &Outbox,
    bench: &Bench,
    request: &Request,
) -> Result<(), Fault> {
    let data = RequestWaits {
        request_id: request.request_id,
        kind: request.kind,
        employee_id: request.employee_id,
        employee_name: bench.person.name.clone(),
        requested_by: request.approval.requested_by,
        gist: request.gist.clone(),
        level: request.approval.level,
        levels: request.approval.levels,
        approver_ids: approvers(conn, tenant, bench, request)?,
    };
    let (subject, org_id, version) =
        (request.request_id.to_string(), Some(tenant.org_id()), Some(request.approval.version));
    let kind = if request.approval.level == 0 { SWAP_ASKED } else { requested(request.kind) };
    outbox.emit(conn, &NewEvent { kind, subject, org_id, version, data: &data })?;
    Ok(())
}

/// Who is told: first the colleague who has to agree; then the direct manager or who stands in for them, and where they
/// have left or nobody of them has an account, and at the second level, whoever may decide for the whole organisation.
pub(super) fn approvers(
    conn: &mut PgConnection,
    tenant: &Tenant,
    bench: &Bench,
    request: &Request,
) -> Result<Vec<EmployeeId>, Fault> {
    if let Some(colleague) = request.with_employee_id.filter(|id| request.waits_for(*id)) {
        return Ok(vec![colleague]);
    }
    if let Some(manager) = bench.manager_for(request) {
        let told = reachable(conn, tenant, bench, request, vec![manager])?;
        if !told.is_empty() {
            return Ok(told);
        }
    }
    let everywhere = store::everywhere(conn, tenant)?;
    reachable(conn, tenant, bench, request, bench.able(request, &everywhere))
}

/// Of some who may decide, and of those who stand in for them today, whoever works here and has an account to be told
/// by. In the place of somebody who has left nobody decides. Of whom the copy knows nothing is judged by whoever does.
fn reachable(
    conn: &mut PgConnection,
    tenant: &Tenant,
    bench: &Bench,
    request: &Request,
    mut deciding: Vec<EmployeeId>,
) -> Result<Vec<EmployeeId>, Fault> {
    let left = |person: &EmployeeFact| !person.works_on(bench.today);
    let gone = facts::employees(conn, tenant, &deciding)?.into_iter().filter(left).map(|person| person.employee_id);
    let gone: Vec<EmployeeId> = gone.collect();
    deciding.retain(|id| !gone.contains(id));
    let stand_ins = store::stand_ins(conn, tenant, &deciding, bench.today)?;
    deciding.extend(stand_ins.into_iter().filter(|id| !request.is_of(*id)));
    let silent = |person: &EmployeeFact| left(person) || person.user_id.is_none();
    let silent = facts::employees(conn, tenant, &deciding)?.into_iter().filter(silent).map(|person| person.employee_id);
    let silent: Vec<EmployeeId> = silent.collect();
    deciding.retain(|id| !silent.contains(id));
    deciding.sort_unstable();
    deciding.dedup();
    Ok(deciding)
}
