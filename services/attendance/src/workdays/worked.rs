//! Rule 5: how long was worked.

use super::facts::{Interval, MINUTE, Second};
use super::pairing::Pairing;
use rollcall_attendance_api::policy::AutoBreak;

/// Seconds of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Worked {
    /// Worked.
    pub total: Second,
    /// Of these before the plan.
    pub before: Second,
    /// Of these after the plan.
    pub after: Second,
    /// Gaps, planned unpaid breaks and automatic breaks: what lies between the punches and was not worked.
    pub breaks: Second,
}

impl Worked {
    /// Of these outside the plan.
    pub fn outside(self) -> Second {
        self.before + self.after
    }
}

/// Adds up the closed intervals, less the unpaid breaks they overlap, less the automatic break where it is due
/// and not already taken. `plan` is none where nothing was to be worked: then nothing is outside of it.
pub fn worked(
    pairing: &Pairing,
    unpaid_breaks: &[Interval],
    plan: Option<Interval>,
    auto_break: Option<AutoBreak>,
) -> Worked {
    let mut sum = Worked::default();
    let mut previous_end = None;
    for interval in &pairing.intervals {
        sum.breaks += previous_end.map_or(0, |end| interval.start - end);
        previous_end = Some(interval.end);
        let net = |part: Interval| {
            let off: Second = unpaid_breaks.iter().map(|b| b.overlap(part)).sum();
            (part.seconds().max(0) - off, off)
        };
        let (total, off) = net(*interval);
        sum.total += total;
        sum.breaks += off;
        if let Some(plan) = plan {
            sum.before += net(Interval { end: interval.end.min(plan.start), ..*interval }).0;
            sum.after += net(Interval { start: interval.start.max(plan.end), ..*interval }).0;
        }
    }
    let deducted = auto_break.map_or(0, |rule| due(rule, sum));
    sum.total -= deducted;
    sum.breaks += deducted;
    // The automatic break is taken off within the plan first.
    let within_short_by = (sum.outside() - sum.total).max(0);
    let from_after = within_short_by.min(sum.after);
    sum.after -= from_after;
    sum.before -= within_short_by - from_after;
    sum
}

/// How much of the automatic break is still to be taken off.
fn due(rule: AutoBreak, so_far: Worked) -> Second {
    if so_far.total <= Second::from(rule.after) * MINUTE {
        return 0;
    }
    (Second::from(rule.minutes) * MINUTE - so_far.breaks).clamp(0, so_far.total)
}
