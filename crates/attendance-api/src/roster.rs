//! `/roster`: who is planned for which shift on which date.

use crate::wall_time::WallTime;
use jiff::{Timestamp, civil::Date};
use rollcall_ids::{EmployeeId, RosterEntryId, ShiftId, SiteId, UnitId};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// Body of `PUT /roster`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RosterBody {
    /// 1 to 500 plans; a later one beats an earlier one of the same kind.
    pub entries: Vec<NewRosterEntry>,
}

/// A plan for a person, for a unit with all below it, or for a site: exactly one of the three.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRosterEntry {
    /// The person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub employee_id: Option<EmployeeId>,
    /// The unit; holds for all below it too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_id: Option<UnitId>,
    /// The site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site_id: Option<SiteId>,
    /// First date.
    pub from: Date,
    /// Last date, included; at most 1,100 days after `from`.
    pub to: Date,
    /// The shift; `null` is a day off and must be said.
    #[serde(deserialize_with = "said")]
    #[schema(required = true)]
    pub shift_id: Option<ShiftId>,
}

/// An option whose absence is an error: `null` means something.
fn said<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(deserializer)
}

/// A plan as it was stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RosterEntry {
    /// Its id.
    pub roster_entry_id: RosterEntryId,
    /// The plan.
    #[serde(flatten)]
    pub plan: NewRosterEntry,
    /// When it was planned.
    pub created_at: Timestamp,
}

/// Answer to `PUT /roster`: what was stored, in the order it was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RosterStored {
    /// The plans.
    pub entries: Vec<RosterEntry>,
}

/// Which kind of plan decided a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlannedBy {
    /// A plan for the person.
    Employee,
    /// A plan for a unit.
    Unit,
    /// A plan for a site.
    Site,
}

/// What is planned for one person on one date.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlannedDay {
    /// The date.
    pub date: Date,
    /// The shift; none: a day off, or nothing was planned (then `planned_by` is none too).
    pub shift_id: Option<ShiftId>,
    /// Its code.
    pub shift_code: Option<String>,
    /// Planned start.
    pub start: Option<WallTime>,
    /// Planned end; not after `start`: on the next day.
    pub end: Option<WallTime>,
    /// IANA zone in which the times are meant.
    pub time_zone: String,
    /// Which kind of plan decided.
    pub planned_by: Option<PlannedBy>,
    /// The plan that decided.
    pub roster_entry_id: Option<RosterEntryId>,
}

/// Answer to `GET /roster`: every date of the range.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlannedDays {
    /// Whose.
    pub employee_id: EmployeeId,
    /// Day by day.
    pub items: Vec<PlannedDay>,
}
