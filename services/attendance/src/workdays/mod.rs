//! Workdays: what a day came to, as a pure function of the facts.
//!
//! Facts go in, days come out; [`compute`] reads no database and no clock. One file holds one rule:
//!
//! | file | rule |
//! |---|---|
//! | `facts` | what the engine is told |
//! | `plan` | wall time to instants; half days (9) |
//! | `windows` | which instants belong to a plan (1) |
//! | `belonging` | which punch belongs where (2), which does not count (3) |
//! | `pairing` | coming and going (4) |
//! | `worked` | time worked (5) |
//! | `lateness` | late and early (6) |
//! | `midnight` | shifts that are split at midnight |
//! | `overtime` | overtime (7), what is paid |
//! | `status` | the word for the day (8, 10) |
//! | `day` | all of them for one date |
//! | `presence` | who is in by now |
//!
//! Around it, `gather` reads the facts, `days` puts what is frozen before what is computed, `view` and
//! `handlers` answer; `now` shows who is in.
//!
//! Days are computed when they are read, so that a punch is seen by the next reading; a stored result would
//! have to be invalidated by every kind of fact, and one forgotten kind is a wrong wage.

pub mod belonging;
pub mod day;
pub(crate) mod days;
pub mod facts;
pub(crate) mod gather;
pub(crate) mod handlers;
mod hours;
pub mod lateness;
pub mod midnight;
pub(crate) mod now;
pub mod overtime;
pub mod pairing;
pub mod plan;
pub(crate) mod presence;
pub(crate) mod room;
pub mod status;
mod store;
pub(crate) mod view;
pub mod windows;
pub mod worked;

#[cfg(test)]
mod cases;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod zones;

pub use day::Workday;
use facts::Facts;
pub(crate) use gather::planned_days;
pub(crate) use hours::worked_minutes;
use jiff::ToSpan as _;
use jiff::civil::Date;

/// How many dates and punches around the dates asked for the engine must be told of.
pub mod margin {
    /// Dates after the last one. A plan may last until noon of the second day after it (UTC) and its window be open for half
    /// a day more; where a site moves across the date line meanwhile, a window of the fourth day begins there.
    pub const DAYS_AFTER: i32 = 4;
    /// Dates before the first one from which punches are known; punches may be needed from longer ago, see
    /// [`is_anchored`](super::is_anchored).
    pub const DAYS_BEFORE: i32 = 3;
}

/// Whether `facts`, which hold every punch since `known_since`, are enough for the days from `from` on. If not,
/// the caller loads more of the past: a stretch of unplanned work begins where the one before it ended.
pub fn is_anchored(facts: &Facts, known_since: jiff::Timestamp, from: Date) -> bool {
    let Some(index) = facts.days.iter().position(|day| day.date == from) else { return true };
    // Windows further on meet none that is asked for, and a punch in one of them comes after a silence that is long enough.
    let last = from.saturating_add(margin::DAYS_AFTER.days());
    let near = &facts.days[..facts.days.partition_point(|day| day.date <= last)];
    belonging::is_anchored(facts, &windows::of(near), known_since, index)
}

/// The workdays from `from` to `to`, both included, as far as the facts hold these dates.
pub fn compute(facts: &Facts, from: Date, to: Date) -> Vec<Workday> {
    let windows = windows::of(&facts.days);
    let sessions = belonging::sessions(facts, &windows);
    let mut window_of = vec![None; facts.days.len()];
    for (index, window) in windows.iter().enumerate() {
        window_of[window.day] = Some(index);
    }
    let mut by_day: Vec<&belonging::Session> = sessions.iter().filter(|s| s.day.is_some()).collect();
    by_day.sort_by_key(|session| session.day); // stable: within a day they stay by time
    let mut rest = by_day.as_slice();
    let now = facts.now.as_second();
    let mut workdays = Vec::with_capacity(facts.days.len());
    let mut carried = None;
    for (index, day) in facts.days.iter().enumerate() {
        let earlier = rest.partition_point(|session| session.day < Some(index));
        let mine = rest.partition_point(|session| session.day <= Some(index));
        let sessions = &rest[earlier..mine];
        let window = window_of[index].map(|w| &windows[w]);
        if (from..=to).contains(&day.date) {
            workdays.push(day::judge(day, window, sessions, carried, now));
        }
        carried = facts.days.get(index + 1).and_then(|next| midnight::carried(day, window, sessions, next));
        rest = &rest[mine..];
    }
    workdays
}
