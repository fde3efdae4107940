//! Rules 8 and 10: what a day was, in one word.

use super::facts::{MINUTE, Second};
use rollcall_attendance_api::policy::{Policy, Portion};
use rollcall_attendance_api::workdays::Status;

/// What the word depends on.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a circumstance of its own; the rule is their order")]
pub struct Circumstances<'a> {
    /// Approved leave.
    pub leave: Option<Portion>,
    /// A public holiday.
    pub holiday: Option<Portion>,
    /// Whether a shift was planned.
    pub planned: bool,
    /// Whether nothing of it is left to be worked.
    pub whole_day_off: bool,
    /// Whether the window has closed and every device has reported since.
    pub closed: bool,
    /// Whether the planned end has passed and the last punch is a going.
    pub gone_after_end: bool,
    /// Whether a coming or a going is missing.
    pub punch_missing: bool,
    /// Seconds worked in the window of the plan.
    pub worked: Second,
    /// Seconds that were to be worked.
    pub to_work: Second,
    /// Seconds of the whole shift, of which holiday and leave have left these.
    pub shift: Second,
    /// Whether somebody came late.
    pub late: bool,
    /// Whether somebody left early.
    pub early: bool,
    /// The rules of the shift.
    pub policy: &'a Policy,
}

/// The first that holds.
pub fn status(day: Circumstances<'_>) -> Status {
    if day.leave == Some(Portion::Full) {
        return Status::OnLeave;
    }
    if day.holiday == Some(Portion::Full) {
        return Status::Holiday;
    }
    if !day.planned {
        return Status::RestDay;
    }
    if day.whole_day_off {
        // Half a holiday and half a day of leave: it is the leave that makes the day free.
        return Status::OnLeave;
    }
    if !day.closed && !day.gone_after_end {
        return Status::Pending;
    }
    if day.punch_missing {
        return Status::Incomplete;
    }
    // The shift says it of the whole of it; of a part it is so much less, in whole minutes.
    let of_part = |minutes: u32| Second::from(minutes) * day.to_work / day.shift.max(1);
    let below = |minutes: u32| day.worked < of_part(minutes) * MINUTE;
    if day.worked == 0 || below(day.policy.absent_below) {
        // Who has gone may come again until the window closes.
        return if day.closed { Status::Absent } else { Status::Pending };
    }
    if below(day.policy.half_day_below) || day.leave.is_some() || day.holiday.is_some() {
        return Status::HalfDay;
    }
    match (day.late, day.early) {
        (true, true) => Status::LateAndEarly,
        (true, false) => Status::Late,
        (false, true) => Status::EarlyLeave,
        (false, false) => Status::Present,
    }
}
