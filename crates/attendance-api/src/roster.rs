//! `/roster`: who is planned for which shift on which date.

use crate::wall_time::WallTime;
use jiff::{Timestamp, civil::Date};
use rollcall_ids::{EmployeeId, RosterEntryId, RotationId, ShiftId, SiteId, UnitId};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// Body of `PUT /roster`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RosterBody {
    /// 1 to 500 plans; a later one beats an earlier one of the same kind.
    pub entries: Vec<NewRosterEntry>,
}

/// A plan for a person, for a unit with all below it, or for a site: exactly one of the three. What is planned is a
/// shift, a day off, or a rotation: exactly one of `shift_id` (which may be `null`) and `rotation_id` is said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "Written")]
pub struct NewRosterEntry {
    /// The person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub employee_id: Option<EmployeeId>,
    /// The unit; holds for all below it too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit_id: Option<UnitId>,
    /// The site.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site_id: Option<SiteId>,
    /// First date.
    pub from: Date,
    /// Last date, included; at most 1,100 days after `from`.
    pub to: Date,
    /// The shift; `null` is a day off and must be said.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<ShiftId>)]
    pub shift_id: Option<Option<ShiftId>>,
    /// The rotation, instead of a shift.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotation_id: Option<RotationId>,
}

/// An entry as it comes: what is said, what is `null` and what is left out are three things.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    employee_id: Option<EmployeeId>,
    #[serde(default)]
    unit_id: Option<UnitId>,
    #[serde(default)]
    site_id: Option<SiteId>,
    from: Date,
    to: Date,
    #[serde(default, deserialize_with = "said")]
    #[expect(clippy::option_option, reason = "left out, `null` and an id are three things")]
    shift_id: Option<Option<ShiftId>>,
    #[serde(default)]
    rotation_id: Option<RotationId>,
}

impl TryFrom<Written> for NewRosterEntry {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let Written { employee_id, unit_id, site_id, from, to, shift_id, rotation_id } = written;
        match (shift_id, rotation_id) {
            (Some(_), None) | (None, Some(_)) => {
                Ok(Self { employee_id, unit_id, site_id, from, to, shift_id, rotation_id })
            }
            (None, None) => Err("missing field `shift_id`: a shift, `null` for a day off, or else a `rotation_id`"),
            (Some(_), Some(_)) => Err("`shift_id` and `rotation_id` do not come together"),
        }
    }
}

/// Something that was said, be it `null`.
#[expect(clippy::option_option, reason = "left out, `null` and an id are three things")]
fn said<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
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
    /// The rotation that gives the shift or the day off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotation_id: Option<RotationId>,
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
