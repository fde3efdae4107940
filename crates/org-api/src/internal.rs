//! What services may ask org directly, with a service token. Never proxied by nginx.

use crate::facts::{DelegationFact, EmployeeFact, HolidayCalendarFact, OrgFact, SiteFact, UnitFact};
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

/// Path of a page of everything org publishes about `org_id`, for a consumer that starts empty: 200 with
/// [`Snapshot`], 404 when there is no such organisation. `cursor` is the `next_cursor` of the page before.
pub fn snapshot_path(org_id: OrgId, cursor: Option<&str>) -> String {
    match cursor {
        None => format!("/internal/v1/orgs/{org_id}/snapshot?limit=200"),
        // A cursor is base64url: it needs no escaping.
        Some(cursor) => format!("/internal/v1/orgs/{org_id}/snapshot?limit=200&cursor={cursor}"),
    }
}

/// Path of a page of all organisations, ordered by id: 200 with [`Orgs`]. What a consumer that starts empty walks
/// first; each organisation's [`snapshot_path`] is next.
pub fn orgs_path(cursor: Option<&str>) -> String {
    match cursor {
        None => "/internal/v1/orgs?limit=200".to_owned(),
        Some(cursor) => format!("/internal/v1/orgs?limit=200&cursor={cursor}"),
    }
}

/// A page of all organisations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Orgs {
    /// Organisations of this page.
    pub items: Vec<OrgFact>,
    /// Where the next page starts; none: this was the last.
    pub next_cursor: Option<String>,
}

/// Path of all holiday calendars of an organisation: 200 with [`HolidayCalendars`], 404 when there is no such
/// organisation. A [`Member`] does not carry them: who misses the calendar of a site asks once for all.
pub fn holiday_calendars_path(org_id: OrgId) -> String {
    format!("/internal/v1/orgs/{org_id}/holiday-calendars")
}

/// All holiday calendars of an organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HolidayCalendars {
    /// They, each with all its holidays.
    pub items: Vec<HolidayCalendarFact>,
}

/// A page of an organisation's facts. Each page is consistent in itself; between two pages an employee may
/// change, and the event of that change carries a higher version than the page did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Snapshot {
    /// The organisation.
    pub org: OrgFact,
    /// All units on the first page, none on later ones.
    pub units: Vec<UnitFact>,
    /// All sites on the first page, none on later ones.
    pub sites: Vec<SiteFact>,
    /// All holiday calendars on the first page, none on later ones.
    #[serde(default)]
    pub holiday_calendars: Vec<HolidayCalendarFact>,
    /// All delegations that hold today or later on the first page, none on later ones.
    #[serde(default)]
    pub delegations: Vec<DelegationFact>,
    /// Employees of this page, also those who have left.
    pub employees: Vec<EmployeeFact>,
    /// Where the next page starts; none: this was the last.
    pub next_cursor: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_is_under_internal_which_no_proxy_serves() {
        let (org, employee, user) = (OrgId::generate(), EmployeeId::generate(), UserId::generate());
        for path in [
            member_by_user_path(org, user),
            member_path(org, employee),
            snapshot_path(org, None),
            snapshot_path(org, Some("eyJ4IjoxfQ")),
            orgs_path(None),
            orgs_path(Some("eyJ4IjoxfQ")),
            holiday_calendars_path(org),
        ] {
            assert!(path.starts_with("/internal/v1/"), "{path}");
        }
    }
}
