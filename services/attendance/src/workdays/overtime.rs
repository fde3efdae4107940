//! Rule 7 and the rounding of 3.3: what is overtime, what of it counts, what is paid.

use super::facts::{Second, whole_minutes};
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

/// What a date came to in the window of its plan: all of it, and the part that counts for the date itself. The two differ
/// only where a shift is split at midnight.
#[derive(Clone, Copy, Debug)]
pub struct Scheduled {
    /// All that was worked in the window.
    pub whole: Worked,
    /// What of it belongs to the date in question.
    pub part: Worked,
    /// Whether anything was to be worked at all: if not, all work is overtime, without a minimum.
    pub to_work: bool,
}

/// The overtime of a date. `unscheduled` is the work outside of every window, which is overtime whatever the sides;
/// `approved` are the seconds that were approved. Whether there is enough of it is decided by the whole shift. Work in the
/// half of a shift that is a holiday is overtime whatever the sides and however little, as it is on a whole holiday.
pub fn overtime(scheduled: Scheduled, unscheduled: Second, policy: &Policy, approved: Second) -> Overtime {
    let rules = policy.overtime;
    let (outside, counted) = if scheduled.to_work {
        let on_sides = |worked: Worked| {
            let before = if rules.counts_before { worked.before } else { 0 };
            before + if rules.counts_after { worked.after } else { 0 }
        };
        let enough = whole_minutes(on_sides(scheduled.whole)) >= rules.minimum;
        (scheduled.part.outside(), scheduled.part.holiday + if enough { on_sides(scheduled.part) } else { 0 })
    } else {
        (scheduled.part.total, scheduled.part.total)
    };
    let seconds = counted + unscheduled;
    let approved = if rules.requires_approval { seconds.min(approved) } else { seconds };
    Overtime { outside: outside + unscheduled, seconds, approved }
}

impl Overtime {
    /// Together with that of another part of the date.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            outside: self.outside + other.outside,
            seconds: self.seconds + other.seconds,
            approved: self.approved + other.approved,
        }
    }
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
