//! `/shifts`: planned times and the policy of a workday.

use crate::policy::{AutoBreak, OvertimePolicy, Pairing, Policy, Rounding};
use crate::wall_time::WallTime;
use jiff::{Timestamp, civil::Date};
use rollcall_ids::ShiftId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A break inside a shift. `end` ≤ `start` means it ends on the next day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBreak {
    /// When it starts, `HH:MM`.
    #[schema(example = "12:00")]
    pub start: String,
    /// When it ends, `HH:MM`.
    #[schema(example = "13:00")]
    pub end: String,
    /// Whether it is worked time.
    #[serde(default)]
    pub paid: bool,
}

/// Body of `POST /shifts`, and of `PUT /shifts/{shift_id}` which makes a new version. What is left out has its
/// default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShiftBody {
    /// Short name, unique in the organisation, 1 to 20 characters; never changes.
    #[schema(example = "DAY")]
    pub code: String,
    /// Name, 1 to 100 characters.
    #[schema(example = "Day shift")]
    pub name: String,
    /// Planned start, `HH:MM`.
    #[schema(example = "09:00")]
    pub start: String,
    /// Planned end, `HH:MM`; not after `start`: on the next day.
    #[schema(example = "18:00")]
    pub end: String,
    /// Breaks within it, none overlapping another; at most 10.
    #[serde(default)]
    pub breaks: Vec<NewBreak>,
    /// First date this version holds; a first version holds from ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<Date>,
    /// See [`Policy::opens_before`]; at most 720.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opens_before: Option<u32>,
    /// See [`Policy::closes_after`]; at most 720.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closes_after: Option<u32>,
    /// See [`Policy::grace_in`]; at most 240.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_in: Option<u32>,
    /// See [`Policy::grace_out`]; at most 240.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_out: Option<u32>,
    /// See [`Policy::debounce_seconds`]; at most 3,600.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub debounce_seconds: Option<u32>,
    /// See [`Policy::pairing`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pairing: Option<Pairing>,
    /// See [`Policy::absent_below`]; at most 1,440.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absent_below: Option<u32>,
    /// See [`Policy::half_day_below`]; at most 1,440.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub half_day_below: Option<u32>,
    /// See [`Policy::rounding`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rounding: Option<Rounding>,
    /// See [`Policy::auto_break`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_break: Option<AutoBreak>,
    /// See [`Policy::overtime`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overtime: Option<OvertimePolicy>,
    /// See [`Policy::split_at_midnight`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split_at_midnight: Option<bool>,
}

/// A break of a shift.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Break {
    /// When it starts.
    pub start: WallTime,
    /// When it ends; not after `start`: on the next day.
    pub end: WallTime,
    /// Whether it is worked time.
    pub paid: bool,
}

/// One version of a shift.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Shift {
    /// Its id, the same for every version.
    pub shift_id: ShiftId,
    /// Short name.
    pub code: String,
    /// Name.
    pub name: String,
    /// Planned start.
    pub start: WallTime,
    /// Planned end; not after `start`: on the next day.
    pub end: WallTime,
    /// Breaks within it.
    pub breaks: Vec<Break>,
    /// First date this version holds; none: from ever.
    pub valid_from: Option<Date>,
    /// The rules.
    #[serde(flatten)]
    pub policy: Policy,
    /// Number of this version, ascending from 1; sent as `ETag`.
    pub version: i64,
    /// When this version was made.
    pub created_at: Timestamp,
}
