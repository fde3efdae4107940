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

    /// Less so much of an automatic break, which is taken off within the plan first.
    fn less(mut self, deducted: Second) -> Self {
        self.total -= deducted;
        self.breaks += deducted;
        let within_short_by = (self.outside() - self.total).max(0);
        let from_after = within_short_by.min(self.after);
        self.after -= from_after;
        self.before -= within_short_by - from_after;
        self
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
    let sum = between(pairing, unpaid_breaks, plan, Interval { start: Second::MIN, end: Second::MAX });
    sum.less(auto_break.map_or(0, |rule| due(rule, sum)))
}

/// [`worked`], cut in two at an instant. Whether the automatic break is due depends on the whole; it is taken off the
/// later part, which made it due, as far as that goes.
pub fn cut(
    pairing: &Pairing,
    unpaid_breaks: &[Interval],
    plan: Option<Interval>,
    auto_break: Option<AutoBreak>,
    at: Second,
) -> (Worked, Worked) {
    let whole = between(pairing, unpaid_breaks, plan, Interval { start: Second::MIN, end: Second::MAX });
    let head = between(pairing, unpaid_breaks, plan, Interval { start: Second::MIN, end: at });
    let tail = between(pairing, unpaid_breaks, plan, Interval { start: at, end: Second::MAX });
    let deducted = auto_break.map_or(0, |rule| due(rule, whole));
    let of_tail = deducted.min(tail.total);
    (head.less(deducted - of_tail), tail.less(of_tail))
}

/// What of the closed intervals lies within `limits`.
fn between(pairing: &Pairing, unpaid_breaks: &[Interval], plan: Option<Interval>, limits: Interval) -> Worked {
    let mut sum = Worked::default();
    let mut previous_end = None;
    for &Interval { start, end } in &pairing.intervals {
        sum.breaks += previous_end.map_or(0, |gone| Interval { start: gone, end: start }.overlap(limits));
        previous_end = Some(end);
        let part = Interval { start: start.max(limits.start), end: end.min(limits.end) };
        if part.end <= part.start {
            continue;
        }
        let net = |part: Interval| {
            let off: Second = unpaid_breaks.iter().map(|b| b.overlap(part)).sum();
            (part.seconds().max(0) - off, off)
        };
        let (total, off) = net(part);
        sum.total += total;
        sum.breaks += off;
        if let Some(plan) = plan {
            sum.before += net(Interval { end: part.end.min(plan.start), ..part }).0;
            sum.after += net(Interval { start: part.start.max(plan.end), ..part }).0;
        }
    }
    sum
}

/// How much of the automatic break is still to be taken off.
fn due(rule: AutoBreak, so_far: Worked) -> Second {
    if so_far.total <= Second::from(rule.after) * MINUTE {
        return 0;
    }
    (Second::from(rule.minutes) * MINUTE - so_far.breaks).clamp(0, so_far.total)
}
