//! `/api/org/v1/orgs/{org_id}/delegations`

use crate::app::{App, InOrg, Origin};
use crate::delegations::domain::{Delegation, NewDelegation};
use crate::delegations::{commands, store};
use crate::error::Error;
use crate::responses;
use actix_web::{delete, get, post, web};
use rollcall_common::answer::Answer;
use rollcall_common::describe::PageParams;
use rollcall_common::extract::{IfMatch, Path, Query};
use rollcall_common::idempotency::Idempotent;
use rollcall_common::paging::{PageQuery, Paged};
use rollcall_ids::{DelegationId, OrgId};
use rollcall_org_api::rights::{self, Permission};

/// Let somebody decide in another's place
///
/// In their own whoever has `punches.create` on themselves, or `approvals.decide` or `employees.write` on anybody; in
/// another's, whoever may change them and holds all that they may do. At most 50 that are not over in place of one employee
/// (422 `too_many`), and no two of the same days for the same deputy: 409 `delegation_taken`.
#[utoipa::path(
    operation_id = "create_delegation",
    tag = "delegations",
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key again: the same answer"),
    ),
    request_body = NewDelegation,
    responses((status = 201, description = "Made", body = Delegation, headers(("ETag" = String, description = "Its version"), ("Location" = String, description = "Where it can be read"))), responses::Create),
    security(("bearer" = [])),
)]
#[post("/api/org/v1/orgs/{org_id}/delegations")]
pub(crate) async fn create(
    app: web::Data<App>,
    of: InOrg,
    origin: Origin,
    request: Idempotent<NewDelegation>,
) -> Result<Answer, Error> {
    commands::must_delegate(&of.member)?;
    let wanted = request.body;
    let org_id = of.tenant.org_id();
    let work = move |conn: &mut _, tenant: &_, act: &_, member: &_| {
        let made = commands::create(conn, tenant, act, member, &wanted)?;
        let location = format!("/api/org/v1/orgs/{org_id}/delegations/{}", made.delegation_id);
        Ok(Answer::created(location, &made)?.version(made.version))
    };
    app.change(of, origin, Some(request.guard), work).await
}

/// All delegations, newest first
///
/// Those that concern the caller; all for whoever sees everybody.
#[utoipa::path(
    operation_id = "list_delegations",
    tag = "delegations",
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        PageParams,
    ),
    responses((status = 200, description = "A page", body = Paged<Delegation>), responses::List),
    security(("bearer" = [])),
)]
#[get("/api/org/v1/orgs/{org_id}/delegations")]
pub(crate) async fn list(app: web::Data<App>, of: InOrg, Query(query): Query<PageQuery>) -> Result<Answer, Error> {
    let page = query.page()?;
    app.read(of, move |conn, tenant, member| {
        let everybody = rights::may_in_org(&member.grants, Permission::EmployeesRead);
        let concerned = Some(member.employee_id()).filter(|_| !everybody);
        let rows = store::list(conn, tenant, concerned, &page)?;
        Ok(Answer::ok(&Paged::new(rows, &page, |delegation| delegation.delegation_id)?)?)
    })
    .await
}

/// One delegation
#[utoipa::path(
    operation_id = "get_delegation",
    tag = "delegations",
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("delegation_id" = DelegationId, Path, description = "The delegation"),
    ),
    responses((status = 200, description = "It", body = Delegation, headers(("ETag" = String, description = "Its version"))), responses::Read),
    security(("bearer" = [])),
)]
#[get("/api/org/v1/orgs/{org_id}/delegations/{delegation_id}")]
pub(crate) async fn find(app: web::Data<App>, of: InOrg, path: Path<(OrgId, DelegationId)>) -> Result<Answer, Error> {
    let (_, id) = path.0;
    app.read(of, move |conn, tenant, member| {
        let found = commands::seen(conn, tenant, member, id)?;
        Ok(Answer::ok(&found)?.version(found.version))
    })
    .await
}

/// Take a delegation back
///
/// Takes what making it takes.
#[utoipa::path(
    operation_id = "delete_delegation",
    tag = "delegations",
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("delegation_id" = DelegationId, Path, description = "The delegation"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that the change is based on"),
    ),
    responses((status = 204, description = "Taken back"), responses::Toggle),
    security(("bearer" = [])),
)]
#[delete("/api/org/v1/orgs/{org_id}/delegations/{delegation_id}")]
pub(crate) async fn remove(
    app: web::Data<App>,
    of: InOrg,
    origin: Origin,
    path: Path<(OrgId, DelegationId)>,
    if_match: IfMatch,
) -> Result<Answer, Error> {
    let (_, id) = path.0;
    commands::must_delegate(&of.member)?;
    let work = move |conn: &mut _, tenant: &_, act: &_, member: &_| {
        commands::remove(conn, tenant, act, member, id, if_match)?;
        Ok(Answer::no_content())
    };
    app.change(of, origin, None, work).await
}
