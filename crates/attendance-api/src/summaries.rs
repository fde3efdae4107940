//! `/summaries`: the days of a period, added up.

use rollcall_ids::{EmployeeId, LeaveTypeId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The days of one person in a period, added up. Days are counted, durations are whole minutes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Totals {
    /// Days of employment, rest days among them.
    pub days: u32,
    /// Days on which something was to be worked.
    pub planned_days: u32,
    /// Days on which something was worked.
    pub worked_days: u32,
    /// Days on which somebody was absent.
    pub absent_days: u32,
    /// Days that lack a punch.
    pub incomplete_days: u32,
    /// Days on which somebody came late.
    pub late_days: u32,
    /// Days on which somebody left early.
    pub early_leave_days: u32,
    /// Half days of leave that cost something: a whole day counts 2; rest days and holidays within a leave cost nothing and
    /// are not counted. Leave by the hour is not among them. Of days that were frozen before they told kinds of leave only
    /// holidays, and half days without a plan, are left out.
    pub leave_half_days: u32,
    /// What approved leave of all kinds cost.
    #[serde(default)]
    pub leave_minutes: u32,
    /// Whole holidays.
    pub holidays: u32,
    /// Planned time less unpaid breaks.
    pub planned_minutes: u32,
    /// Time worked.
    pub worked_minutes: u32,
    /// Time paid.
    pub paid_minutes: u32,
    /// How late in all.
    pub late_minutes: u32,
    /// How early in all.
    pub early_leave_minutes: u32,
    /// Overtime.
    pub overtime_minutes: u32,
    /// What of it counts.
    pub overtime_approved_minutes: u32,
}

/// What a period came to for one person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Summary {
    /// Whose.
    pub employee_id: EmployeeId,
    /// Their number.
    pub number: String,
    /// Their name.
    pub name: String,
    /// Whether all of it is frozen.
    pub frozen: bool,
    /// The sums.
    pub totals: Totals,
    /// Leave by kind, by code: of those that were taken, and for those who may read leave. Days that were frozen before
    /// they told kinds of leave are not among it.
    #[serde(default)]
    pub leave: Vec<LeaveTotal>,
}

/// How much leave of a kind somebody took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LeaveTotal {
    /// Which kind.
    pub leave_type_id: LeaveTypeId,
    /// Its code.
    #[schema(example = "VACATION")]
    pub code: String,
    /// Its name.
    #[schema(example = "Vacation")]
    pub name: String,
    /// Whether it is paid.
    pub paid: bool,
    /// What it cost, in minutes.
    pub minutes: u32,
}
