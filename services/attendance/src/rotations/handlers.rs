//! `/rotations`.

use crate::app::App;
use crate::error::Error;
use crate::facts::{InOrg, Then};
use crate::openapi::{BadKeyedBody, BadQuery, NotAllowed, Refused};
use crate::roster::store::known_shifts;
use crate::rotations::domain::Cycle;
use crate::rotations::store;
use actix_web::{get, post, web};
use rollcall_attendance_api::rotations::{Rotation, RotationBody};
use rollcall_common::answer::Answer;
use rollcall_common::extract::{Path, Query};
use rollcall_common::fault::Fault;
use rollcall_common::idempotency::{Idempotent, Principal};
use rollcall_common::paging::{PageQuery, Paged};
use rollcall_common::problem::Problem;
use rollcall_ids::{OrgId, RotationId};
use rollcall_org_api::rights::Permission;

/// Define a rotation
///
/// A cycle of shifts and days off, which the roster may name instead of a shift. Needs `shifts.write` on the
/// organisation.
#[utoipa::path(
    operation_id = "create_rotation",
    tag = "rotations",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe", example = "rotation-1"),
    ),
    request_body(content = RotationBody, example = json!({
        "name": "Four on, two off", "anchor_date": "2026-11-02", "cycle": [
            "0193a6f0-7c1e-7000-8000-000000000004", "0193a6f0-7c1e-7000-8000-000000000004",
            "0193a6f0-7c1e-7000-8000-000000000004", "0193a6f0-7c1e-7000-8000-000000000004", null, null
        ]
    })),
    responses(
        (status = 201, description = "The rotation", body = Rotation, headers(
            ("Location" = String, description = "Where it can be read"),
            ("Idempotency-Replayed" = Option<String>, description = "`true` when it was made by an earlier request with this key"),
        )),
        (status = 409, description = "`idempotency_in_progress`", body = Problem, content_type = "application/problem+json"),
        Refused, NotAllowed, BadKeyedBody,
    ),
)]
#[post("/api/attendance/v1/orgs/{org_id}/rotations")]
pub(crate) async fn create(
    app: web::Data<App>,
    at: InOrg,
    body: Then<Idempotent<RotationBody>>,
) -> Result<Answer, Error> {
    if !at.member.may_in_org(Permission::ShiftsWrite) {
        return Err(Fault::Forbidden.into());
    }
    let Idempotent { body, guard } = body?;
    let (tenant, by, now) = (at.tenant, at.member.employee.employee_id, app.core.clock.now());
    let principal = Principal { user_id: at.caller.user_id, org_id: Some(tenant.org_id()) };
    let work = move |conn: &mut diesel::PgConnection| {
        guard.once(conn, principal, now, |conn| {
            let cycle = Cycle::parse(&body, &known_shifts(conn, &tenant, &Cycle::named(&body))?)?;
            let rotation = store::add(conn, &tenant, by, cycle, now)?;
            let location = format!("/api/attendance/v1/orgs/{}/rotations/{}", tenant.org_id(), rotation.rotation_id);
            Answer::created(location, &rotation)
        })
    };
    Ok(app.core.db.transaction::<_, Fault, _>(&tenant, work).await?)
}

/// List rotations
///
/// Oldest first. Needs `shifts.read`.
#[utoipa::path(
    operation_id = "list_rotations",
    tag = "rotations",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("limit" = Option<u32>, Query, description = "Items on a page, 1 to 200; 50 when absent", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page of rotations", body = Paged<Rotation>), Refused, NotAllowed, BadQuery),
)]
#[get("/api/attendance/v1/orgs/{org_id}/rotations")]
pub(crate) async fn list(app: web::Data<App>, at: InOrg, query: Then<Query<PageQuery>>) -> Result<Answer, Error> {
    if !at.member.may_somewhere(Permission::ShiftsRead) {
        return Err(Fault::Forbidden.into());
    }
    let page = query?.0.page()?;
    let (after, limit, tenant) = (page.after, page.fetch(), at.tenant);
    let load = move |conn: &mut diesel::PgConnection| store::list(conn, &tenant, after, limit);
    let rotations = app.core.db.transaction(&tenant, load).await?;
    Ok(Answer::ok(&Paged::new(rotations, &page, |rotation| (rotation.created_at, rotation.rotation_id))?)?)
}

/// Read a rotation
///
/// Needs `shifts.read`.
#[utoipa::path(
    operation_id = "read_rotation",
    tag = "rotations",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("rotation_id" = RotationId, Path, description = "The rotation"),
    ),
    responses((status = 200, description = "The rotation", body = Rotation), Refused, NotAllowed),
)]
#[get("/api/attendance/v1/orgs/{org_id}/rotations/{rotation_id}")]
pub(crate) async fn read(app: web::Data<App>, at: InOrg, path: Path<(OrgId, RotationId)>) -> Result<Answer, Error> {
    if !at.member.may_somewhere(Permission::ShiftsRead) {
        return Err(Fault::Forbidden.into());
    }
    let (tenant, (_, rotation_id)) = (at.tenant, path.0);
    let load = move |conn: &mut diesel::PgConnection| store::one(conn, &tenant, rotation_id);
    let rotation = app.core.db.transaction(&tenant, load).await?;
    Ok(Answer::ok(&rotation.ok_or(Fault::NotFound)?)?)
}
