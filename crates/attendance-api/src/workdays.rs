//! `/workdays`: what a day came to.

use crate::policy::Portion;
use crate::wall_time::WallTime;
use jiff::{Timestamp, civil::Date};
use rollcall_ids::{EmployeeId, LeaveTypeId, PunchId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a day was, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// On leave the whole day.
    OnLeave,
    /// A public holiday.
    Holiday,
    /// Nothing was planned.
    RestDay,
    /// Not over yet.
    Pending,
    /// A punch is missing.
    Incomplete,
    /// Nothing was worked, or too little to count.
    Absent,
    /// Half of it was worked, or was to be.
    HalfDay,
    /// Came late.
    Late,
    /// Left early.
    EarlyLeave,
    /// Both.
    LateAndEarly,
    /// As planned.
    Present,
}

/// Something about a day that somebody should look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExceptionCode {
    /// Came while in.
    DoubleIn,
    /// Went while out.
    DoubleOut,
    /// Went without having come.
    MissingIn,
    /// Came and never went.
    MissingOut,
    /// A punch came from outside the geofence.
    OutsideGeofence,
    /// A punch came from outside the networks of the site.
    OutsideNetwork,
}

/// An exception, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct Exception {
    /// What.
    pub code: ExceptionCode,
    /// The punch's instant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

/// Coming or going, decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// Coming.
    In,
    /// Going.
    Out,
}

/// Why a punch does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ignored {
    /// It repeats one just before it.
    Debounced,
}

/// A punch as the day sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DayPunch {
    /// The punch.
    pub punch_id: PunchId,
    /// When.
    pub at: Timestamp,
    /// What it was taken for; none when ignored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<Way>,
    /// Why it does not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignored: Option<Ignored>,
    /// Whether it lies in the window of a plan.
    pub scheduled: bool,
}

/// A holiday that falls on the day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DayHoliday {
    /// Its name.
    pub name: String,
    /// Which part of the day.
    pub portion: Portion,
}

/// Approved leave on the day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DayLeave {
    /// Which part of the day; absent: only hours of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub portion: Option<Portion>,
    /// Hours of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hours: Vec<LeaveHours>,
    /// What it costs by kind of leave; for those who may read leave.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<LeaveShare>,
}

/// What approved leave of a kind costs on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LeaveShare {
    /// Of which kind.
    pub leave_type_id: LeaveTypeId,
    /// Minutes, as they were fixed when it was approved.
    pub minutes: u32,
}

/// Some hours of a day, on the wall.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LeaveHours {
    /// From.
    pub start: WallTime,
    /// Until; not after `start`: on the next day.
    pub end: WallTime,
}

/// One work date of one employee. All durations are whole minutes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Workday {
    /// Whose.
    pub employee_id: EmployeeId,
    /// The date its plan starts on, by the clock on the wall.
    pub work_date: Date,
    /// What it was.
    pub status: Status,
    /// IANA zone of the site on that date.
    pub time_zone: String,
    /// When work was to start; none: nothing was to be worked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub planned_start: Option<Timestamp>,
    /// When work was to end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub planned_end: Option<Timestamp>,
    /// Planned time less unpaid breaks.
    pub planned_minutes: u32,
    /// First coming.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_in: Option<Timestamp>,
    /// Last going.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_out: Option<Timestamp>,
    /// Time worked.
    pub worked_minutes: u32,
    /// Time that is paid: worked within the plan, plus overtime that counts, rounded as the shift says.
    pub paid_minutes: u32,
    /// Between first and last punch, but not worked: gaps and breaks taken off.
    pub break_minutes: u32,
    /// From planned start to the first coming, when over the grace.
    pub late_minutes: u32,
    /// From the last going to the planned end, when over the grace.
    pub early_leave_minutes: u32,
    /// Worked outside the plan, on the sides that count.
    pub overtime_minutes: u32,
    /// As much of it as counts.
    pub overtime_approved_minutes: u32,
    /// Approved leave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leave: Option<DayLeave>,
    /// A holiday.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holiday: Option<DayHoliday>,
    /// What somebody should look at, by time.
    pub exceptions: Vec<Exception>,
    /// The punches of the day, by time.
    pub punches: Vec<DayPunch>,
    /// Whether the period is locked: nothing changes any more.
    pub frozen: bool,
    /// 0 while the day is open and computed at each reading; counts up from 1 once it is frozen.
    pub version: i64,
}
