//! `/api/org/v1/orgs/{org_id}/me`

use crate::app::{App, InOrg};
use crate::employees::domain::EmployeeView;
use crate::error::Error;
use crate::orgs::domain::Org;
use crate::responses;
use crate::sites::domain::Site;
use crate::sites::store as sites;
use crate::units::domain::Unit;
use crate::units::store as units;
use actix_web::{get, web};
use rollcall_common::answer::Answer;
use rollcall_ids::OrgId;
use rollcall_org_api::rights::Grant;
use serde::Serialize;
use utoipa::ToSchema;

/// Who the caller is in the organisation, today.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Me {
    /// The organisation.
    org: Org,
    /// The employee.
    employee: EmployeeView,
    /// What they may do, and to whom.
    grants: Vec<Grant>,
    /// Where they work today; none between two assignments.
    unit: Option<Unit>,
    /// At which site; none between two assignments.
    site: Option<Site>,
    /// IANA name of the zone of their site, or else of the organisation.
    #[schema(example = "Europe/Berlin")]
    time_zone: String,
}

/// Me in this organisation
#[utoipa::path(
    operation_id = "get_me",
    tag = "employees",
    params(("org_id" = OrgId, Path, description = "The organisation")),
    responses((status = 200, description = "Employee, rights, unit, site and zone", body = Me, headers(("ETag" = String, description = "Its version"))), responses::Read),
    security(("bearer" = [])),
)]
#[get("/api/org/v1/orgs/{org_id}/me")]
pub(crate) async fn me(app: web::Data<App>, of: InOrg) -> Result<Answer, Error> {
    app.read(of, move |conn, tenant, member| {
        let (unit, site) = match member.dossier.assignment_on(member.today) {
            None => (None, None),
            Some(held) => (units::find(conn, tenant, held.unit_id)?, sites::find(conn, tenant, held.site_id)?),
        };
        let me = Me {
            org: (*member.org).clone(),
            employee: member.dossier.view(member.today),
            grants: member.grants.to_vec(),
            unit,
            time_zone: site.as_ref().map_or(&member.org.time_zone, |site| &site.time_zone).clone(),
            site,
        };
        Ok(Answer::ok(&me)?.version(me.employee.version))
    })
    .await
}
