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
    /// Of these in the half of the shift that is a holiday; neither before the plan nor after it.
    pub holiday: Second,
    /// Gaps, planned unpaid breaks and automatic breaks: what lies between the punches and was not worked.
    pub breaks: Second,
}

impl Worked {
    /// Of these outside the plan.
    pub fn outside(self) -> Second {
        self.before + self.after + self.holiday
    }

    /// Less so much of an automatic break, which is taken off within the plan first.
    fn less(mut self, deducted: Second) -> Self {
        self.total -= deducted;
        self.breaks += deducted;
        let mut within_short_by = (self.outside() - self.total).max(0);
        for part in [&mut self.after, &mut self.before, &mut self.holiday] {
            let taken = within_short_by.min(*part);
            *part -= taken;
            within_short_by -= taken;
        }
        self
    }
}

/// What the time of a shift is held against.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked {
    /// What was to be worked; none: nothing was, and then nothing is outside of it.
    pub plan: Option<Interval>,
    /// The half of the shift that is a holiday.
    pub holiday: Option<Interval>,
}

/// All of time.
const EVER: Interval = Interval { start: Second::MIN, end: Second::MAX };

/// Adds up the closed intervals, less the unpaid breaks they overlap, less the automatic break where it is due
/// and not already taken.
pub fn worked(pairing: &Pairing, unpaid_breaks: &[Interval], asked: Asked, auto_break: Option<AutoBreak>) -> Worked {
    let sum = between(pairing, unpaid_breaks, asked, EVER);
    sum.less(auto_break.map_or(0, |rule| due(rule, sum)))
}

/// [`worked`], cut in two at an instant. Whether the automatic break is due depends on the whole; it is taken off the
/// later part, which made it due, as far as that goes.
pub fn cut(
    pairing: &Pairing,
    unpaid_breaks: &[Interval],
    asked: Asked,
    auto_break: Option<AutoBreak>,
    at: Second,
) -> (Worked, Worked) {
    let whole = between(pairing, unpaid_breaks, asked, EVER);
    let head = between(pairing, unpaid_breaks, asked, Interval { end: at, ..EVER });
    let tail = between(pairing, unpaid_breaks, asked, Interval { start: at, ..EVER });
    let deducted = auto_break.map_or(0, |rule| due(rule, whole));
    let of_tail = deducted.min(tail.total);
    (head.less(deducted - of_tail), tail.less(of_tail))
}

/// What of the closed intervals lies within `limits`.
fn between(pairing: &Pairing, unpaid_breaks: &[Interval], asked: Asked, limits: Interval) -> Worked {
    let mut sum = Worked::default();
    let mut previous_end = None;
    for &interval in &pairing.intervals {
        sum.breaks += previous_end.map_or(0, |gone| Interval { start: gone, end: interval.start }.overlap(limits));
        previous_end = Some(interval.end);
        let part = interval.within(limits);
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
        if let Some(plan) = asked.plan {
            let on_holiday = |part: Interval| asked.holiday.map_or(0, |half| net(part.within(half)).0);
            let beside = |part: Interval| net(part).0 - on_holiday(part);
            sum.before += beside(part.within(Interval { end: plan.start, ..EVER }));
            sum.after += beside(part.within(Interval { start: plan.end, ..EVER }));
            sum.holiday += on_holiday(part);
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
