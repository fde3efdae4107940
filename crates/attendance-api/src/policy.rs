//! The rules that a shift carries: how punches around its plan become a workday.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Every rule with its default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Policy {
    /// Minutes before the planned start from which a punch belongs to the shift.
    pub opens_before: u32,
    /// Minutes after the planned end until which a punch belongs to the shift.
    pub closes_after: u32,
    /// Minutes late that are not counted.
    pub grace_in: u32,
    /// Minutes early that are not counted.
    pub grace_out: u32,
    /// Seconds in which a repeated punch is ignored.
    pub debounce_seconds: u32,
    /// How punches become intervals.
    pub pairing: Pairing,
    /// Below this many worked minutes the day is absent; 0: off. Said of a whole day: where half a holiday or leave shortens
    /// the plan, it is so much less.
    pub absent_below: u32,
    /// Below this many worked minutes the day is half a day, likewise; 0: off.
    pub half_day_below: u32,
    /// How the paid minutes of the day are rounded; none: not at all.
    pub rounding: Option<Rounding>,
    /// The break that is taken off when nobody took it; none: no such break.
    pub auto_break: Option<AutoBreak>,
    /// What counts as overtime.
    pub overtime: OvertimePolicy,
    /// Whether what is planned and worked after the midnight that follows the start belongs to the next date, where it
    /// is work on a holiday if that is one. Punches and the status of the day stay on the date the shift starts on.
    pub split_at_midnight: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            opens_before: 240,
            closes_after: 360,
            grace_in: 0,
            grace_out: 0,
            debounce_seconds: 60,
            pairing: Pairing::EveryPair,
            absent_below: 0,
            half_day_below: 0,
            rounding: None,
            auto_break: None,
            overtime: OvertimePolicy::default(),
            split_at_midnight: false,
        }
    }
}

/// How punches become intervals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pairing {
    /// Each in with the out that follows it.
    #[default]
    EveryPair,
    /// The first in with the last out; what lies between is passing a door.
    FirstLast,
}

/// Rounding of the paid minutes of a day: of a number of minutes, never of an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rounding {
    /// To multiples of this many minutes, 1 to 240.
    #[schema(minimum = 1, maximum = 240)]
    pub to: u32,
    /// Which way.
    pub mode: RoundingMode,
}

/// Which way to round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoundingMode {
    /// To the nearer multiple, halves up.
    Nearest,
    /// Up.
    Up,
    /// Down.
    Down,
}

/// A break that is taken off by itself when the day is long and nobody punched one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AutoBreak {
    /// Due when more than this many minutes were worked.
    pub after: u32,
    /// How long it is in minutes.
    pub minutes: u32,
}

/// What counts as overtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OvertimePolicy {
    /// Whether work before the planned start counts.
    pub counts_before: bool,
    /// Whether work after the planned end counts.
    pub counts_after: bool,
    /// Fewer minutes than this are none.
    pub minimum: u32,
    /// Whether only what was approved counts.
    pub requires_approval: bool,
}

impl Default for OvertimePolicy {
    fn default() -> Self {
        Self { counts_before: false, counts_after: true, minimum: 0, requires_approval: false }
    }
}

/// Which part of a day a holiday or a leave takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Portion {
    /// All of it.
    Full,
    /// The morning.
    Am,
    /// The afternoon.
    Pm,
}
