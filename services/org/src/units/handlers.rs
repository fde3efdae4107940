//! `/api/org/v1/orgs/{org_id}/units`

use crate::app::{App, InOrg, Origin};
use crate::error::Error;
use crate::responses;
use crate::units::domain::{NewUnit, Unit, UnitPatch};
use crate::units::{commands, store};
use actix_web::{delete, get, patch, post, web};
use rollcall_common::answer::Answer;
use rollcall_common::describe::PageParams;
use rollcall_common::extract::{IfMatch, Json, Path, Query};
use rollcall_common::fault::Fault;
use rollcall_common::idempotency::Idempotent;
use rollcall_common::paging::{PageQuery, Paged};
use rollcall_ids::{OrgId, UnitId};
use rollcall_org_api::rights::Permission;

/// Add a unit
///
/// 403 also for whoever names themselves its head and so would come to reach people by a role whose scope is units, unless
/// they hold all that it allows for the whole organisation.
#[utoipa::path(
    operation_id = "create_unit",
    tag = "units",
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key again: the same answer"),
    ),
    request_body = NewUnit,
    responses((status = 201, description = "Added", body = Unit, headers(("ETag" = String, description = "Its version"), ("Location" = String, description = "Where it can be read"))), responses::Create),
    security(("bearer" = [])),
)]
#[post("/api/org/v1/orgs/{org_id}/units")]
pub(crate) async fn create(
    app: web::Data<App>,
    of: InOrg,
    origin: Origin,
    request: Idempotent<NewUnit>,
) -> Result<Answer, Error> {
    of.member.must_in_org(Permission::OrgWrite)?;
    let Idempotent { body, guard } = request;
    let org_id = of.tenant.org_id();
    let work = move |conn: &mut _, tenant: &_, act: &_, member: &_| {
        let unit = commands::create(conn, tenant, act, member, &body)?;
        let location = format!("/api/org/v1/orgs/{org_id}/units/{}", unit.unit_id);
        Ok(Answer::created(location, &unit)?.version(unit.version))
    };
    app.change(of, origin, Some(guard), work).await
}

/// All units
#[utoipa::path(
    operation_id = "list_units",
    tag = "units",
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        PageParams,
    ),
    responses((status = 200, description = "A page", body = Paged<Unit>), responses::List),
    security(("bearer" = [])),
)]
#[get("/api/org/v1/orgs/{org_id}/units")]
pub(crate) async fn list(app: web::Data<App>, of: InOrg, Query(query): Query<PageQuery>) -> Result<Answer, Error> {
    of.member.must_somewhere(Permission::OrgRead)?;
    let page = query.page()?;
    app.read(of, move |conn, tenant, _| {
        let rows = store::list(conn, tenant, &page)?;
        Ok(Answer::ok(&Paged::new(rows, &page, |unit| unit.unit_id)?)?)
    })
    .await
}

/// One unit
#[utoipa::path(
    operation_id = "get_unit",
    tag = "units",
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("unit_id" = UnitId, Path, description = "The unit"),
    ),
    responses((status = 200, description = "It", body = Unit, headers(("ETag" = String, description = "Its version"))), responses::Read),
    security(("bearer" = [])),
)]
#[get("/api/org/v1/orgs/{org_id}/units/{unit_id}")]
pub(crate) async fn find(app: web::Data<App>, of: InOrg, path: Path<(OrgId, UnitId)>) -> Result<Answer, Error> {
    let (_, unit_id) = path.0;
    of.member.must_somewhere(Permission::OrgRead)?;
    app.read(of, move |conn, tenant, _| {
        let unit = store::find(conn, tenant, unit_id)?.ok_or(Fault::NotFound)?;
        Ok(Answer::ok(&unit)?.version(unit.version))
    })
    .await
}

/// Change a unit
///
/// With another `parent_id` it moves with everything below it; 409 `unit_cycle` when it would come to stand below
/// itself. 403 also for whoever would come to reach its people by a role whose scope is units, as its new head or as that of
/// a unit it moves below, unless they hold all that the role allows for the whole organisation.
#[utoipa::path(
    operation_id = "patch_unit",
    tag = "units",
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("unit_id" = UnitId, Path, description = "The unit"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that the change is based on"),
    ),
    request_body = UnitPatch,
    responses((status = 200, description = "As it is now", body = Unit, headers(("ETag" = String, description = "Its version"))), responses::Change),
    security(("bearer" = [])),
)]
#[patch("/api/org/v1/orgs/{org_id}/units/{unit_id}")]
pub(crate) async fn patch(
    app: web::Data<App>,
    of: InOrg,
    origin: Origin,
    path: Path<(OrgId, UnitId)>,
    if_match: IfMatch,
    Json(body): Json<UnitPatch>,
) -> Result<Answer, Error> {
    let (_, unit_id) = path.0;
    of.member.must_in_org(Permission::OrgWrite)?;
    let work = move |conn: &mut _, tenant: &_, act: &_, member: &_| {
        let unit = commands::patch(conn, tenant, act, member, unit_id, &body, if_match)?;
        Ok(Answer::ok(&unit)?.version(unit.version))
    };
    app.change(of, origin, None, work).await
}

/// Delete a unit
///
/// 409 `unit_not_empty` when people work in it, today or later, or units stand below it; 409 `root_unit` for the root.
/// Those who once worked there keep it in their history.
#[utoipa::path(
    operation_id = "delete_unit",
    tag = "units",
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("unit_id" = UnitId, Path, description = "The unit"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that the change is based on"),
    ),
    responses((status = 204, description = "Deleted"), responses::Toggle),
    security(("bearer" = [])),
)]
#[delete("/api/org/v1/orgs/{org_id}/units/{unit_id}")]
pub(crate) async fn remove(
    app: web::Data<App>,
    of: InOrg,
    origin: Origin,
    path: Path<(OrgId, UnitId)>,
    if_match: IfMatch,
) -> Result<Answer, Error> {
    let (_, unit_id) = path.0;
    of.member.must_in_org(Permission::OrgWrite)?;
    let work = move |conn: &mut _, tenant: &_, act: &_, _: &_| {
        commands::remove(conn, tenant, act, unit_id, if_match)?;
        Ok(Answer::no_content())
    };
    app.change(of, origin, None, work).await
}
