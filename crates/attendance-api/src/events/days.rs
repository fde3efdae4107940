//! What people are told of their days: a punch that is missing, a plan that is another one, a swap to answer.

use jiff::{Timestamp, civil::Date};
use rollcall_ids::EmployeeId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A punch is missing; `data`: [`PunchMissing`].
pub const PUNCH_MISSING: &str = "attendance.punch.missing.v1";
/// Somebody's plan was changed; `data`: [`RosterChanged`].
pub const ROSTER_CHANGED: &str = "attendance.roster.changed.v1";

/// What is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// The coming.
    In,
    /// The going.
    Out,
    /// Nobody came.
    Everything,
    /// Nobody has come yet, and it is past the planned start.
    NotCome,
}

/// What is missing of whose day, for them and their manager.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PunchMissing {
    /// Whose.
    pub employee_id: EmployeeId,
    /// Their name.
    pub employee_name: String,
    /// Their direct manager on that day.
    pub manager_id: Option<EmployeeId>,
    /// The work date.
    pub work_date: Date,
    /// What.
    pub missing: Missing,
    /// The punch whose other half is missing, or when work was to start.
    pub at: Option<Timestamp>,
    /// IANA zone to show `at` in.
    pub time_zone: String,
}

/// Whose plan is another one from when to when; once for each request that plans.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RosterChanged {
    /// Whose.
    pub employee_id: EmployeeId,
    /// Their name.
    pub employee_name: String,
    /// The first day that is planned otherwise, always one to come.
    pub from: Date,
    /// The last one, of the next two months.
    pub to: Date,
    /// How many are.
    pub days: u32,
    /// Who planned.
    pub changed_by: EmployeeId,
    /// Their name.
    pub changed_by_name: String,
}
