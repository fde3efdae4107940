//! `/corrections`.

use crate::app::App;
use crate::corrections::domain::{Ending, Wish};
use crate::corrections::store;
use crate::error::Error;
use crate::facts::domain::assignment_near;
use crate::facts::{InOrg, Then};
use crate::openapi::{BadBody, BadKeyedBody, BadQuery, NotAllowed, Refused};
use actix_web::{get, post, web};
use rollcall_attendance_api::corrections::{Correction, CorrectionStatus, Decision, NewCorrection};
use rollcall_attendance_api::events::{
    CORRECTION_DECIDED, CORRECTION_REQUESTED, CorrectionDecided, CorrectionRequested,
};
use rollcall_common::answer::Answer;
use rollcall_common::events::NewEvent;
use rollcall_common::extract::{Json, Path, Query};
use rollcall_common::fault::Fault;
use rollcall_common::idempotency::{Idempotent, Principal};
use rollcall_common::paging::{PageQuery, Paged};
use rollcall_common::problem::Problem;
use rollcall_common::validate::{self, Fields};
use rollcall_ids::{CorrectionId, EmployeeId, OrgId};
use rollcall_org_api::rights::Permission;
use serde::Deserialize;

fn answer(correction: &Correction) -> Result<Answer, Fault> {
    Ok(Answer::ok(correction)?.version(correction.version))
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
    let person = crate::facts::person(&app, &at, body.employee_id, permission).await?;
    let now = app.core.clock.now();
    let wish = Wish::parse(&body, &person, &at.member, now)?;
    let today = at.member.org.date_at(&person, now);
    let approver_id = assignment_near(&person, today).and_then(|assignment| assignment.manager_id);
    let (tenant, outbox) = (at.tenant, app.core.outbox.clone());
    let principal = Principal { user_id: at.caller.user_id, org_id: Some(tenant.org_id()) };
    let work = move |conn: &mut diesel::PgConnection| {
        guard.once(conn, principal, now, |conn| {
            wish.check(&store::punches_around(conn, &tenant, person.employee_id, wish.around)?)?;
            let correction = store::add(conn, &tenant, (person.employee_id, by), wish, now)?;
            let data = CorrectionRequested {
                correction_id: correction.correction_id,
                employee_id: person.employee_id,
                employee_name: person.name,
                work_date: correction.work_date,
                reason: correction.reason.clone(),
                requested_by: by,
                approver_id,
            };
            let subject = correction.correction_id.to_string();
            let (org_id, version) = (Some(tenant.org_id()), Some(correction.version));
            outbox.emit(conn, &NewEvent { kind: CORRECTION_REQUESTED, subject, org_id, version, data: &data })?;
            let id = correction.correction_id;
            let location = format!("/api/attendance/v1/orgs/{}/corrections/{id}", tenant.org_id());
            Ok::<_, Fault>(Answer::created(location, &correction)?.version(correction.version))
        })
    };
    Ok(app.core.db.transaction(&tenant, work).await?)
}

/// `?employee_id=&status=&limit=&cursor=`
#[derive(Debug, Deserialize)]
pub(crate) struct CorrectionQuery {
    employee_id: Option<EmployeeId>,
    status: Option<CorrectionStatus>,
    limit: Option<u32>,
    cursor: Option<String>,
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
        ("status" = Option<CorrectionStatus>, Query, description = "Only those that stand so"),
        ("limit" = Option<u32>, Query, description = "Items on a page, 1 to 200; 50 when absent", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page of corrections", body = Paged<Correction>), Refused, NotAllowed, BadQuery),
)]
#[get("/api/attendance/v1/orgs/{org_id}/corrections")]
pub(crate) async fn list(app: web::Data<App>, at: InOrg, query: Then<Query<CorrectionQuery>>) -> Result<Answer, Error> {
    let CorrectionQuery { employee_id, status, limit, cursor } = query?.0;
    let page = PageQuery { limit, cursor }.page()?;
    let person = crate::facts::person(&app, &at, employee_id, Permission::AttendanceRead).await?;
    let (tenant, after, fetch) = (at.tenant, page.after, page.fetch());
    let load =
        move |conn: &mut diesel::PgConnection| store::list(conn, &tenant, person.employee_id, status, after, fetch);
    let corrections = app.core.db.transaction(&tenant, load).await?;
    Ok(Answer::ok(&Paged::new(corrections, &page, |one| (one.requested_at, one.correction_id))?)?)
}

/// Read a correction
///
/// Needs `attendance.read` on the person.
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
    let load = move |conn: &mut diesel::PgConnection| store::one(conn, &tenant, id);
    let correction = app.core.db.transaction(&tenant, load).await?.ok_or(Fault::NotFound)?;
    crate::facts::person(&app, &at, Some(correction.employee_id), Permission::AttendanceRead).await?;
    Ok(answer(&correction)?)
}

/// Approve a correction
///
/// From now on workdays are computed with it. Needs `punches.create_for_others` on the person; neither they nor whoever
/// asked can. The one who asked is told.
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
        (status = 200, description = "It holds", body = Correction, headers(("ETag" = String, description = "Its version"))),
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
    end(&app, &at, path.0.1, body, Ending::Approve).await
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
    end(&app, &at, path.0.1, body, Ending::Reject).await
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
    end(&app, &at, path.0.1, body, Ending::Cancel).await
}

/// Ends a correction; of two who try at once one is told that it is decided.
async fn end(
    app: &App,
    at: &InOrg,
    id: CorrectionId,
    body: Then<Json<Decision>>,
    ending: Ending,
) -> Result<Answer, Error> {
    let mut fields = Fields::new();
    let note = body?.0.note;
    let note = fields.take_optional("/note", note.as_deref().map(|note| validate::text(note, 500)));
    let (note,) = fields.all((note,))?;
    let tenant = at.tenant;
    let load = move |conn: &mut diesel::PgConnection| store::one(conn, &tenant, id);
    let asked: Correction = app.core.db.transaction::<_, Fault, _>(&tenant, load).await?.ok_or(Fault::NotFound)?;
    let person = app.facts.employee(&tenant, asked.employee_id).await?.ok_or(Fault::NotFound)?;
    let now = app.core.clock.now();
    let member = at.member.clone();
    let today = member.org.date_at(&person, now);
    let around = crate::corrections::domain::around(&person, &member, asked.work_date).ok_or(Fault::NotFound)?;
    let outbox = app.core.outbox.clone();
    let work = move |conn: &mut diesel::PgConnection| {
        let mut correction = store::locked(conn, &tenant, id)?.ok_or(Fault::NotFound)?;
        ending.check(&correction, &person, &member, today)?;
        correction.status = ending.status();
        correction.decided_by = Some(member.employee.employee_id);
        correction.decided_at = Some(now);
        correction.note = note;
        correction.version += 1;
        store::end(conn, &tenant, &correction)?;
        if ending == Ending::Approve {
            let counting = store::punches_around(conn, &tenant, person.employee_id, around)?;
            store::apply(conn, &tenant, &correction, &counting)?;
        }
        if ending != Ending::Cancel {
            let data = CorrectionDecided {
                correction_id: id,
                employee_id: person.employee_id,
                employee_name: person.name.clone(),
                work_date: correction.work_date,
                requested_by: correction.requested_by,
                status: correction.status,
                decided_by: member.employee.employee_id,
                decided_by_name: member.employee.name.clone(),
                note: correction.note.clone(),
            };
            let (org_id, version) = (Some(tenant.org_id()), Some(correction.version));
            let event = NewEvent { kind: CORRECTION_DECIDED, subject: id.to_string(), org_id, version, data: &data };
            outbox.emit(conn, &event)?;
        }
        Ok::<_, Error>(correction)
    };
    Ok(answer(&app.core.db.transaction(&at.tenant, work).await?)?)
}
