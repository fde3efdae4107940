//! `/sites/{site_id}/punch-rules`.

use crate::app::App;
use crate::error::Error;
use crate::facts::{InOrg, Then, keep};
use crate::openapi::{BadBody, NotAllowed, Refused};
use crate::punch_rules::store;
use actix_web::{get, put, web};
use rollcall_attendance_api::punch_rules::{PunchRules, PunchRulesBody};
use rollcall_common::answer::Answer;
use rollcall_common::extract::{IfMatch, Json, Path};
use rollcall_common::fault::Fault;
use rollcall_common::problem::Problem;
use rollcall_ids::{OrgId, SiteId};
use rollcall_org_api::rights::Permission;

/// Minutes after the planned start at most.
const REMIND: u32 = 240;

/// Read what a site does with punches from elsewhere
///
/// A site that was told nothing keeps them with an exception, and reminds nobody. Needs `devices.read`.
#[utoipa::path(
    operation_id = "read_punch_rules",
    tag = "punch rules",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("site_id" = SiteId, Path, description = "The site"),
    ),
    responses(
        (status = 200, description = "The rules", body = PunchRules, headers(("ETag" = String, description = "Their version"))),
        Refused, NotAllowed,
    ),
)]
#[get("/api/attendance/v1/orgs/{org_id}/sites/{site_id}/punch-rules")]
pub(crate) async fn read(app: web::Data<App>, at: InOrg, path: Path<(OrgId, SiteId)>) -> Result<Answer, Error> {
    let site_id = site(&at, path.0.1, Permission::DevicesRead)?;
    let tenant = at.tenant;
    let load = move |conn: &mut diesel::PgConnection| store::of_site(conn, &tenant, site_id);
    let rules = app.core.db.transaction(&tenant, load).await?;
    Ok(Answer::ok(&rules)?.version(rules.version))
}

/// Say what a site does with punches from elsewhere
///
/// Replaces all of it; what is left out has its default. `If-Match` names the version that was read, `"0"` the first
/// time. It holds for punches from now on. Needs `devices.write`.
#[utoipa::path(
    operation_id = "replace_punch_rules",
    tag = "punch rules",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("site_id" = SiteId, Path, description = "The site"),
        ("If-Match" = String, Header, description = "The `ETag` that the change is made against", example = "\"0\""),
    ),
    request_body(content = PunchRulesBody, example = json!({
        "geofence": "refuse", "networks": "exception", "remind_after_minutes": 10
    })),
    responses(
        (status = 200, description = "The rules", body = PunchRules, headers(("ETag" = String, description = "Their version"))),
        (status = 412, description = "Changed since they were read", body = Problem, content_type = "application/problem+json"),
        (status = 428, description = "`If-Match` is missing", body = Problem, content_type = "application/problem+json"),
        Refused, NotAllowed, BadBody,
    ),
)]
#[put("/api/attendance/v1/orgs/{org_id}/sites/{site_id}/punch-rules")]
pub(crate) async fn replace(
    app: web::Data<App>,
    at: InOrg,
    path: Path<(OrgId, SiteId)>,
    if_match: Then<IfMatch>,
    body: Then<Json<PunchRulesBody>>,
) -> Result<Answer, Error> {
    let site_id = site(&at, path.0.1, Permission::DevicesWrite)?;
    let expected = if_match?.required()?;
    let rules = body?.0;
    if rules.remind_after_minutes.is_some_and(|minutes| !(1..=REMIND).contains(&minutes)) {
        return Err(Fault::invalid("/remind_after_minutes", "out_of_range", format!("must be 1 to {REMIND}")).into());
    }
    let (tenant, by, now) = (at.tenant, at.member.employee.employee_id, app.core.clock.now());
    let work = move |conn: &mut diesel::PgConnection| {
        let rules = store::replace(conn, &tenant, (site_id, expected), rules, by, now)?;
        keep::changed(conn, &tenant, tenant.org_id().0)?;
        Ok::<_, Fault>(rules)
    };
    let rules = app.core.db.transaction(&tenant, work).await?;
    app.facts.org_changed(tenant.org_id());
    Ok(Answer::ok(&rules)?.version(rules.version))
}

/// The site, if it is one and the caller may.
fn site(at: &InOrg, site_id: SiteId, permission: Permission) -> Result<SiteId, Fault> {
    if !at.member.may_in_org(permission) {
        return Err(Fault::Forbidden);
    }
    at.member.org.site(site_id).map(|site| site.site_id).ok_or(Fault::NotFound)
}
