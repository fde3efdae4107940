//! `/api/org/v1/orgs/{org_id}/sites`

use crate::app::{App, InOrg, Origin};
use crate::error::Error;
use crate::responses;
use crate::sites::domain::Site;
use crate::sites::input::{NewSite, SitePatch};
use crate::sites::{commands, store};
use actix_web::{delete, get, patch, post, web};
use rollcall_common::answer::Answer;
use rollcall_common::describe::PageParams;
use rollcall_common::extract::{IfMatch, Json, Path, Query};
use rollcall_common::fault::Fault;
use rollcall_common::idempotency::Idempotent;
use rollcall_common::paging::{PageQuery, Paged};
use rollcall_ids::{OrgId, SiteId};
use rollcall_org_api::rights::Permission;

/// Add a site
#[utoipa::path(
    operation_id = "create_site",
    tag = "sites",
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key again: the same answer"),
    ),
    request_body = NewSite,
    responses((status = 201, description = "Added", body = Site, headers(("ETag" = String, description = "Its version"), ("Location" = String, description = "Where it can be read"))), responses::Create),
    security(("bearer" = [])),
)]
#[post("/api/org/v1/orgs/{org_id}/sites")]
pub(crate) async fn create(
    app: web::Data<App>,
    of: InOrg,
    origin: Origin,
    request: Idempotent<NewSite>,
) -> Result<Answer, Error> {
    of.member.must_in_org(Permission::OrgWrite)?;
    let Idempotent { body, guard } = request;
    let org_id = of.tenant.org_id();
    let work = move |conn: &mut _, tenant: &_, act: &_, _: &_| {
        let site = commands::create(conn, tenant, act, &body)?;
        let location = format!("/api/org/v1/orgs/{org_id}/sites/{}", site.site_id);
        Ok(Answer::created(location, &site)?.version(site.version))
    };
    app.change(of, origin, Some(guard), work).await
}

/// All sites
#[utoipa::path(
    operation_id = "list_sites",
    tag = "sites",
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        PageParams,
    ),
    responses((status = 200, description = "A page", body = Paged<Site>), responses::List),
    security(("bearer" = [])),
)]
#[get("/api/org/v1/orgs/{org_id}/sites")]
pub(crate) async fn list(app: web::Data<App>, of: InOrg, Query(query): Query<PageQuery>) -> Result<Answer, Error> {
    of.member.must_somewhere(Permission::OrgRead)?;
    let page = query.page()?;
    app.read(of, move |conn, tenant, _| {
        let rows = store::list(conn, tenant, &page)?;
        Ok(Answer::ok(&Paged::new(rows, &page, |site| site.site_id)?)?)
    })
    .await
}

/// One site
#[utoipa::path(
    operation_id = "get_site",
    tag = "sites",
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("site_id" = SiteId, Path, description = "The site"),
    ),
    responses((status = 200, description = "It", body = Site, headers(("ETag" = String, description = "Its version"))), responses::Read),
    security(("bearer" = [])),
)]
#[get("/api/org/v1/orgs/{org_id}/sites/{site_id}")]
pub(crate) async fn find(app: web::Data<App>, of: InOrg, path: Path<(OrgId, SiteId)>) -> Result<Answer, Error> {
    let (_, site_id) = path.0;
    of.member.must_somewhere(Permission::OrgRead)?;
    app.read(of, move |conn, tenant, _| {
        let site = store::find(conn, tenant, site_id)?.ok_or(Fault::NotFound)?;
        Ok(Answer::ok(&site)?.version(site.version))
    })
    .await
}

/// Change a site
#[utoipa::path(
    operation_id = "patch_site",
    tag = "sites",
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("site_id" = SiteId, Path, description = "The site"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that the change is based on"),
    ),
    request_body = SitePatch,
    responses((status = 200, description = "As it is now", body = Site, headers(("ETag" = String, description = "Its version"))), responses::Change),
    security(("bearer" = [])),
)]
#[patch("/api/org/v1/orgs/{org_id}/sites/{site_id}")]
pub(crate) async fn patch(
    app: web::Data<App>,
    of: InOrg,
    origin: Origin,
    path: Path<(OrgId, SiteId)>,
    if_match: IfMatch,
    Json(body): Json<SitePatch>,
) -> Result<Answer, Error> {
    let (_, site_id) = path.0;
    of.member.must_in_org(Permission::OrgWrite)?;
    let work = move |conn: &mut _, tenant: &_, act: &_, _: &_| {
        let site = commands::patch(conn, tenant, act, site_id, &body, if_match)?;
        Ok(Answer::ok(&site)?.version(site.version))
    };
    app.change(of, origin, None, work).await
}

/// Delete a site
///
/// 409 `site_in_use` when people work there, today or later; 409 `last_site` when it is the only one. Those who once
/// worked there keep it in their history.
#[utoipa::path(
    operation_id = "delete_site",
    tag = "sites",
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("site_id" = SiteId, Path, description = "The site"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that the change is based on"),
    ),
    responses((status = 204, description = "Deleted"), responses::Toggle),
    security(("bearer" = [])),
)]
#[delete("/api/org/v1/orgs/{org_id}/sites/{site_id}")]
pub(crate) async fn remove(
    app: web::Data<App>,
    of: InOrg,
    origin: Origin,
    path: Path<(OrgId, SiteId)>,
    if_match: IfMatch,
) -> Result<Answer, Error> {
    let (_, site_id) = path.0;
    of.member.must_in_org(Permission::OrgWrite)?;
    let work = move |conn: &mut _, tenant: &_, act: &_, _: &_| {
        commands::remove(conn, tenant, act, site_id, if_match)?;
        Ok(Answer::no_content())
    };
    app.change(of, origin, None, work).await
}
