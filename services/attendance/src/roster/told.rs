//! Whose plan a request has changed, and from when to when: what people are told once per request.

use crate::facts::domain::Org;
use crate::roster::domain::{Entry, Plans, dates};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};
use rollcall_attendance_api::shifts::Shift;
use rollcall_attendance_api::wall_time::WallTime;
use rollcall_ids::ShiftId;
use rollcall_org_api::facts::EmployeeFact;

/// Days ahead that people are told of. What is planned for later they find when they look: a plan of three years is
/// nothing to be told about today.
const AHEAD: i32 = 62;

/// When somebody is to be there: which shift, and from when to when, with its breaks.
type Times = (ShiftId, WallTime, WallTime, Vec<(WallTime, WallTime)>);

/// The times of a shift; nobody is told of another name, or of other rules of its workdays.
pub(crate) fn times(shift: &Shift) -> Times {
    let breaks = shift.breaks.iter().map(|one| (one.start, one.end)).collect();
    (shift.shift_id, shift.start, shift.end, breaks)
}

/// Somebody whose plan is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Told<'a> {
    /// Who.
    pub(crate) person: &'a EmployeeFact,
    /// The first day that is another.
    pub(crate) from: Date,
    /// The last one.
    pub(crate) to: Date,
    /// How many are.
    pub(crate) days: u32,
}

/// Those of `people` for whom some day after today, by the clocks of their site, is planned otherwise than `before`.
/// `span` is what the request plans.
pub(crate) fn told<'a>(
    org: &Org,
    people: &'a [EmployeeFact],
    (before, after): (&Plans, &Plans),
    (from, to): (Date, Date),
    now: Timestamp,
) -> Vec<Told<'a>> {
    let of = |person: &'a EmployeeFact| {
        let today = org.date_at(person, now);
        let (from, to) = (from.max(today + 1.day()), to.min(today + AHEAD.days()));
        let (was, is) = (before.of(org, person), after.of(org, person));
        let planned = |plans: &Plans, entry: Option<&Entry>, date: Date| -> Option<Option<Times>> {
            entry.map(|entry| plans.shift_on(entry, date).map(times))
        };
        let other =
            |date: &Date| planned(before, was.decides(*date), *date) != planned(after, is.decides(*date), *date);
        let mut changed = dates(from, to).filter(other);
        let first = changed.next()?;
        let (last, more) = changed.fold((first, 0), |(_, count), date| (date, count + 1));
        Some(Told { person, from: first, to: last, days: more + 1 })
    };
    people.iter().filter_map(of).collect()
}

/// The days of a plan that anybody is told of, at whatever place: none when all of it is over.
pub(crate) fn near(from: Date, to: Date, now: Timestamp) -> Option<(Date, Date)> {
    let today = jiff::tz::Offset::UTC.to_datetime(now).date();
    let (from, to) = (from.max(today - 1.day()), to.min(today + (AHEAD + 1).days()));
    (from <= to).then_some((from, to))
}
