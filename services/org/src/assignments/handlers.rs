//! `/api/org/v1/orgs/{org_id}/employees/{employee_id}/assignments`

use crate::app::{App, InOrg, Origin};
use crate::assignments::commands;
use crate::assignments::input::{AssignmentAddition, AssignmentPatch};
use crate::employees::domain::Assignment;
use crate::employees::store as employees;
use crate::error::Error;
use crate::responses;
use actix_web::{delete, get, patch, post, web};
use rollcall_common::answer::Answer;
use rollcall_common::extract::{IfMatch, Json, Path};
use rollcall_common::fault::Fault;
use rollcall_common::idempotency::Idempotent;
use rollcall_common::paging::Paged;
use rollcall_ids::{AssignmentId, EmployeeId, OrgId};
use rollcall_org_api::rights::Permission;

/// Where an employee works and worked
///
/// All of it, ordered by `valid_from`; the `ETag` is that of the employee.
#[utoipa::path(
    operation_id = "list_assignments",
    tag = "employees",
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("employee_id" = EmployeeId, Path, description = "The employee"),
    ),
    responses((status = 200, description = "All of them", body = Paged<Assignment>, headers(("ETag" = String, description = "The employee's version"))), responses::Read),
    security(("bearer" = [])),
)]
#[get("/api/org/v1/orgs/{org_id}/employees/{employee_id}/assignments")]
pub(crate) async fn list(app: web::Data<App>, of: InOrg, path: Path<(OrgId, EmployeeId)>) -> Result<Answer, Error> {
    let (_, employee_id) = path.0;
    app.read(of, move |conn, tenant, member| {
        let dossier = employees::find(conn, tenant, employee_id)?.ok_or(Fault::NotFound)?;
        member.must_see(conn, tenant, &dossier)?;
        let version = dossier.employee.version;
        Ok(Answer::ok(&Paged { items: dossier.assignments, next_cursor: None })?.version(version))
    })
    .await
}

/// Add an assignment
///
/// 409 `assignment_overlap` when another holds on one of its days; with `end_previous` the one before it ends in time.
#[utoipa::path(
    operation_id = "create_assignment",
    tag = "employees",
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("employee_id" = EmployeeId, Path, description = "The employee"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key again: the same answer"),
    ),
    request_body = AssignmentAddition,
    responses((status = 201, description = "Added", body = Assignment, headers(("ETag" = String, description = "The employee's version"), ("Location" = String, description = "Where they can be read"))), responses::Create),
    security(("bearer" = [])),
)]
#[post("/api/org/v1/orgs/{org_id}/employees/{employee_id}/assignments")]
pub(crate) async fn create(
    app: web::Data<App>,
    of: InOrg,
    origin: Origin,
    path: Path<(OrgId, EmployeeId)>,
    request: Idempotent<AssignmentAddition>,
) -> Result<Answer, Error> {
    let (org_id, employee_id) = path.0;
    of.member.must_somewhere(Permission::EmployeesWrite)?;
    let Idempotent { body, guard } = request;
    let work = move |conn: &mut _, tenant: &_, act: &_, member: &_| {
        let (added, employee) = commands::create(conn, tenant, act, member, employee_id, &body)?;
        let location = format!("/api/org/v1/orgs/{org_id}/employees/{employee_id}/assignments");
        Ok(Answer::created(location, &added)?.version(employee.employee.version))
    };
    app.change(of, origin, Some(guard), work).await
}

/// Change an assignment
///
/// 409 `assignment_overlap` when another holds on one of its days.
#[utoipa::path(
    operation_id = "patch_assignment",
    tag = "employees",
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("employee_id" = EmployeeId, Path, description = "The employee"),
        ("assignment_id" = AssignmentId, Path, description = "The assignment"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the employee that the change is based on"),
    ),
    request_body = AssignmentPatch,
    responses((status = 200, description = "As it is now", body = Assignment, headers(("ETag" = String, description = "The employee's version"))), responses::Change),
    security(("bearer" = [])),
)]
#[patch("/api/org/v1/orgs/{org_id}/employees/{employee_id}/assignments/{assignment_id}")]
pub(crate) async fn patch(
    app: web::Data<App>,
    of: InOrg,
    origin: Origin,
    path: Path<(OrgId, EmployeeId, AssignmentId)>,
    if_match: IfMatch,
    Json(body): Json<AssignmentPatch>,
) -> Result<Answer, Error> {
    let (_, employee_id, assignment_id) = path.0;
    of.member.must_somewhere(Permission::EmployeesWrite)?;
    let work = move |conn: &mut _, tenant: &_, act: &_, member: &_| {
        let which = (employee_id, assignment_id);
        let (now, employee) = commands::patch(conn, tenant, act, member, which, &body, if_match)?;
        Ok(Answer::ok(&now)?.version(employee.employee.version))
    };
    app.change(of, origin, None, work).await
}

/// Delete an assignment
///
/// For one that was wrong from the start; one that is over gets a `valid_to`.
#[utoipa::path(
    operation_id = "delete_assignment",
    tag = "employees",
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("employee_id" = EmployeeId, Path, description = "The employee"),
        ("assignment_id" = AssignmentId, Path, description = "The assignment"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the employee that the change is based on"),
    ),
    responses((status = 204, description = "Deleted"), responses::Toggle),
    security(("bearer" = [])),
)]
#[delete("/api/org/v1/orgs/{org_id}/employees/{employee_id}/assignments/{assignment_id}")]
pub(crate) async fn remove(
    app: web::Data<App>,
    of: InOrg,
    origin: Origin,
    path: Path<(OrgId, EmployeeId, AssignmentId)>,
    if_match: IfMatch,
) -> Result<Answer, Error> {
    let (_, employee_id, assignment_id) = path.0;
    of.member.must_somewhere(Permission::EmployeesWrite)?;
    let work = move |conn: &mut _, tenant: &_, act: &_, member: &_| {
        commands::remove(conn, tenant, act, member, (employee_id, assignment_id), if_match)?;
        Ok(Answer::no_content())
    };
    app.change(of, origin, None, work).await
}
