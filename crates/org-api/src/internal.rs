//! What services may ask org directly, with a service token. Never proxied by nginx.

use crate::facts::{EmployeeFact, OrgFact, SiteFact, UnitFact};
use rollcall_ids::{EmployeeId, OrgId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Path of the employee that `user_id` is in `org_id`: 200 with [`Member`], 404 when they are none.
pub fn member_by_user_path(org_id: OrgId, user_id: UserId) -> String {
    format!("/internal/v1/orgs/{org_id}/members/by-user/{user_id}")
}

/// Path of one employee: 200 with [`Member`], 404 when there is none.
pub fn member_path(org_id: OrgId, employee_id: EmployeeId) -> String {
    format!("/internal/v1/orgs/{org_id}/members/{employee_id}")
}

/// An employee together with the facts around them that a consumer without a copy needs to serve them: the
/// organisation, every unit (a tree is small, and scopes need all of it) and every site.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Member {
    /// The organisation.
    pub org: OrgFact,
    /// The employee.
    pub employee: EmployeeFact,
    /// All units of the organisation.
    pub units: Vec<UnitFact>,
    /// All sites of the organisation.
    pub sites: Vec<SiteFact>,
}
