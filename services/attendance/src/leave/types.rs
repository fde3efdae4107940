//! `/leave-types`.

use super::{domain, store};
use crate::app::App;
use crate::error::Error;
use crate::facts::{InOrg, Then};
use crate::openapi::{BadBody, BadKeyedBody, BadQuery, NotAllowed, Refused};
use actix_web::{get, post, put, web};
use rollcall_attendance_api::leave::{LeaveType, LeaveTypeBody};
use rollcall_common::answer::Answer;
use rollcall_common::extract::{IfMatch, Json, Path, Query};
use rollcall_common::fault::Fault;
use rollcall_common::idempotency::{Idempotent, Principal};
use rollcall_common::paging::{PageQuery, Paged};
use rollcall_common::problem::Problem;
use rollcall_ids::{LeaveTypeId, OrgId};
use rollcall_org_api::rights::Permission;

/// Define a kind of leave
///
/// In which pieces it is taken, whether from a balance, who approves. An organisation has at most 100, archived ones too
/// (`too_many`). Needs `leave.write` on the organisation.
#[utoipa::path(
    operation_id = "create_leave_type",
    tag = "leave",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe", example = "vacation-1"),
    ),
    request_body(content = LeaveTypeBody, example = json!({
        "code": "VACATION", "name": "Vacation", "unit": "half_day", "approval_levels": 1
    })),
    responses(
        (status = 201, description = "The kind of leave", body = LeaveType, headers(
            ("Location" = String, description = "Where it can be read"),
            ("ETag" = String, description = "Its version"),
            ("Idempotency-Replayed" = Option<String>, description = "`true` when it was made by an earlier request with this key"),
        )),
        (status = 409, description = "`leave_type_code_taken`, or `idempotency_in_progress`", body = Problem, content_type = "application/problem+json"),
        Refused, NotAllowed, BadKeyedBody,
    ),
)]
#[post("/api/attendance/v1/orgs/{org_id}/leave-types")]
pub(crate) async fn create(
    app: web::Data<App>,
    at: InOrg,
    body: Then<Idempotent<LeaveTypeBody>>,
) -> Result<Answer, Error> {
    if !at.member.may_in_org(Permission::LeaveWrite) {
        return Err(Fault::Forbidden.into());
    }
    let Idempotent { body, guard } = body?;
    let body = domain::leave_type(&body, None)?;
    let (tenant, by, now) = (at.tenant, at.member.employee.employee_id, app.core.clock.now());
    let principal = Principal { user_id: at.caller.user_id, org_id: Some(tenant.org_id()) };
    let work = move |conn: &mut diesel::PgConnection| {
        guard.once(conn, principal, now, |conn| {
            let made = store::add_type(conn, &tenant, by, body, now)?;
            let location = format!("/api/attendance/v1/orgs/{}/leave-types/{}", tenant.org_id(), made.leave_type_id);
            Ok(Answer::created(location, &made)?.version(made.version))
        })
    };
    app.core.db.transaction(&tenant, work).await
}

/// List kinds of leave
///
/// By code, those that can be asked for no more too. Needs `leave.read`.
#[utoipa::path(
    operation_id = "list_leave_types",
    tag = "leave",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("limit" = Option<u32>, Query, description = "Items on a page, 1 to 200; 50 when absent", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page of kinds of leave", body = Paged<LeaveType>), Refused, NotAllowed, BadQuery),
)]
#[get("/api/attendance/v1/orgs/{org_id}/leave-types")]
pub(crate) async fn list(app: web::Data<App>, at: InOrg, query: Then<Query<PageQuery>>) -> Result<Answer, Error> {
    if !at.member.may_somewhere(Permission::LeaveRead) {
        return Err(Fault::Forbidden.into());
    }
    let page = query?.0.page::<String>()?;
    let (after, limit, tenant) = (page.after.clone(), page.fetch(), at.tenant);
    let load = move |conn: &mut diesel::PgConnection| store::list_types(conn, &tenant, after.as_ref(), limit);
    let types = app.core.db.transaction(&tenant, load).await?;
    Ok(Answer::ok(&Paged::new(types, &page, |one| one.body.code.clone())?)?)
}

/// Read a kind of leave
///
/// Needs `leave.read`.
#[utoipa::path(
    operation_id = "read_leave_type",
    tag = "leave",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("leave_type_id" = LeaveTypeId, Path, description = "The kind of leave"),
    ),
    responses(
        (status = 200, description = "The kind of leave", body = LeaveType, headers(("ETag" = String, description = "Its version"))),
        Refused, NotAllowed,
    ),
)]
#[get("/api/attendance/v1/orgs/{org_id}/leave-types/{leave_type_id}")]
pub(crate) async fn read(app: web::Data<App>, at: InOrg, path: Path<(OrgId, LeaveTypeId)>) -> Result<Answer, Error> {
    if !at.member.may_somewhere(Permission::LeaveRead) {
        return Err(Fault::Forbidden.into());
    }
    let (tenant, (_, id)) = (at.tenant, path.0);
    let load = move |conn: &mut diesel::PgConnection| store::one_type(conn, &tenant, id);
    let found = app.core.db.transaction(&tenant, load).await?.ok_or(Fault::NotFound)?;
    Ok(Answer::ok(&found)?.version(found.version))
}

/// Change a kind of leave
///
/// What was asked for and decided stays as it is; `archived` ends that it can be asked for. The body is the whole new
/// version. Needs `leave.write` on the organisation and `If-Match`.
#[utoipa::path(
    operation_id = "change_leave_type",
    tag = "leave",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("leave_type_id" = LeaveTypeId, Path, description = "The kind of leave"),
        ("If-Match" = String, Header, description = "The `ETag` that the change is made against", example = "\"1\""),
    ),
    request_body(content = LeaveTypeBody, example = json!({
        "code": "VACATION", "name": "Annual leave", "unit": "half_day", "approval_levels": 2
    })),
    responses(
        (status = 200, description = "The new version", body = LeaveType, headers(("ETag" = String, description = "Its version"))),
        (status = 412, description = "Changed since it was read", body = Problem, content_type = "application/problem+json"),
        (status = 428, description = "`If-Match` is missing", body = Problem, content_type = "application/problem+json"),
        Refused, NotAllowed, BadBody,
    ),
)]
#[put("/api/attendance/v1/orgs/{org_id}/leave-types/{leave_type_id}")]
pub(crate) async fn change(
    app: web::Data<App>,
    at: InOrg,
    path: Path<(OrgId, LeaveTypeId)>,
    if_match: IfMatch,
    body: Then<Json<LeaveTypeBody>>,
) -> Result<Answer, Error> {
    if !at.member.may_in_org(Permission::LeaveWrite) {
        return Err(Fault::Forbidden.into());
    }
    if_match.required()?;
    let body = body?.0;
    let (tenant, (_, id), now) = (at.tenant, path.0, app.core.clock.now());
    let by = at.member.employee.employee_id;
    let work = move |conn: &mut diesel::PgConnection| {
        let mut changed = store::locked_type(conn, &tenant, id)?.ok_or(Fault::NotFound)?;
        if_match.check(changed.version)?;
        changed.body = domain::leave_type(&body, Some(&changed.body.code))?;
        changed.version += 1;
        store::change_type(conn, &tenant, by, &changed, now)?;
        Ok(changed)
    };
    let changed = app.core.db.transaction::<_, Fault, _>(&tenant, work).await?;
    Ok(Answer::ok(&changed)?.version(changed.version))
}
