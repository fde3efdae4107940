//! `/settings`.

use super::{domain, store};
use crate::app::App;
use crate::audit::store as audit;
use crate::error::Error;
use crate::facts::{InOrg, Then};
use crate::openapi::{BadBody, NotAllowed, Refused};
use actix_web::{get, put, web};
use rollcall_attendance_api::settings::OrgSettings;
use rollcall_common::answer::Answer;
use rollcall_common::extract::{IfMatch, Json};
use rollcall_common::fault::Fault;
use rollcall_common::problem::Problem;
use rollcall_ids::OrgId;
use rollcall_org_api::rights::Permission;

/// Read the settings
///
/// For every member. Version 0 is that of the defaults.
#[utoipa::path(
    operation_id = "read_settings",
    tag = "settings",
    security(("bearer" = [])),
    params(("org_id" = OrgId, Path, description = "The organisation")),
    responses(
        (status = 200, description = "The settings", body = OrgSettings, headers(("ETag" = String, description = "Their version"))),
        Refused, NotAllowed,
    ),
)]
#[get("/api/attendance/v1/orgs/{org_id}/settings")]
pub(crate) async fn read(app: web::Data<App>, at: InOrg) -> Result<Answer, Error> {
    let tenant = at.tenant;
    let load = move |conn: &mut diesel::PgConnection| store::read(conn, &tenant);
    let (settings, version) = app.core.db.transaction(&tenant, load).await?;
    Ok(Answer::ok(&settings)?.version(version))
}

/// Replace the settings
///
/// The body is all of them; what is left out has its default. Requests that wait keep the levels they were made with.
/// Needs `org.write` on the organisation and `If-Match`.
#[utoipa::path(
    operation_id = "replace_settings",
    tag = "settings",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("If-Match" = String, Header, description = "The `ETag` that the change is made against", example = "\"0\""),
    ),
    request_body(content = OrgSettings, example = json!({
        "approvals": {"correction": 1, "overtime": 2}, "periods": {"warn_days": 5},
        "export_profiles": [{"name": "Payroll", "date_format": "%d.%m.%Y", "columns": [
            {"field": "number", "header": "Personalnummer"}, {"field": "work_date"}, {"field": "paid_minutes"}
        ]}]
    })),
    responses(
        (status = 200, description = "The settings", body = OrgSettings, headers(("ETag" = String, description = "Their version"))),
        (status = 412, description = "Changed since they were read", body = Problem, content_type = "application/problem+json"),
        (status = 428, description = "`If-Match` is missing", body = Problem, content_type = "application/problem+json"),
        Refused, NotAllowed, BadBody,
    ),
)]
#[put("/api/attendance/v1/orgs/{org_id}/settings")]
pub(crate) async fn replace(
    app: web::Data<App>,
    at: InOrg,
    if_match: Then<IfMatch>,
    body: Then<Json<OrgSettings>>,
) -> Result<Answer, Error> {
    if !at.member.may_in_org(Permission::OrgWrite) {
        return Err(Fault::Forbidden.into());
    }
    let expected = if_match?.required()?;
    let settings = domain::checked(body?.0)?;
    let (tenant, now, by) = (at.tenant, app.core.clock.now(), at.member.employee.employee_id);
    let work = move |conn: &mut diesel::PgConnection| {
        let (before, version) = store::read(conn, &tenant)?;
        if version != expected || !store::replace(conn, &tenant, &settings, version)? {
            return Err(Fault::PreconditionFailed);
        }
        let entry = audit::Entry {
            actor_id: Some(by),
            action: "settings.changed",
            subject_id: tenant.org_id().0,
            reason: None,
            before: Some(&before),
            after: Some(&settings),
        };
        audit::record(conn, &tenant, &entry, now)?;
        Ok((settings, version + 1))
    };
    let (settings, version) = app.core.db.transaction(&tenant, work).await?;
    Ok(Answer::ok(&settings)?.version(version))
}
