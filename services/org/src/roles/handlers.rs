//! `/api/org/v1/orgs/{org_id}/employees/{employee_id}/roles`: who holds which role.

use crate::app::{App, InOrg, Origin};
use crate::employees::domain::EmployeeView;
use crate::error::Error;
use crate::responses;
use crate::roles::commands::{self, Step};
use actix_web::{delete, put, web};
use rollcall_common::answer::Answer;
use rollcall_common::extract::{IfMatch, Path};
use rollcall_ids::{EmployeeId, OrgId};

/// Give a role
///
/// To have it already is fine. One gives only what one holds for the whole organisation oneself.
#[utoipa::path(
    operation_id = "give_role",
    tag = "employees",
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("employee_id" = EmployeeId, Path, description = "The employee"),
        ("role" = String, Path, description = "`owner`, `hr_admin`, `manager`, `employee`, `auditor` or one of the organisation's own"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the employee that the change is based on"),
    ),
    responses((status = 200, description = "The employee, as they are now", body = EmployeeView, headers(("ETag" = String, description = "Its version"))), responses::Toggle),
    security(("bearer" = [])),
)]
#[put("/api/org/v1/orgs/{org_id}/employees/{employee_id}/roles/{role}")]
pub(crate) async fn give(
    app: web::Data<App>,
    of: InOrg,
    origin: Origin,
    path: Path<(OrgId, EmployeeId, String)>,
    if_match: IfMatch,
) -> Result<Answer, Error> {
    change(&app, of, origin, path, if_match, Step::Give).await
}

/// Take a role
///
/// Not to have it is fine. 409 `last_owner` when nobody who can sign in would own the organisation.
#[utoipa::path(
    operation_id = "take_role",
    tag = "employees",
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("employee_id" = EmployeeId, Path, description = "The employee"),
        ("role" = String, Path, description = "`owner`, `hr_admin`, `manager`, `employee`, `auditor` or one of the organisation's own"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the employee that the change is based on"),
    ),
    responses((status = 200, description = "The employee, as they are now", body = EmployeeView, headers(("ETag" = String, description = "Its version"))), responses::Toggle),
    security(("bearer" = [])),
)]
#[delete("/api/org/v1/orgs/{org_id}/employees/{employee_id}/roles/{role}")]
pub(crate) async fn take(
    app: web::Data<App>,
    of: InOrg,
    origin: Origin,
    path: Path<(OrgId, EmployeeId, String)>,
    if_match: IfMatch,
) -> Result<Answer, Error> {
    change(&app, of, origin, path, if_match, Step::Take).await
}

async fn change(
    app: &App,
    of: InOrg,
    origin: Origin,
    Path((_, employee_id, role)): Path<(OrgId, EmployeeId, String)>,
    if_match: IfMatch,
    step: Step,
) -> Result<Answer, Error> {
    app.change(of, origin, None, move |conn, tenant, act, member| {
        let dossier = commands::change(conn, tenant, act, member, employee_id, (step, &role), if_match)?;
        let view = dossier.view(act.today);
        Ok(Answer::ok(&view)?.version(view.version))
    })
    .await
}
