//! `/leave-requests`.

use super::desk::Desk;
use super::requests_store as wishes;
use super::store;
use super::wish::{Wish, total};
use crate::app::App;
use crate::approvals::bench::Bench;
use crate::approvals::{self, Decided, NewRequest, RequestQuery, store as approvals_store};
use crate::error::Error;
use crate::facts::{InOrg, Member, Then};
use crate::openapi::{BadBody, BadKeyedBody, BadQuery, NotAllowed, Refused};
use crate::periods::store as periods;
use actix_web::{get, post, web};
use diesel::pg::PgConnection;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};
use rollcall_attendance_api::approvals::{Decision, RequestKind, RequestStatus, Verdict};
use rollcall_attendance_api::codes::ABOVE_BALANCE;
use rollcall_attendance_api::leave::{LeaveCancellation, LeaveDay, LeaveRequest, LeaveType, NewLeaveRequest};
use rollcall_common::answer::Answer;
use rollcall_common::extract::{IfMatch, Json, Path, Query};
use rollcall_common::fault::Fault;
use rollcall_common::idempotency::{Idempotent, Principal};
use rollcall_common::paging::{PageQuery, Paged};
use rollcall_common::problem::Problem;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{EmployeeId, LeaveRequestId, OrgId, RequestId};
use rollcall_org_api::facts::EmployeeFact;
use rollcall_org_api::rights::Permission;
use std::sync::Arc;

fn answer(request: &LeaveRequest) -> Result<Answer, Fault> {
    Ok(Answer::ok(request)?.version(request.approval.version))
}

/// Ask for leave
///
/// For oneself it needs `leave.read`, and `punches.create` or `leave.write`, on oneself; for somebody else `leave.write`
/// on them. Of whole days, half a day or hours, as the kind of leave has it; not more than the balance will have on these
/// days, with what is earned, carried over and expires until then, unless it allows debt. It waits for one or two
/// approvals.
#[utoipa::path(
    operation_id = "create_leave_request",
    tag = "leave",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe", example = "leave-1"),
    ),
    request_body(content = NewLeaveRequest, example = json!({
        "leave_type_id": "0193a6f0-7c1e-7000-8000-000000000001", "from": "2026-12-21", "to": "2026-12-23",
        "reason": "Skiing"
    })),
    responses(
        (status = 201, description = "It waits for a decision", body = LeaveRequest, headers(
            ("Location" = String, description = "Where it can be read"),
            ("ETag" = String, description = "Its version"),
            ("Idempotency-Replayed" = Option<String>, description = "`true` when it was made by an earlier request with this key"),
        )),
        (status = 409, description = "`leave_overlaps`, or `idempotency_in_progress`", body = Problem, content_type = "application/problem+json"),
        Refused, NotAllowed, BadKeyedBody,
    ),
)]
#[post("/api/attendance/v1/orgs/{org_id}/leave-requests")]
pub(crate) async fn create(
    app: web::Data<App>,
    at: InOrg,
    body: Then<Idempotent<NewLeaveRequest>>,
) -> Result<Answer, Error> {
    let Idempotent { body, guard } = body?;
    let by = at.member.employee.employee_id;
    let own = body.employee_id.is_none_or(|id| id == by);
    let permission = if own { Permission::LeaveRead } else { Permission::LeaveWrite };
    let (now, tenant) = (app.core.clock.now(), at.tenant);
    let Some(person) = crate::facts::person_of_body(&app, &at, body.employee_id, permission).await? else {
        let of = move |conn: &mut PgConnection| store::one_type(conn, &tenant, body.leave_type_id);
        let of = app.core.db.transaction::<_, Fault, _>(&tenant, of).await?;
        return Err(crate::facts::unknown_employee(Wish::parse(&body, of, at.member.today(now))).into());
    };
    // Seeing one's own is not asking for it: whoever may only read, as an auditor, writes no request either.
    if own && !may_ask(&at.member, &person, now) {
        return Err(Fault::Forbidden.into());
    }
    let (outbox, org) = (app.core.outbox.clone(), Arc::clone(&at.member.org));
    let bench = Bench { today: org.date_at(&person, now), org, person: Arc::new(person) };
    let principal = Principal { user_id: at.caller.user_id, org_id: Some(tenant.org_id()) };
    let settle_days = app.leave.settle_days;
    let work = move |conn: &mut PgConnection| {
        guard.once(conn, principal, now, |conn| {
            let of = store::one_type(conn, &tenant, body.leave_type_id)?;
            let (wish, of) = Wish::parse(&body, of, bench.today)?;
            let desk = Desk::open(conn, &tenant, &bench, &of, settle_days, now)?;
            let (days, part) = desk.cost(conn, &tenant, &wish, None)?;
            desk.take(&days, None).map_err(|detail| Fault::invalid("", ABOVE_BALANCE, detail))?;
            let new = NewRequest {
                request_id: RequestId::generate(),
                kind: RequestKind::Leave,
                with_employee_id: None,
                requested_by: by,
                gist: gist(&wish, &of, &days),
                levels: of.body.approval_levels,
            };
            let request = approvals::open(conn, &tenant, &outbox, &bench, new, now)?;
            let made = wishes::add(conn, &tenant, &request, of.leave_type_id, &wish, &days, part)?;
            let id = made.leave_request_id;
            let location = format!("/api/attendance/v1/orgs/{}/leave-requests/{id}", tenant.org_id());
            Ok::<_, Error>(Answer::created(location, &made)?.version(made.approval.version))
        })
    };
    app.core.db.transaction(&tenant, work).await
}

/// Whether somebody may ask for leave of their own: whoever punches for themselves, or may write leave.
fn may_ask(member: &Member, own: &EmployeeFact, now: Timestamp) -> bool {
    let today = member.org.date_at(own, now);
    [Permission::PunchesCreate, Permission::LeaveWrite].into_iter().any(|permission| member.may(permission, own, today))
}

fn gist(wish: &Wish, of: &LeaveType, days: &[LeaveDay]) -> rollcall_attendance_api::approvals::RequestGist {
    rollcall_attendance_api::approvals::RequestGist {
        from: wish.from,
        to: wish.to,
        minutes: Some(total(days)),
        label: Some(of.body.name.clone()),
        reason: wish.reason.clone(),
    }
}

/// List requests for leave
///
/// Of one person, newest first. Needs `leave.read` on the person. What waits for one's own decision is in `/approvals`.
#[utoipa::path(
    operation_id = "list_leave_requests",
    tag = "leave",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("employee_id" = Option<EmployeeId>, Query, description = "Whose; the caller's own when absent"),
        ("status" = Option<RequestStatus>, Query, description = "Only those that stand so"),
        ("limit" = Option<u32>, Query, description = "Items on a page, 1 to 200; 50 when absent", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page of requests", body = Paged<LeaveRequest>), Refused, NotAllowed, BadQuery),
)]
#[get("/api/attendance/v1/orgs/{org_id}/leave-requests")]
pub(crate) async fn list(app: web::Data<App>, at: InOrg, query: Then<Query<RequestQuery>>) -> Result<Answer, Error> {
    let RequestQuery { employee_id, status, limit, cursor } = query?.0;
    let page = PageQuery { limit, cursor }.page()?;
    let person = crate::facts::person(&app, &at, employee_id, Permission::LeaveRead).await?;
    let (tenant, after, fetch) = (at.tenant, page.after, page.fetch());
    let load = move |conn: &mut PgConnection| {
        let kind = RequestKind::Leave;
        let found = approvals_store::of_person(conn, &tenant, kind, person.employee_id, status, after, fetch)?;
        wishes::of(conn, &tenant, found)
    };
    let found = app.core.db.transaction(&tenant, load).await?;
    Ok(Answer::ok(&Paged::new(found, &page, |one| (one.approval.requested_at, one.leave_request_id))?)?)
}

/// Read a request for leave
///
/// Needs `leave.read` on the person, or to be one who may decide it.
#[utoipa::path(
    operation_id = "read_leave_request",
    tag = "leave",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("leave_request_id" = LeaveRequestId, Path, description = "The request"),
    ),
    responses(
        (status = 200, description = "The request", body = LeaveRequest, headers(("ETag" = String, description = "Its version"))),
        Refused, NotAllowed,
    ),
)]
#[get("/api/attendance/v1/orgs/{org_id}/leave-requests/{leave_request_id}")]
pub(crate) async fn read(app: web::Data<App>, at: InOrg, path: Path<(OrgId, LeaveRequestId)>) -> Result<Answer, Error> {
    let (tenant, (_, id)) = (at.tenant, path.0);
    let load = move |conn: &mut PgConnection| {
        let found = approvals_store::one(conn, &tenant, RequestKind::Leave, RequestId(id.0))?;
        let request = found.ok_or(Fault::NotFound)?;
        Ok((wishes::one(conn, &tenant, request.clone())?, request))
    };
    let (leave, request) = app.core.db.transaction::<_, Fault, _>(&tenant, load).await?;
    approvals::may_see(&app, &at, &request, Permission::LeaveRead).await?;
    Ok(answer(&leave)?)
}

/// Approve a request for leave
///
/// Of two levels the first passes it on to the second; with the last, each day is taken from the balance at what it
/// costs by the plan of now, a day to come from what there will be then, one that is over from what there was, and the
/// leave is in the workdays. At the first level by the direct manager or whoever holds
/// `approvals.decide` on the person, at the second by whoever holds it for the organisation, or by somebody to whom one
/// of these has delegated today; never by the person or by whoever asked.
#[utoipa::path(
    operation_id = "approve_leave_request",
    tag = "leave",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("leave_request_id" = LeaveRequestId, Path, description = "The request"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that the decision is made against", example = "\"1\""),
    ),
    request_body(content = Decision, example = json!({"note": "Enjoy it"})),
    responses(
        (status = 200, description = "It holds, or waits for the second level", body = LeaveRequest, headers(("ETag" = String, description = "Its version"))),
        (status = 409, description = "`already_decided`, also while somebody else decides; `above_balance`; `leave_overlaps`", body = Problem, content_type = "application/problem+json"),
        (status = 412, description = "Changed since it was read", body = Problem, content_type = "application/problem+json"),
        Refused, NotAllowed, BadBody,
    ),
)]
#[post("/api/attendance/v1/orgs/{org_id}/leave-requests/{leave_request_id}/approve")]
pub(crate) async fn approve(
    app: web::Data<App>,
    at: InOrg,
    path: Path<(OrgId, LeaveRequestId)>,
    if_match: IfMatch,
    body: Then<Json<Decision>>,
) -> Result<Answer, Error> {
    end(&app, &at, path.0.1, if_match, body, Verdict::Approved).await
}

/// Reject a request for leave
///
/// By whoever could approve it.
#[utoipa::path(
    operation_id = "reject_leave_request",
    tag = "leave",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("leave_request_id" = LeaveRequestId, Path, description = "The request"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that the decision is made against", example = "\"1\""),
    ),
    request_body(content = Decision, example = json!({"note": "Half of the team is away that week"})),
    responses(
        (status = 200, description = "It does not hold", body = LeaveRequest, headers(("ETag" = String, description = "Its version"))),
        (status = 409, description = "`already_decided`, also while somebody else decides", body = Problem, content_type = "application/problem+json"),
        (status = 412, description = "Changed since it was read", body = Problem, content_type = "application/problem+json"),
        Refused, NotAllowed, BadBody,
    ),
)]
#[post("/api/attendance/v1/orgs/{org_id}/leave-requests/{leave_request_id}/reject")]
pub(crate) async fn reject(
    app: web::Data<App>,
    at: InOrg,
    path: Path<(OrgId, LeaveRequestId)>,
    if_match: IfMatch,
    body: Then<Json<Decision>>,
) -> Result<Answer, Error> {
    end(&app, &at, path.0.1, if_match, body, Verdict::Rejected).await
}

/// Take a request for leave back, or end it early
///
/// All of it while it waits, and after it was approved until its first day is over: by the person, or by whoever holds
/// `leave.write` on them. With `from` only the days from this one on, of leave that is approved, whether they are over or
/// not: by whoever holds `leave.write` on the person and is another one; what stays is as it was, and the days taken back are
/// free for other leave. What they have taken goes back to where it was taken from. Days in a period that is locked are not
/// touched.
#[utoipa::path(
    operation_id = "cancel_leave_request",
    tag = "leave",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("leave_request_id" = LeaveRequestId, Path, description = "The request"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that the decision is made against", example = "\"1\""),
    ),
    request_body(content = LeaveCancellation, example = json!({"note": "No snow"})),
    responses(
        (status = 200, description = "It is as if it had not been asked for, or as if it had been asked for until the day before `from`", body = LeaveRequest, headers(("ETag" = String, description = "Its version"))),
        (status = 409, description = "`already_decided`, also while somebody else decides; `leave_begun`; `period_locked`", body = Problem, content_type = "application/problem+json"),
        (status = 412, description = "Changed since it was read", body = Problem, content_type = "application/problem+json"),
        Refused, NotAllowed, BadBody,
    ),
)]
#[post("/api/attendance/v1/orgs/{org_id}/leave-requests/{leave_request_id}/cancel")]
pub(crate) async fn cancel(
    app: web::Data<App>,
    at: InOrg,
    path: Path<(OrgId, LeaveRequestId)>,
    if_match: IfMatch,
    body: Then<Json<LeaveCancellation>>,
) -> Result<Answer, Error> {
    let LeaveCancellation { note, from } = body?.0;
    let body = Ok(Json(Decision { note }));
    let Some(from) = from else { return end(&app, &at, path.0.1, if_match, body, Verdict::Cancelled).await };
    let (now, by, settle_days) = (app.core.clock.now(), at.member.employee.employee_id, app.leave.settle_days);
    let id = path.0.1;
    let effect = move |conn: &mut PgConnection, tenant: &Tenant, decided: &Decided| {
        if_match.check(decided.request.approval.version - 1)?;
        let mut leave = wishes::one(conn, tenant, decided.request.clone())?;
        if !(leave.from..=leave.to).contains(&from) {
            let detail = format!("must be one of the days from {} to {}", leave.from, leave.to);
            return Err(Fault::invalid("/from", "date_out_of_range", detail).into());
        }
        give_back(conn, tenant, decided, (&mut leave, from), by, (settle_days, now))?;
        wishes::note(conn, tenant, &leave)?;
        Ok(leave)
    };
    let request = (RequestKind::Leave, RequestId(id.0));
    Ok(answer(&approvals::end(&app, &at, request, body, from, effect).await?)?)
}

/// Takes the days from `from` on out of leave that holds, and gives back what they have taken.
fn give_back(
    conn: &mut PgConnection,
    tenant: &Tenant,
    decided: &Decided,
    (leave, from): (&mut LeaveRequest, Date),
    by: EmployeeId,
    (settle_days, now): (u16, Timestamp),
) -> Result<(), Error> {
    if !periods::hold_open(conn, tenant, (from, leave.to))? {
        return Err(Error::PeriodLocked);
    }
    let of = store::one_type(conn, tenant, leave.leave_type_id)?.ok_or(Fault::NotFound)?;
    let mut desk = Desk::open(conn, tenant, &decided.bench, &of, settle_days, now)?;
    desk.give_back(conn, tenant, (leave.leave_request_id, from), by)?;
    if leave.from < from {
        leave.to = from - 1.day();
        leave.days.retain(|day| day.date < from);
        leave.minutes = total(&leave.days);
        wishes::shorten(conn, tenant, leave)?;
    }
    Ok(())
}

/// Decides a request, and writes to the ledger what follows from it.
async fn end(
    app: &App,
    at: &InOrg,
    id: LeaveRequestId,
    if_match: IfMatch,
    body: Then<Json<Decision>>,
    verdict: Verdict,
) -> Result<Answer, Error> {
    let (now, by, settle_days) = (app.core.clock.now(), at.member.employee.employee_id, app.leave.settle_days);
    let effect = move |conn: &mut PgConnection, tenant: &Tenant, decided: &Decided| {
        // The version that was decided about is the one before that of the decision.
        if_match.check(decided.request.approval.version - 1)?;
        let mut leave = wishes::one(conn, tenant, decided.request.clone())?;
        if decided.request.has_held() {
            let first = leave.from;
            if first < decided.bench.today {
                return Err(Error::LeaveBegun);
            }
            give_back(conn, tenant, decided, (&mut leave, first), by, (settle_days, now))?;
        } else if decided.holds_now() {
            let of = store::one_type(conn, tenant, leave.leave_type_id)?.ok_or(Fault::NotFound)?;
            let mut desk = Desk::open(conn, tenant, &decided.bench, &of, settle_days, now)?;
            let (days, part) = desk.cost(conn, tenant, &Wish::of(&leave), Some(id))?;
            let entries = desk.take(&days, Some(id)).map_err(Error::AboveBalance)?;
            (leave.minutes, leave.days) = (total(&days), days);
            wishes::freeze(conn, tenant, &leave, part)?;
            desk.post(conn, tenant, entries, by)?;
        }
        wishes::note(conn, tenant, &leave)?;
        Ok(leave)
    };
    let request = (RequestKind::Leave, RequestId(id.0));
    Ok(answer(&approvals::decide(app, at, request, body, verdict, effect).await?)?)
}
