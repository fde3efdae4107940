//! Events of attendance.

use crate::corrections::CorrectionStatus;
use jiff::{Timestamp, civil::Date};
use rollcall_ids::{CorrectionId, EmployeeId, PunchId, SiteId};
use serde::{Deserialize, Serialize};

/// A punch came from outside the geofence of its site; `data`: [`PunchOutsideGeofence`].
pub const PUNCH_OUTSIDE_GEOFENCE: &str = "attendance.punch.outside_geofence.v1";

/// Whose punch was how far outside, for whoever is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// Somebody asks for a correction, which waits for a decision; `data`: [`CorrectionRequested`].
pub const CORRECTION_REQUESTED: &str = "attendance.correction.requested.v1";
/// A correction was approved or rejected; `data`: [`CorrectionDecided`].
pub const CORRECTION_DECIDED: &str = "attendance.correction.decided.v1";

/// What waits for whose decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorrectionRequested {
    /// The correction.
    pub correction_id: CorrectionId,
    /// Whose day.
    pub employee_id: EmployeeId,
    /// Their name.
    pub employee_name: String,
    /// The day.
    pub work_date: Date,
    /// Why.
    pub reason: String,
    /// Who asked.
    pub requested_by: EmployeeId,
    /// Who is told: the direct manager on the day of the request. None: whoever may decide looks by themselves.
    pub approver_id: Option<EmployeeId>,
}

/// How it was decided, for whoever asked and whoever it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorrectionDecided {
    /// The correction.
    pub correction_id: CorrectionId,
    /// Whose day.
    pub employee_id: EmployeeId,
    /// Their name.
    pub employee_name: String,
    /// The day.
    pub work_date: Date,
    /// Who asked, who is told.
    pub requested_by: EmployeeId,
    /// Approved or rejected.
    pub status: CorrectionStatus,
    /// Who decided.
    pub decided_by: EmployeeId,
    /// Their name.
    pub decided_by_name: String,
    /// What they said to it.
    pub note: Option<String>,
}
