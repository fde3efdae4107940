//! What the engine is told: plain facts about one employee, and what time it is.
//!
//! Instants are whole seconds since the epoch inside the engine ([`Second`]): the rules say "to the second",
//! and a day is then integer arithmetic.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rollcall_attendance_api::policy::{Policy, Portion};
use rollcall_attendance_api::punches::Direction;
use rollcall_attendance_api::shifts::{Break, Shift};
use rollcall_attendance_api::wall_time::WallTime;
use rollcall_attendance_api::workdays::DayHoliday;
use rollcall_ids::{LeaveTypeId, PunchId};
use std::sync::Arc;

/// Whole seconds since 1970-01-01T00:00:00Z.
pub type Second = i64;

/// Seconds of a minute.
pub const MINUTE: Second = 60;
/// Seconds of an hour.
pub const HOUR: Second = 60 * MINUTE;

/// Everything known about one employee around the dates asked for.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Now. Decides what is over and what is pending.
    pub now: Timestamp,
    /// The dates, ascending, each once, without a hole: those asked for and some before and after, because the
    /// windows of neighbours touch ([`super::margin`] says how many).
    pub days: Vec<DayFacts>,
    /// The punches in any order.
    pub punches: Vec<PunchFact>,
}

/// What is known about one date before anybody punches.
#[derive(Clone, Debug)]
pub struct DayFacts {
    /// The date.
    pub date: Date,
    /// Zone of the site of the assignment on that date.
    pub zone: TimeZone,
    /// The shift; none: a rest day.
    pub shift: Option<Arc<ShiftFacts>>,
    /// A public holiday.
    pub holiday: Option<DayHoliday>,
    /// Approved leave of the day or of half of it.
    pub leave: Option<Portion>,
    /// Approved leave by the hour: from and until, on the wall. Before the start of a shift that goes on past midnight it
    /// is the next morning.
    pub leave_hours: Vec<(WallTime, WallTime)>,
    /// What approved leave of each kind costs on the day, in minutes, as it was fixed when it was approved.
    pub leave_costs: Vec<(LeaveTypeId, u32)>,
    /// Approved overtime in minutes; asked for only where the shift requires approval.
    pub overtime_approved: Option<u32>,
    /// For a site fed by devices: until when every one of them has reported. None: not fed by devices.
    pub reported_until: Option<Timestamp>,
}

impl DayFacts {
    /// A date with its plan and nothing else: no holiday, no leave, no overtime that was approved, no devices.
    pub fn planned(date: Date, zone: TimeZone, shift: Option<Arc<ShiftFacts>>) -> Self {
        Self {
            date,
            zone,
            shift,
            holiday: None,
            leave: None,
            leave_hours: Vec::new(),
            leave_costs: Vec::new(),
            overtime_approved: None,
            reported_until: None,
        }
    }
}

/// One version of a shift.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShiftFacts {
    /// Planned start.
    pub start: WallTime,
    /// Planned end; not after `start`: on the next day.
    pub end: WallTime,
    /// Breaks within it, none overlapping another.
    pub breaks: Vec<Break>,
    /// The rules.
    pub policy: Policy,
}

impl From<&Shift> for ShiftFacts {
    fn from(shift: &Shift) -> Self {
        Self { start: shift.start, end: shift.end, breaks: shift.breaks.clone(), policy: shift.policy }
    }
}

/// A punch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PunchFact {
    /// Its id.
    pub id: PunchId,
    /// When.
    pub at: Timestamp,
    /// What it says it is.
    pub direction: Direction,
    /// Whether it came from outside the geofence.
    pub outside_geofence: bool,
    /// Whether it came from outside the networks of the site.
    pub outside_network: bool,
}

impl PunchFact {
    /// When, to the second.
    pub fn second(&self) -> Second {
        self.at.as_second()
    }
}

/// From one instant to a later one, the later one excluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// From.
    pub start: Second,
    /// To.
    pub end: Second,
}

impl Interval {
    /// How long it is in seconds.
    pub fn seconds(self) -> Second {
        self.end - self.start
    }

    /// What of it lies within `limits`; nothing, and not in order, if none of it does.
    #[must_use]
    pub fn within(self, limits: Self) -> Self {
        Self { start: self.start.max(limits.start), end: self.end.min(limits.end) }
    }

    /// How many seconds it shares with `other`; limits may be those of time itself.
    pub fn overlap(self, other: Self) -> Second {
        self.within(other).seconds().max(0)
    }
}

/// The instant of a second, for the way out; seconds come from timestamps, so they are in range.
pub fn instant(second: Second) -> Timestamp {
    Timestamp::from_second(second).unwrap_or(Timestamp::MAX)
}

/// Whole minutes, rounded down.
pub fn whole_minutes(seconds: Second) -> u32 {
    u32::try_from(seconds.max(0) / MINUTE).unwrap_or(u32::MAX)
}

/// Whole minutes, rounded up.
pub fn minutes_begun(seconds: Second) -> u32 {
    whole_minutes(seconds + MINUTE - 1)
}
