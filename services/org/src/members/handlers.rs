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
#[schema(example = json!({
    "org": {
    "org_id": "01890a5d-ac96-774b-bcce-b302099a8050", "name": "Acme GmbH", "time_zone": "Europe/Berlin", "locale": "en", "country": "DE",
    "week_start": "monday", "version": 1,
},
    "employee": {
    "employee_id": "01890a5d-ac96-774b-bcce-b302099a8053", "number": "1001", "name": "Ada Lovelace", "email": "ada@example.org",
    "user_id": "01890a5d-ac96-774b-bcce-b302099a8054", "status": "active", "hired_on": "2026-01-05", "left_on": null,
    "roles": ["employee", "manager"],
    "assignments": [{
        "assignment_id": "01890a5d-ac96-774b-bcce-b302099a8055", "unit_id": "01890a5d-ac96-774b-bcce-b302099a8051", "site_id": "01890a5d-ac96-774b-bcce-b302099a8052", "manager_id": null,
        "position": "Picker", "employment_type": "full_time", "valid_from": "2026-01-05", "valid_to": null,
    }],
    "version": 1,
},
    "grants": [{"role": "employee", "permissions": ["punches.create"], "scope": {"kind": "self"}}],
    "unit": {
    "unit_id": "01890a5d-ac96-774b-bcce-b302099a8051", "name": "Warehouse", "code": "WH", "parent_id": "01890a5d-ac96-774b-bcce-b302099a8057",
    "head_employee_id": null, "version": 1,
},
    "site": {
    "site_id": "01890a5d-ac96-774b-bcce-b302099a8052", "name": "Berlin", "time_zone": "Europe/Berlin",
    "earlier_time_zones": [], "geofence": {"latitude": 52.52, "longitude": 13.405, "radius_m": 150},
    "allowed_networks": ["203.0.113.0/24"], "holiday_calendar_id": null, "version": 1,
},
    "time_zone": "Europe/Berlin",
}))]
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
