//! Rule 1: the window around each plan in which a punch belongs to it.

use super::facts::{DayFacts, Interval, MINUTE, Second, ShiftFacts};
use super::plan::Plan;
use std::sync::Arc;

/// The window of one planned date.
#[derive(Clone, Debug)]
pub struct Window {
    /// Index of the date in the facts.
    pub day: usize,
    /// The shift.
    pub shift: Arc<ShiftFacts>,
    /// The whole plan, whatever leave or holiday take from it: a punch belongs to the same date before and
    /// after a leave is approved.
    pub plan: Plan,
    /// From when to when a punch belongs to it.
    pub holds: Interval,
}

/// The windows of all planned dates by planned start; no two overlap.
pub fn of(days: &[DayFacts]) -> Vec<Window> {
    let mut windows: Vec<Window> = days
        .iter()
        .enumerate()
        .filter_map(|(index, day)| {
            let shift = Arc::clone(day.shift.as_ref()?);
            let plan = Plan::of(&shift, day.date, &day.zone);
            let holds = Interval {
                start: plan.span.start - Second::from(shift.policy.opens_before) * MINUTE,
                end: plan.span.end + Second::from(shift.policy.closes_after) * MINUTE,
            };
            Some(Window { day: index, shift, plan, holds })
        })
        .collect();
    // Dates ascend, and so do planned starts, unless the site moves across the date line.
    windows.sort_by_key(|window| (window.plan.span.start, window.day));
    separate(&mut windows);
    windows
}

/// Where two windows overlap, the border is the middle between the earlier plan's end and the later plan's
/// start. Every pair is looked at, not only neighbours: a long shift's window may reach past a short one's.
fn separate(windows: &mut [Window]) {
    let wide: Vec<Interval> = windows.iter().map(|window| window.holds).collect();
    let latest_end_so_far: Vec<Second> = wide
        .iter()
        .scan(Second::MIN, |latest, window| {
            *latest = (*latest).max(window.end);
            Some(*latest)
        })
        .collect();
    for later in 1..windows.len() {
        for earlier in (0..later).rev() {
            if latest_end_so_far[earlier] <= wide[later].start {
                break;
            }
            if wide[earlier].end <= wide[later].start {
                continue;
            }
            let border = i64::midpoint(windows[earlier].plan.span.end, windows[later].plan.span.start);
            windows[earlier].holds.end = windows[earlier].holds.end.min(border);
            windows[later].holds.start = windows[later].holds.start.max(border);
        }
    }
}
