//! `/corrections`.

use crate::app::App;
use crate::approvals::bench::Bench;
use crate::approvals::{self, Decided, NewRequest, RequestQuery, store as requests};
use crate::corrections::domain::{self, Wish};
use crate::corrections::store;
use crate::error::Error;
use crate::facts::{InOrg, Then};
use crate::openapi::{BadBody, BadKeyedBody, BadQuery, NotAllowed, Refused};
use crate::org_settings::store as settings;
use actix_web::{get, post, web};
use rollcall_attendance_api::approvals::{Decision, RequestKind, RequestStatus, Verdict};
use rollcall_attendance_api::corrections::{Correction, NewCorrection};
use rollcall_common::answer::Answer;
use rollcall_common::extract::{Json, Path, Query};
use rollcall_common::fault::Fault;
use rollcall_common::idempotency::{Idempotent, Principal};
use rollcall_common::paging::{PageQuery, Paged};
use rollcall_common::problem::Problem;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{CorrectionId, EmployeeId, OrgId, RequestId};
use rollcall_org_api::rights::Permission;

fn answer(correction: &Correction) -> Result<Answer, Fault> {
    Ok(Answer::ok(correction)?.version(correction.approval.version))
}

/// Ask for a correction
///
/// Of one's own day, or by the right to punch for somebody else of theirs. It holds once somebody else approves it;
/// the manager is told.
#[utoipa::path(
    operation_id = "create_correction",
    tag = "corrections",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe", example = "correction-1"),
    ),
    request_body(content = NewCorrection, example = json!({
        "work_date": "2026-11-19", "reason": "My phone was empty when I left",
        "changes": [{"add": {"at": "2026-11-19T18:02:00+01:00", "direction": "out"}}]
    })),
    responses(
        (status = 201, description = "It waits for a decision", body = Correction, headers(
            ("Location" = String, description = "Where it can be read"),
            ("ETag" = String, description = "Its version"),
            ("Idempotency-Replayed" = Option<String>, description = "`true` when it was made by an earlier request with this key"),
        )),
        (status = 409, description = "`idempotency_in_progress`", body = Problem, content_type = "application/problem+json"),
        Refused, NotAllowed, BadKeyedBody,
    ),
)]
#[post("/api/attendance/v1/orgs/{org_id}/corrections")]
pub(crate) async fn create(
    app: web::Data<App>,
    at: InOrg,
    body: Then<Idempotent<NewCorrection>>,
) -> Result<Answer, Error> {
    let Idempotent { body, guard } = body?;
    let by = at.member.employee.employee_id;
    let own = body.employee_id.is_none_or(|id| id == by);
    let permission = if own { Permission::PunchesCreate } else { Permission::PunchesCreateForOthers };
    let now = app.core.clock.now();
    let Some(person) = crate::facts::person_of_body(&app, &at, body.employee_id, permission).await? else {
        return Err(crate::facts::unknown_employee(Wish::parse(&body, at.member.today(now), None, now)).into());
    };
    let (tenant, outbox, bench) = (at.tenant, app.core.outbox.clone(), Bench::of(&at.member.org, person, now));
    let principal = Principal { user_id: at.caller.user_id, org_id: Some(tenant.org_id()) };
    let work = move |conn: &mut diesel::PgConnection| {
        guard.once(conn, principal, now, |conn| {
            let whose = bench.person.employee_id;
            let known = |around| Ok::<_, Fault>((around, store::punches_around(conn, &tenant, whose, around)?));
            let concerned = domain::concerned(&body, &bench).map(known).transpose()?;
            let wish = Wish::parse(&body, bench.today, concerned, now)?;
            let new = NewRequest {
                request_id: RequestId::generate(),
                kind: RequestKind::Correction,
                with_employee_id: None,
                requested_by: by,
                gist: wish.gist(),
                levels: settings::levels(conn, &tenant, RequestKind::Correction)?,
            };
            let request = approvals::open(conn, &tenant, &outbox, &bench, new, now)?;
            let correction = store::add(conn, &tenant, &request, &wish)?;
            let id = correction.correction_id;
            let location = format!("/api/attendance/v1/orgs/{}/corrections/{id}", tenant.org_id());
            Ok::<_, Fault>(Answer::created(location, &correction)?.version(correction.approval.version))
        })
    };
    Ok(app.core.db.transaction(&tenant, work).await?)
}

/// List corrections
///
/// Of one person, newest first. Needs `attendance.read` on the person.
#[utoipa::path(
    operation_id = "list_corrections",
    tag = "corrections",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("employee_id" = Option<EmployeeId>, Query, description = "Whose; the caller's own when absent"),
        ("status" = Option<RequestStatus>, Query, description = "Only those that stand so"),
        ("limit" = Option<u32>, Query, description = "Items on a page, 1 to 200; 50 when absent", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page of corrections", body = Paged<Correction>), Refused, NotAllowed, BadQuery),
)]
#[get("/api/attendance/v1/orgs/{org_id}/corrections")]
pub(crate) async fn list(app: web::Data<App>, at: InOrg, query: Then<Query<RequestQuery>>) -> Result<Answer, Error> {
    let RequestQuery { employee_id, status, limit, cursor } = query?.0;
    let page = PageQuery { limit, cursor }.page()?;
    let person = crate::facts::person(&app, &at, employee_id, Permission::AttendanceRead).await?;
    let (tenant, after, fetch) = (at.tenant, page.after, page.fetch());
    let load = move |conn: &mut diesel::PgConnection| {
        let kind = RequestKind::Correction;
        let requests = requests::of_person(conn, &tenant, kind, person.employee_id, status, after, fetch)?;
        store::of(conn, &tenant, requests)
    };
    let corrections = app.core.db.transaction(&tenant, load).await?;
    Ok(Answer::ok(&Paged::new(corrections, &page, |one| (one.approval.requested_at, one.correction_id))?)?)
}

/// Read a correction
///
/// Needs `attendance.read` on the person, or to be one who may decide it.
#[utoipa::path(
    operation_id = "read_correction",
    tag = "corrections",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("correction_id" = CorrectionId, Path, description = "The correction"),
    ),
    responses(
        (status = 200, description = "The correction", body = Correction, headers(("ETag" = String, description = "Its version"))),
        Refused, NotAllowed,
    ),
)]
#[get("/api/attendance/v1/orgs/{org_id}/corrections/{correction_id}")]
pub(crate) async fn read(app: web::Data<App>, at: InOrg, path: Path<(OrgId, CorrectionId)>) -> Result<Answer, Error> {
    let (tenant, (_, id)) = (at.tenant, path.0);
    let load = move |conn: &mut diesel::PgConnection| {
        let request = requests::one(conn, &tenant, RequestKind::Correction, RequestId(id.0))?.ok_or(Fault::NotFound)?;
        Ok((store::one(conn, &tenant, request.clone())?, request))
    };
    let (correction, request) = app.core.db.transaction::<_, Fault, _>(&tenant, load).await?;
    approvals::may_see(&app, &at, &request, Permission::AttendanceRead).await?;
    Ok(answer(&correction)?)
}

/// Approve a correction
///
/// Of two levels the first passes it on to the second; after the last, workdays are computed with it. At the first
/// level by the direct manager or whoever holds `approvals.decide` on the person, at the second by whoever holds it for
/// the organisation, or by somebody to whom one of these has delegated today; never by the person or by whoever asked.
/// Who asked is told.
#[utoipa::path(
    operation_id = "approve_correction",
    tag = "corrections",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("correction_id" = CorrectionId, Path, description = "The correction"),
    ),
    request_body(content = Decision, example = json!({"note": "Seen you leave"})),
    responses(
        (status = 200, description = "It holds, or waits for the second level", body = Correction, headers(("ETag" = String, description = "Its version"))),
        (status = 409, description = "`already_decided`", body = Problem, content_type = "application/problem+json"),
        Refused, NotAllowed, BadBody,
    ),
)]
#[post("/api/attendance/v1/orgs/{org_id}/corrections/{correction_id}/approve")]
pub(crate) async fn approve(
    app: web::Data<App>,
    at: InOrg,
    path: Path<(OrgId, CorrectionId)>,
    body: Then<Json<Decision>>,
) -> Result<Answer, Error> {
    end(&app, &at, path.0.1, body, Verdict::Approved).await
}

/// Reject a correction
///
/// By whoever could approve it. The one who asked is told.
#[utoipa::path(
    operation_id = "reject_correction",
    tag = "corrections",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("correction_id" = CorrectionId, Path, description = "The correction"),
    ),
    request_body(content = Decision, example = json!({"note": "You were seen at six"})),
    responses(
        (status = 200, description = "It does not hold", body = Correction, headers(("ETag" = String, description = "Its version"))),
        (status = 409, description = "`already_decided`", body = Problem, content_type = "application/problem+json"),
        Refused, NotAllowed, BadBody,
    ),
)]
#[post("/api/attendance/v1/orgs/{org_id}/corrections/{correction_id}/reject")]
pub(crate) async fn reject(
    app: web::Data<App>,
    at: InOrg,
    path: Path<(OrgId, CorrectionId)>,
    body: Then<Json<Decision>>,
) -> Result<Answer, Error> {
    end(&app, &at, path.0.1, body, Verdict::Rejected).await
}

/// Take a correction back
///
/// By the person or by whoever asked, before it is decided.
#[utoipa::path(
    operation_id = "cancel_correction",
    tag = "corrections",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("correction_id" = CorrectionId, Path, description = "The correction"),
    ),
    request_body(content = Decision, example = json!({})),
    responses(
        (status = 200, description = "It is as if it had not been asked for", body = Correction, headers(("ETag" = String, description = "Its version"))),
        (status = 409, description = "`already_decided`", body = Problem, content_type = "application/problem+json"),
        Refused, NotAllowed, BadBody,
    ),
)]
#[post("/api/attendance/v1/orgs/{org_id}/corrections/{correction_id}/cancel")]
pub(crate) async fn cancel(
    app: web::Data<App>,
    at: InOrg,
    path: Path<(OrgId, CorrectionId)>,
    body: Then<Json<Decision>>,
) -> Result<Answer, Error> {
    end(&app, &at, path.0.1, body, Verdict::Cancelled).await
}

/// Decides a correction; once it holds, its facts are added.
async fn end(
    app: &App,
    at: &InOrg,
    id: CorrectionId,
    body: Then<Json<Decision>>,
    verdict: Verdict,
) -> Result<Answer, Error> {
    let effect = move |conn: &mut diesel::PgConnection, tenant: &Tenant, decided: &Decided| {
        let correction = store::one(conn, tenant, decided.request.clone())?;
        if correction.approval.status != RequestStatus::Pending {
            store::end(conn, tenant, &correction)?;
        }
        if decided.holds_now() {
            let bench = &decided.bench;
            let around = domain::around(&bench.person, &bench.org, correction.work_date).ok_or(Fault::NotFound)?;
            let counting = store::punches_around(conn, tenant, correction.employee_id, around)?;
            store::apply(conn, tenant, &correction, &counting)?;
        }
        Ok(correction)
    };
    let request = (RequestKind::Correction, RequestId(id.0));
    Ok(answer(&approvals::decide(app, at, request, body, verdict, effect).await?)?)
}
