//! `/shifts`.

use crate::app::App;
use crate::error::Error;
use crate::facts::{InOrg, Then};
use crate::openapi::{BadBody, BadKeyedBody, BadQuery, NotAllowed, Refused};
use crate::roster::tell;
use crate::shifts::domain::Version;
use crate::shifts::store;
use actix_web::{get, post, put, web};
use rollcall_attendance_api::shifts::{Shift, ShiftBody};
use rollcall_common::answer::Answer;
use rollcall_common::extract::{IfMatch, Json, Path, Query};
use rollcall_common::fault::Fault;
use rollcall_common::idempotency::{Idempotent, Principal};
use rollcall_common::paging::{PageQuery, Paged};
use rollcall_common::problem::Problem;
use rollcall_ids::{OrgId, ShiftId};
use rollcall_org_api::rights::Permission;

fn answer(shift: &Shift) -> Result<Answer, Fault> {
    Ok(Answer::ok(shift)?.version(shift.version))
}

/// Define a shift
///
/// Its planned times and the rules of its workdays. Needs `shifts.write` on the organisation. What is left out has
/// its default.
#[utoipa::path(
    operation_id = "create_shift",
    tag = "shifts",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe", example = "shift-day-1"),
    ),
    request_body(content = ShiftBody, example = json!({
        "code": "DAY", "name": "Day shift", "start": "09:00", "end": "18:00",
        "breaks": [{"start": "12:00", "end": "13:00", "paid": false}], "grace_in": 5
    })),
    responses(
        (status = 201, description = "The shift in its first version", body = Shift, headers(
            ("Location" = String, description = "Where it can be read"),
            ("ETag" = String, description = "Its version"),
            ("Idempotency-Replayed" = Option<String>, description = "`true` when it was made by an earlier request with this key"),
        )),
        (status = 409, description = "`shift_code_taken`, or `idempotency_in_progress`", body = Problem, content_type = "application/problem+json"),
        Refused, NotAllowed, BadKeyedBody,
    ),
)]
#[post("/api/attendance/v1/orgs/{org_id}/shifts")]
pub(crate) async fn create(app: web::Data<App>, at: InOrg, body: Then<Idempotent<ShiftBody>>) -> Result<Answer, Error> {
    if !at.member.may_in_org(Permission::ShiftsWrite) {
        return Err(Fault::Forbidden.into());
    }
    let Idempotent { body, guard } = body?;
    let version = Version::parse_first(&body)?;
    let (tenant, by, now) = (at.tenant, at.member.employee.employee_id, app.core.clock.now());
    let principal = Principal { user_id: at.caller.user_id, org_id: Some(tenant.org_id()) };
    let work = move |conn: &mut diesel::PgConnection| {
        guard.once(conn, principal, now, |conn| {
            let shift = store::create(conn, &tenant, by, version, now)?;
            let location = format!("/api/attendance/v1/orgs/{}/shifts/{}", tenant.org_id(), shift.shift_id);
            Ok(Answer::created(location, &shift)?.version(shift.version))
        })
    };
    app.core.db.transaction(&tenant, work).await
}

/// List shifts
///
/// The newest version of each, by code. Needs `shifts.read`.
#[utoipa::path(
    operation_id = "list_shifts",
    tag = "shifts",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("limit" = Option<u32>, Query, description = "Items on a page, 1 to 200; 50 when absent", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page of shifts", body = Paged<Shift>), Refused, NotAllowed, BadQuery),
)]
#[get("/api/attendance/v1/orgs/{org_id}/shifts")]
pub(crate) async fn list(app: web::Data<App>, at: InOrg, query: Then<Query<PageQuery>>) -> Result<Answer, Error> {
    if !at.member.may_somewhere(Permission::ShiftsRead) {
        return Err(Fault::Forbidden.into());
    }
    let page = query?.0.page::<String>()?;
    let (after, limit, tenant) = (page.after.clone(), page.fetch(), at.tenant);
    let load = move |conn: &mut diesel::PgConnection| store::list(conn, &tenant, after.as_ref(), limit);
    let shifts = app.core.db.transaction(&tenant, load).await?;
    Ok(Answer::ok(&Paged::new(shifts, &page, |shift| shift.code.clone())?)?)
}

/// Read a shift
///
/// In its newest version. Needs `shifts.read`.
#[utoipa::path(
    operation_id = "read_shift",
    tag = "shifts",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("shift_id" = ShiftId, Path, description = "The shift"),
    ),
    responses(
        (status = 200, description = "The shift", body = Shift, headers(("ETag" = String, description = "Its version"))),
        Refused, NotAllowed,
    ),
)]
#[get("/api/attendance/v1/orgs/{org_id}/shifts/{shift_id}")]
pub(crate) async fn read(app: web::Data<App>, at: InOrg, path: Path<(OrgId, ShiftId)>) -> Result<Answer, Error> {
    if !at.member.may_somewhere(Permission::ShiftsRead) {
        return Err(Fault::Forbidden.into());
    }
    let (tenant, (_, shift_id)) = (at.tenant, path.0);
    let load = move |conn: &mut diesel::PgConnection| store::newest(conn, &tenant, shift_id);
    let shift = app.core.db.transaction(&tenant, load).await?;
    Ok(answer(&shift.ok_or(Fault::NotFound)?)?)
}

/// Read the versions of a shift
///
/// All of them, also those that are yet to come: the one that holds from the latest date on first, of two from one date on
/// the later. On a date the first of them holds whose `valid_from` is not after it. Needs `shifts.read`.
#[utoipa::path(
    operation_id = "list_shift_versions",
    tag = "shifts",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("shift_id" = ShiftId, Path, description = "The shift"),
        ("limit" = Option<u32>, Query, description = "Items on a page, 1 to 200; 50 when absent", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page of versions", body = Paged<Shift>), Refused, NotAllowed, BadQuery),
)]
#[get("/api/attendance/v1/orgs/{org_id}/shifts/{shift_id}/versions")]
pub(crate) async fn versions(
    app: web::Data<App>,
    at: InOrg,
    path: Path<(OrgId, ShiftId)>,
    query: Then<Query<PageQuery>>,
) -> Result<Answer, Error> {
    if !at.member.may_somewhere(Permission::ShiftsRead) {
        return Err(Fault::Forbidden.into());
    }
    let page = query?.0.page::<store::AfterVersion>()?;
    let (after, limit, tenant, (_, shift_id)) = (page.after, page.fetch(), at.tenant, path.0);
    let load = move |conn: &mut diesel::PgConnection| {
        store::newest(conn, &tenant, shift_id)?.ok_or(Fault::NotFound)?;
        store::versions(conn, &tenant, shift_id, after, limit)
    };
    let found = app.core.db.transaction(&tenant, load).await?;
    Ok(Answer::ok(&Paged::new(found, &page, |version| (version.valid_from, version.version))?)?)
}

/// Change a shift from a date on
///
/// Makes a new version that holds from `valid_from` (today when left out); what was worked before stays as it was
/// judged. A version that was made for a later date stays, and holds from then on; one for the same date takes its place.
/// The body is the whole new version. Whoever is planned for it on one of the next days is told, once, when its times are
/// other ones. Needs `shifts.write` on the organisation and `If-Match`.
#[utoipa::path(
    operation_id = "change_shift",
    tag = "shifts",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("shift_id" = ShiftId, Path, description = "The shift"),
        ("If-Match" = String, Header, description = "The `ETag` that the change is made against", example = "\"1\""),
    ),
    request_body(content = ShiftBody, example = json!({
        "code": "DAY", "name": "Day shift", "start": "08:30", "end": "17:30",
        "breaks": [{"start": "12:00", "end": "13:00", "paid": false}], "valid_from": "2026-12-01"
    })),
    responses(
        (status = 200, description = "The new version", body = Shift, headers(("ETag" = String, description = "Its version"))),
        (status = 412, description = "Changed since it was read", body = Problem, content_type = "application/problem+json"),
        (status = 428, description = "`If-Match` is missing", body = Problem, content_type = "application/problem+json"),
        Refused, NotAllowed, BadBody,
    ),
)]
#[put("/api/attendance/v1/orgs/{org_id}/shifts/{shift_id}")]
pub(crate) async fn change(
    app: web::Data<App>,
    at: InOrg,
    path: Path<(OrgId, ShiftId)>,
    if_match: Then<IfMatch>,
    body: Then<Json<ShiftBody>>,
) -> Result<Answer, Error> {
    if !at.member.may_in_org(Permission::ShiftsWrite) {
        return Err(Fault::Forbidden.into());
    }
    let if_match = if_match?;
    if_match.required()?;
    let body = body?.0;
    let (tenant, (_, shift_id), now) = (at.tenant, path.0, app.core.clock.now());
    let (by, outbox) = (at.member.clone(), app.core.outbox.clone());
    let work = move |conn: &mut diesel::PgConnection| {
        let current = store::newest(conn, &tenant, shift_id)?.ok_or(Fault::NotFound)?;
        if_match.check(current.version)?;
        let mut version = Version::parse(&body, &current.code)?;
        let from = *version.valid_from.get_or_insert_with(|| by.today(now));
        let number = (shift_id, current.version + 1);
        let changed = store::add_version(conn, &tenant, number, by.employee.employee_id, version, now)?;
        tell::shift_changed(conn, &tenant, &outbox, &by, (&changed, from), now)?;
        Ok(changed)
    };
    Ok(answer(&app.core.db.transaction::<_, Error, _>(&tenant, work).await?)?)
}
