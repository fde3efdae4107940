//! A request begins to wait, in the transaction that stores what is asked for.

use super::bench::Bench;
use super::domain::Request;
use super::store;
use diesel::pg::PgConnection;
use jiff::Timestamp;
use rollcall_attendance_api::approvals::{Approval, RequestGist, RequestKind, RequestStatus};
use rollcall_attendance_api::events::{RequestWaits, SWAP_ASKED, requested};
use rollcall_common::events::{NewEvent, Outbox};
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{EmployeeId, RequestId};

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

/// Who is told, with those who stand in for them today; first the colleague who has to agree.
pub(super) fn approvers(
    conn: &mut PgConnection,
    tenant: &Tenant,
    bench: &Bench,
    request: &Request,
) -> Result<Vec<EmployeeId>, Fault> {
    if let Some(colleague) = request.with_employee_id.filter(|id| request.waits_for(*id)) {
        return Ok(vec![colleague]);
    }
    let everywhere = store::everywhere(conn, tenant)?;
    let mut told = bench.told(request, &everywhere);
    let stand_ins = store::stand_ins(conn, tenant, &told, bench.today)?;
    told.extend(stand_ins.into_iter().filter(|id| !request.is_of(*id)));
    told.sort_unstable();
    told.dedup();
    Ok(told)
}
