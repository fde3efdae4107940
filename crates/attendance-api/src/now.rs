//! `/now`: who is in right now.

use jiff::Timestamp;
use rollcall_ids::{EmployeeId, PunchId, SiteId, UnitId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Somebody who has come and not gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Present {
    /// Who.
    pub employee_id: EmployeeId,
    /// Their name.
    pub name: String,
    /// Their number.
    pub number: String,
    /// Since when.
    pub since: Timestamp,
    /// The punch with which they came.
    pub punch_id: PunchId,
    /// Where they came in, at a device the site where it hangs; else where they work today.
    pub site_id: Option<SiteId>,
    /// In which unit they work today.
    pub unit_id: Option<UnitId>,
}

/// How many are in at a site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SiteCount {
    /// The site.
    pub site_id: SiteId,
    /// Its name.
    pub name: String,
    /// How many.
    pub present: u32,
}

/// How many are in of a unit, those of units below it not counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UnitCount {
    /// The unit.
    pub unit_id: UnitId,
    /// Its name.
    pub name: String,
    /// How many.
    pub present: u32,
}

/// Answer to `GET /now`: of those whom the caller may see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Now {
    /// When this was so.
    pub at: Timestamp,
    /// Per site, by name; sites where nobody is in are left out.
    pub sites: Vec<SiteCount>,
    /// Per unit, by name; units of which nobody is in are left out.
    pub units: Vec<UnitCount>,
    /// Who, by number.
    pub people: Vec<Present>,
}
