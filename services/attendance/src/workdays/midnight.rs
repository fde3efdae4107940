//! `split_at_midnight`: what is worked in the window of a shift after the midnight that follows its start belongs to
//! the date that begins there.
//!
//! The shift stays one thing: its punches, its exceptions and the word for the day stand on the date it starts on, and
//! whether somebody came, was late or worked enough is judged of the whole. What moves is time: planned, worked, paid,
//! overtime and breaks. On a public holiday the time that moved there is work on a holiday, which is what such a shift
//! is split for.

use super::belonging::Session;
use super::facts::{DayFacts, Interval, MINUTE, Second};
use super::overtime::{Overtime, Scheduled, overtime};
use super::plan::{Plan, next_midnight};
use super::windows::Window;
use super::worked::{Asked, Worked, cut, worked};
use rollcall_attendance_api::policy::{Policy, Portion, Rounding};

/// What the sessions of one date come to, in seconds.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// What was to be worked.
    pub to_work: Option<Plan>,
    /// How much of that on the date itself.
    pub planned: Second,
    /// All that was worked in the window of the plan.
    pub whole: Worked,
    /// What of it belongs to the date itself.
    pub own: Worked,
    /// What of it belongs to the next date.
    pub next: Worked,
    /// Worked outside of every window.
    pub unscheduled: Worked,
    /// Overtime of the date itself.
    pub extra: Overtime,
}

/// Measures `day`. `sessions` are its own; at most one lies in `window`.
pub fn measure(day: &DayFacts, window: Option<&Window>, sessions: &[&Session]) -> Measured {
    let stretches = sessions.iter().filter(|s| s.window.is_none());
    let unscheduled = stretches.fold(Worked::default(), |sum, session| {
        let more = worked(&session.pairing, &[], Asked::default(), None);
        Worked { total: sum.total + more.total, breaks: sum.breaks + more.breaks, ..sum }
    });
    let Some(window) = window else {
        let nothing = Scheduled { whole: Worked::default(), part: Worked::default(), to_work: false };
        let extra = overtime(nothing, unscheduled.total, &Policy::default(), 0);
        return Measured { unscheduled, extra, ..Measured::default() };
    };
    let policy = &window.shift.policy;
    let to_work = window.plan.on(&window.shift, day);
    let span = to_work.as_ref().map(|plan| plan.span);
    let holiday = day.holiday.as_ref().and_then(|holiday| window.plan.half(holiday.portion));
    let asked = Asked { plan: span, holiday };
    let limits = own_limits(day, window);
    let (whole, own, next) = sessions.iter().find(|s| s.window.is_some()).map_or_else(Default::default, |session| {
        let breaks = &to_work.as_ref().unwrap_or(&window.plan).unpaid_breaks;
        let whole = worked(&session.pairing, breaks, asked, policy.auto_break);
        if policy.split_at_midnight {
            let (own, next) = cut(&session.pairing, breaks, asked, policy.auto_break, limits.end);
            (whole, own, next)
        } else {
            (whole, whole, Worked::default())
        }
    });
    let scheduled = Scheduled { whole, part: own, to_work: span.is_some() };
    let extra = overtime(scheduled, unscheduled.total, policy, approved(day));
    let planned = to_work.as_ref().map_or(0, |plan| plan.seconds_within(limits));
    Measured { to_work, planned, whole, own, next, unscheduled, extra }
}

/// What a date takes over from the shift of the date before.
#[derive(Clone, Copy, Debug)]
pub struct Carried {
    /// Planned seconds.
    pub planned: Second,
    /// Worked.
    pub worked: Worked,
    /// Overtime in it.
    pub extra: Overtime,
    /// How the shift that it comes from rounds: for a date without a shift of its own.
    pub rounding: Option<Rounding>,
}

/// What `day` hands over to `next`; none unless its shift is split.
pub fn carried(day: &DayFacts, window: Option<&Window>, sessions: &[&Session], next: &DayFacts) -> Option<Carried> {
    let window = window.filter(|w| w.shift.policy.split_at_midnight)?;
    let policy = &window.shift.policy;
    let measured = measure(day, Some(window), sessions);
    let on_holiday = next.holiday.as_ref().is_some_and(|holiday| holiday.portion == Portion::Full);
    let to_work = measured.to_work.is_some() && !on_holiday;
    let scheduled = Scheduled { whole: measured.whole, part: measured.next, to_work };
    // What was approved of the shift is used up by the date it starts on first.
    let left = (approved(day) - measured.extra.seconds).max(0);
    let extra = overtime(scheduled, 0, policy, left);
    let planned = measured.to_work.as_ref().map_or(0, Plan::seconds) - measured.planned;
    Some(Carried { planned, worked: measured.next, extra, rounding: policy.rounding })
}

/// The seconds that belong to the date on which the shift starts.
fn own_limits(day: &DayFacts, window: &Window) -> Interval {
    let split = window.shift.policy.split_at_midnight;
    let end = if split { next_midnight(day.date, &day.zone) } else { Second::MAX };
    Interval { start: Second::MIN, end }
}

fn approved(day: &DayFacts) -> Second {
    Second::from(day.overtime_approved.unwrap_or(0)) * MINUTE
}
