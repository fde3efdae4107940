//! `/overtime-requests`.

use super::domain;
use crate::app::App;
use crate::approvals::bench::Bench;
use crate::approvals::{self, Decided, NewRequest, RequestQuery, store as requests};
use crate::error::Error;
use crate::facts::{InOrg, Then};
use crate::openapi::{BadBody, BadKeyedBody, BadQuery, NotAllowed, Refused};
use crate::org_settings::store as settings;
use crate::periods::store as periods;
use actix_web::{get, post, web};
use rollcall_attendance_api::approvals::{Decision, RequestKind, RequestStatus, Verdict};
use rollcall_attendance_api::overtime::{NewOvertimeRequest, OvertimeRequest};
use rollcall_common::answer::Answer;
use rollcall_common::describe::PageParams;
use rollcall_common::extract::{Json, Path, Query};
use rollcall_common::fault::Fault;
use rollcall_common::idempotency::{Idempotent, Principal};
use rollcall_common::paging::{PageQuery, Paged};
use rollcall_common::problem::Problem;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{EmployeeId, OrgId, OvertimeRequestId, RequestId};
use rollcall_org_api::rights::Permission;

fn answer(request: &OvertimeRequest) -> Result<Answer, Fault> {
    Ok(Answer::ok(request)?.version(request.approval.version))
}

/// Ask that overtime counts
///
/// One's own, or by the right to punch for somebody else theirs; before the day or after it. Once it is approved, overtime
/// of the day counts up to so many minutes where the shift asks for approval; several requests of a day add up. Whoever
/// may decide is told.
#[utoipa::path(
    operation_id = "create_overtime_request",
    tag = "overtime",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe", example = "overtime-1"),
    ),
    request_body(content = NewOvertimeRequest, example = json!({
        "work_date": "2026-11-19", "minutes": 90, "reason": "Stocktaking"
    })),
    responses(
        (status = 201, description = "It waits for a decision", body = OvertimeRequest, headers(
            ("Location" = String, description = "Where it can be read"),
            ("ETag" = String, description = "Its version"),
            ("Idempotency-Replayed" = Option<String>, description = "`true` when it was made by an earlier request with this key"),
        )),
        (status = 409, description = "`idempotency_in_progress`", body = Problem, content_type = "application/problem+json"),
        Refused, NotAllowed, BadKeyedBody,
    ),
)]
#[post("/api/attendance/v1/orgs/{org_id}/overtime-requests")]
pub(crate) async fn create(
    app: web::Data<App>,
    at: InOrg,
    body: Then<Idempotent<NewOvertimeRequest>>,
) -> Result<Answer, Error> {
    let Idempotent { body, guard } = body?;
    let by = at.member.employee.employee_id;
    let own = body.employee_id.is_none_or(|id| id == by);
    let permission = if own { Permission::PunchesCreate } else { Permission::PunchesCreateForOthers };
    let now = app.core.clock.now();
    let Some(person) = crate::facts::person_of_body(&app, &at, body.employee_id, permission).await? else {
        return Err(crate::facts::unknown_employee(domain::parse(&body, at.member.today(now))).into());
    };
    let (tenant, outbox, bench) = (at.tenant, app.core.outbox.clone(), Bench::of(&at.member.org, person, now));
    let principal = Principal { user_id: at.caller.user_id, org_id: Some(tenant.org_id()) };
    let work = move |conn: &mut diesel::PgConnection| {
        guard.once(conn, principal, now, |conn| {
            let gist = domain::parse(&body, bench.today)?;
            let new = NewRequest {
                request_id: RequestId::generate(),
                kind: RequestKind::Overtime,
                with_employee_id: None,
                requested_by: by,
                gist,
                levels: settings::levels(conn, &tenant, RequestKind::Overtime)?,
            };
            let request = domain::view(approvals::open(conn, &tenant, &outbox, &bench, new, now)?);
            let id = request.overtime_request_id;
            let location = format!("/api/attendance/v1/orgs/{}/overtime-requests/{id}", tenant.org_id());
            Ok::<_, Fault>(Answer::created(location, &request)?.version(request.approval.version))
        })
    };
    Ok(app.core.db.transaction(&tenant, work).await?)
}

/// List requests for overtime
///
/// Of one person, newest first. Needs `attendance.read` on the person.
#[utoipa::path(
    operation_id = "list_overtime_requests",
    tag = "overtime",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("employee_id" = Option<EmployeeId>, Query, description = "Whose; the caller's own when absent"),
        ("status" = Option<RequestStatus>, Query, description = "Only those that stand so"),
        PageParams,
    ),
    responses((status = 200, description = "A page of requests", body = Paged<OvertimeRequest>), Refused, NotAllowed, BadQuery),
)]
#[get("/api/attendance/v1/orgs/{org_id}/overtime-requests")]
pub(crate) async fn list(app: web::Data<App>, at: InOrg, query: Then<Query<RequestQuery>>) -> Result<Answer, Error> {
    let RequestQuery { employee_id, status, limit, cursor } = query?.0;
    let page = PageQuery { limit, cursor }.page()?;
    let person = crate::facts::person(&app, &at, employee_id, Permission::AttendanceRead).await?;
    let (tenant, after, fetch) = (at.tenant, page.after, page.fetch());
    let load = move |conn: &mut diesel::PgConnection| {
        let kind = RequestKind::Overtime;
        requests::of_person(conn, &tenant, kind, person.employee_id, status, after, fetch)
    };
    let found = app.core.db.transaction(&tenant, load).await?;
    let page = Paged::new(found, &page, |one| (one.approval.requested_at, one.request_id))?;
    Ok(Answer::ok(&page.map(domain::view))?)
}

/// Read a request for overtime
///
/// Needs `attendance.read` on the person, or to be one who may decide it.
#[utoipa::path(
    operation_id = "read_overtime_request",
    tag = "overtime",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("overtime_request_id" = OvertimeRequestId, Path, description = "The request"),
    ),
    responses(
        (status = 200, description = "The request", body = OvertimeRequest, headers(("ETag" = String, description = "Its version"))),
        Refused, NotAllowed,
    ),
)]
#[get("/api/attendance/v1/orgs/{org_id}/overtime-requests/{overtime_request_id}")]
pub(crate) async fn read(
    app: web::Data<App>,
    at: InOrg,
    path: Path<(OrgId, OvertimeRequestId)>,
) -> Result<Answer, Error> {
    let (tenant, id) = (at.tenant, RequestId(path.0.1.0));
    let load = move |conn: &mut diesel::PgConnection| requests::one(conn, &tenant, RequestKind::Overtime, id);
    let request = app.core.db.transaction::<_, Fault, _>(&tenant, load).await?.ok_or(Fault::NotFound)?;
    approvals::may_see(&app, &at, &request, Permission::AttendanceRead).await?;
    Ok(answer(&domain::view(request))?)
}

/// Approve overtime
///
/// Of two levels the first passes it on to the second; after the last, it counts. At the first level by the direct manager
/// or whoever holds `approvals.decide` on the person, at the second by whoever holds it for the organisation, or by
/// somebody to whom one of these has delegated today; never by the person or by whoever asked.
#[utoipa::path(
    operation_id = "approve_overtime_request",
    tag = "overtime",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("overtime_request_id" = OvertimeRequestId, Path, description = "The request"),
    ),
    request_body(content = Decision, example = json!({"note": "Thank you"})),
    responses(
        (status = 200, description = "It counts, or waits for the second level", body = OvertimeRequest, headers(("ETag" = String, description = "Its version"))),
        (status = 409, description = "`already_decided`", body = Problem, content_type = "application/problem+json"),
        Refused, NotAllowed, BadBody,
    ),
)]
#[post("/api/attendance/v1/orgs/{org_id}/overtime-requests/{overtime_request_id}/approve")]
pub(crate) async fn approve(
    app: web::Data<App>,
    at: InOrg,
    path: Path<(OrgId, OvertimeRequestId)>,
    body: Then<Json<Decision>>,
) -> Result<Answer, Error> {
    end(&app, &at, path.0.1, body, Verdict::Approved).await
}

/// Reject overtime
///
/// By whoever could approve it.
#[utoipa::path(
    operation_id = "reject_overtime_request",
    tag = "overtime",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("overtime_request_id" = OvertimeRequestId, Path, description = "The request"),
    ),
    request_body(content = Decision, example = json!({"note": "Nobody asked for it"})),
    responses(
        (status = 200, description = "It does not count", body = OvertimeRequest, headers(("ETag" = String, description = "Its version"))),
        (status = 409, description = "`already_decided`", body = Problem, content_type = "application/problem+json"),
        Refused, NotAllowed, BadBody,
    ),
)]
#[post("/api/attendance/v1/orgs/{org_id}/overtime-requests/{overtime_request_id}/reject")]
pub(crate) async fn reject(
    app: web::Data<App>,
    at: InOrg,
    path: Path<(OrgId, OvertimeRequestId)>,
    body: Then<Json<Decision>>,
) -> Result<Answer, Error> {
    end(&app, &at, path.0.1, body, Verdict::Rejected).await
}

/// Take a request for overtime back
///
/// Before it is decided by the person or by whoever asked. Overtime that was approved by whoever could approve it now,
/// while the day is in no period that is locked: it counts no more, and another request may say how much does.
#[utoipa::path(
    operation_id = "cancel_overtime_request",
    tag = "overtime",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("overtime_request_id" = OvertimeRequestId, Path, description = "The request"),
    ),
    request_body(content = Decision, example = json!({})),
    responses(
        (status = 200, description = "It is as if it had not been asked for", body = OvertimeRequest, headers(("ETag" = String, description = "Its version"))),
        (status = 409, description = "`already_decided`; `period_locked`", body = Problem, content_type = "application/problem+json"),
        Refused, NotAllowed, BadBody,
    ),
)]
#[post("/api/attendance/v1/orgs/{org_id}/overtime-requests/{overtime_request_id}/cancel")]
pub(crate) async fn cancel(
    app: web::Data<App>,
    at: InOrg,
    path: Path<(OrgId, OvertimeRequestId)>,
    body: Then<Json<Decision>>,
) -> Result<Answer, Error> {
    end(&app, &at, path.0.1, body, Verdict::Cancelled).await
}

/// Decides a request; nothing is to be done about it: days are computed from what was approved. Days that were frozen with
/// it stay as they are, so it is not taken back from them.
async fn end(
    app: &App,
    at: &InOrg,
    id: OvertimeRequestId,
    body: Then<Json<Decision>>,
    verdict: Verdict,
) -> Result<Answer, Error> {
    let effect = |conn: &mut diesel::PgConnection, tenant: &Tenant, decided: &Decided| {
        let (request, day) = (decided.request.clone(), decided.request.gist.from);
        if request.has_held() && !periods::hold_open(conn, tenant, (day, day))? {
            return Err(Error::PeriodLocked);
        }
        Ok(request)
    };
    let request = (RequestKind::Overtime, RequestId(id.0));
    let decided = approvals::decide(app, at, request, body, verdict, effect).await?;
    Ok(answer(&domain::view(decided))?)
}
