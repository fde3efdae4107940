//! Rule 7 and the rounding of 3.3: what is overtime, what of it counts, what is paid.

use super::facts::{MINUTE, Second, whole_minutes};
use super::worked::Worked;
use rollcall_attendance_api::policy::{Policy, Rounding, RoundingMode};

/// Overtime of a day in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overtime {
    /// All that was worked outside the plan.
    pub outside: Second,
    /// What of it is overtime.
    pub seconds: Second,
    /// What of that counts.
    pub approved: Second,
}

/// The overtime of a day. `scheduled` is the work in the window of the plan, `unscheduled` the rest, which is
/// overtime whatever the sides. `to_work` says whether anything was to be worked at all: if not, all work is
/// overtime, without a minimum.
pub fn overtime(
    scheduled: Worked,
    unscheduled: Second,
    to_work: bool,
    policy: &Policy,
    approved_minutes: Option<u32>,
) -> Overtime {
    let rules = policy.overtime;
    let (outside, counted) = if to_work {
        let before = if rules.counts_before { scheduled.before } else { 0 };
        let after = if rules.counts_after { scheduled.after } else { 0 };
        let counted = before + after;
        let enough = whole_minutes(counted) >= rules.minimum;
        (scheduled.outside(), if enough { counted } else { 0 })
    } else {
        (scheduled.total, scheduled.total)
    };
    let seconds = counted + unscheduled;
    let approved = if rules.requires_approval {
        seconds.min(Second::from(approved_minutes.unwrap_or(0)) * MINUTE)
    } else {
        seconds
    };
    Overtime { outside: outside + unscheduled, seconds, approved }
}

/// What is paid: all that was worked within the plan, and the overtime that counts; rounded as one number of
/// minutes.
pub fn paid_minutes(worked: Second, overtime: Overtime, rounding: Option<Rounding>) -> u32 {
    let minutes = whole_minutes(worked - overtime.outside + overtime.approved);
    rounding.map_or(minutes, |rule| round(minutes, rule))
}

fn round(minutes: u32, Rounding { to, mode }: Rounding) -> u32 {
    let step = to.max(1);
    let rest = minutes % step;
    let up = match mode {
        RoundingMode::Nearest => rest * 2 >= step,
        RoundingMode::Up => rest > 0,
        RoundingMode::Down => false,
    };
    minutes - rest + if up { step } else { 0 }
}
