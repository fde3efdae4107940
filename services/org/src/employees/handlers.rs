//! `/api/org/v1/orgs/{org_id}/employees`

use crate::app::{App, InOrg, Origin};
use crate::employees::domain::{Dossier, EmployeeView};
use crate::employees::input::{EmployeePatch, NewEmployee};
use crate::employees::list::{EmployeeQuery, page as page_of};
use crate::employees::{commands, store};
use crate::error::Error;
use crate::responses;
use crate::units::store as units;
use crate::units::tree::Tree;
use actix_web::{get, patch, post, web};
use rollcall_common::answer::Answer;
use rollcall_common::extract::{IfMatch, Json, Path, Query};
use rollcall_common::fault::Fault;
use rollcall_common::idempotency::Idempotent;
use rollcall_common::paging::Paged;
use rollcall_ids::{EmployeeId, OrgId};
use rollcall_org_api::rights::Permission;

/// Add an employee
///
/// They get the role `employee` and an assignment from `hired_on`. With `invite` an invitation goes to their address.
#[utoipa::path(
    operation_id = "create_employee",
    tag = "employees",
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key again: the same answer"),
    ),
    request_body = NewEmployee,
    responses((status = 201, description = "Added", body = EmployeeView, headers(("ETag" = String, description = "Its version"), ("Location" = String, description = "Where it can be read"))), responses::Invite),
    security(("bearer" = [])),
)]
#[post("/api/org/v1/orgs/{org_id}/employees")]
pub(crate) async fn hire(
    app: web::Data<App>,
    of: InOrg,
    origin: Origin,
    request: Idempotent<NewEmployee>,
) -> Result<Answer, Error> {
    of.member.must_somewhere(Permission::EmployeesWrite)?;
    let Idempotent { body, guard } = request;
    let org_id = of.tenant.org_id();
    app.change(of, origin, Some(guard), move |conn, tenant, act, member| {
        let view = commands::hire(conn, tenant, act, member, &body)?.view(act.today);
        let location = format!("/api/org/v1/orgs/{org_id}/employees/{}", view.employee_id);
        Ok(Answer::created(location, &view)?.version(view.version))
    })
    .await
}

/// All employees in the caller's sight
///
/// Ordered by number, code point by code point. Whoever may see nobody else sees themselves.
#[utoipa::path(
    operation_id = "list_employees",
    tag = "employees",
    params(("org_id" = OrgId, Path, description = "The organisation"), EmployeeQuery),
    responses((status = 200, description = "A page", body = Paged<EmployeeView>), responses::List),
    security(("bearer" = [])),
)]
#[get("/api/org/v1/orgs/{org_id}/employees")]
pub(crate) async fn list(app: web::Data<App>, of: InOrg, Query(query): Query<EmployeeQuery>) -> Result<Answer, Error> {
    of.member.must_somewhere(Permission::EmployeesRead)?;
    let filter = query.parse()?;
    app.read(of, move |conn, tenant, member| {
        let reach = member.reach(Permission::EmployeesRead);
        // The tree matters to those whose scope or question is made of units.
        let needed = filter.names_unit() || !reach.tops.is_empty();
        let tree = if needed { units::tree(conn, tenant)? } else { Tree::default() };
        let rows = page_of(conn, tenant, member.employee_id(), &reach, &tree, &filter, member.today)?;
        let page = Paged::new(rows, &filter.page, |dossier| dossier.employee.number.clone())?;
        let view = |dossier: Dossier| match filter.as_of {
            Some(day) => dossier.view_as_of(day),
            None => dossier.view(member.today),
        };
        Ok(Answer::ok(&page.map(view))?)
    })
    .await
}

/// One employee
#[utoipa::path(
    operation_id = "get_employee",
    tag = "employees",
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("employee_id" = EmployeeId, Path, description = "The employee"),
    ),
    responses((status = 200, description = "They", body = EmployeeView, headers(("ETag" = String, description = "Its version"))), responses::Read),
    security(("bearer" = [])),
)]
#[get("/api/org/v1/orgs/{org_id}/employees/{employee_id}")]
pub(crate) async fn find(app: web::Data<App>, of: InOrg, path: Path<(OrgId, EmployeeId)>) -> Result<Answer, Error> {
    let (_, employee_id) = path.0;
    app.read(of, move |conn, tenant, member| {
        let dossier = store::find(conn, tenant, employee_id)?.ok_or(Fault::NotFound)?;
        member.must_see(conn, tenant, &dossier)?;
        let view = dossier.view(member.today);
        Ok(Answer::ok(&view)?.version(view.version))
    })
    .await
}

/// Change an employee
///
/// 409 `last_owner` when nobody who can sign in would own the organisation. With another `hired_on` the assignment
/// that starts on that day moves along. With another `email`, or none, an invitation that is open is over: it went to the
/// address of before.
#[utoipa::path(
    operation_id = "patch_employee",
    tag = "employees",
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("employee_id" = EmployeeId, Path, description = "The employee"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that the change is based on"),
    ),
    request_body = EmployeePatch,
    responses((status = 200, description = "As they are now", body = EmployeeView, headers(("ETag" = String, description = "Its version"))), responses::Change),
    security(("bearer" = [])),
)]
#[patch("/api/org/v1/orgs/{org_id}/employees/{employee_id}")]
pub(crate) async fn patch(
    app: web::Data<App>,
    of: InOrg,
    origin: Origin,
    path: Path<(OrgId, EmployeeId)>,
    if_match: IfMatch,
    Json(body): Json<EmployeePatch>,
) -> Result<Answer, Error> {
    let (_, employee_id) = path.0;
    app.change(of, origin, None, move |conn, tenant, act, member| {
        let view = commands::patch(conn, tenant, act, member, employee_id, &body, if_match)?.view(act.today);
        Ok(Answer::ok(&view)?.version(view.version))
    })
    .await
}
