//! Events of attendance.

mod days;
mod devices;
mod leave;
mod periods;
mod requests;

pub use days::*;
pub use devices::*;
pub use leave::*;
pub use periods::*;
pub use requests::*;

use jiff::Timestamp;
use rollcall_ids::{EmployeeId, PunchId, SiteId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A punch came from outside the geofence of its site; `data`: [`PunchOutsideGeofence`].
pub const PUNCH_OUTSIDE_GEOFENCE: &str = "attendance.punch.outside_geofence.v1";

/// Whose punch was how far outside, for whoever is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PunchOutsideGeofence {
    /// The punch.
    pub punch_id: PunchId,
    /// Whose.
    pub employee_id: EmployeeId,
    /// Their name.
    pub employee_name: String,
    /// Their direct manager on that day, who is told.
    pub manager_id: Option<EmployeeId>,
    /// The site it should have come from.
    pub site_id: SiteId,
    /// Name of the site.
    pub site_name: String,
    /// When.
    pub at: Timestamp,
    /// IANA zone to show `at` in.
    pub time_zone: String,
    /// Distance from the centre of the geofence, in metres.
    pub distance_m: u32,
}
