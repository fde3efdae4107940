//! What is in a feed: what is to be worked, and when somebody is away. Pure.

use super::ics::{Event, When};
use crate::leave::requests_store::Held;
use crate::leave::wish::Piece;
use crate::workdays::facts::{DayFacts, Interval, instant};
use crate::workdays::plan::{Off, Plan, hours_of};
use jiff::civil::Date;
use rollcall_attendance_api::policy::Portion;
use rollcall_attendance_api::wall_time::WallTime;
use rollcall_ids::EmployeeId;

/// A day with the names of what is planned.
pub(super) struct FeedDay {
    pub(super) facts: DayFacts,
    /// Name of the shift.
    pub(super) shift: Option<String>,
    /// Name of the site.
    pub(super) site: Option<String>,
}

/// The entries for some days of `who`, and for the leave that touches them, by kind and date. What is planned is what is
/// left of it on a day with holidays and leave; that it is leave of which kind is nobody's business but the person's, and
/// calendars are shared.
pub(super) fn events(who: EmployeeId, days: &[FeedDay], held: &[Held], away: &str) -> Vec<Event> {
    let shifts = days.iter().filter_map(|day| worked(who, day));
    let leave = held.iter().flat_map(|leave| match leave.piece {
        Piece::Portion(Portion::Full) => vec![whole(who, leave, away)],
        Piece::Portion(portion @ (Portion::Am | Portion::Pm)) => {
            let halves = of(days, leave).filter_map(|day| half(who, day, portion, away));
            halves.collect()
        }
        // By the day below: a day has all its hours.
        Piece::Hours(_) => Vec::new(),
    });
    let hours = days.iter().flat_map(|day| hours(who, day, away));
    shifts.chain(leave).chain(hours).collect()
}

fn of<'a>(days: &'a [FeedDay], leave: &Held) -> impl Iterator<Item = &'a FeedDay> {
    let (from, to) = (leave.from, leave.to);
    days.iter().filter(move |day| from <= day.facts.date && day.facts.date <= to)
}

fn uid(what: &str, date: Date, who: EmployeeId) -> String {
    format!("{what}-{date}-{who}@rollcall")
}

fn within(span: Interval) -> When {
    When::Instants(instant(span.start), instant(span.end))
}

/// What is to be worked on a day; none: not even a minute, as of a shift in the hour that the clock skips.
fn worked(who: EmployeeId, day: &FeedDay) -> Option<Event> {
    let shift = day.facts.shift.as_ref()?;
    let left = Plan::of(shift, day.facts.date, &day.facts.zone).on(shift, &day.facts)?;
    let summary = day.shift.clone().unwrap_or_default();
    let event =
        Event { uid: uid("shift", day.facts.date, who), when: within(left.span), summary, location: day.site.clone() };
    (left.span.start < left.span.end).then_some(event)
}

/// Leave of whole days.
fn whole(who: EmployeeId, leave: &Held, away: &str) -> Event {
    let when = When::Days(leave.from, leave.to);
    Event { uid: uid("leave", leave.from, who), when, summary: away.to_owned(), location: None }
}

/// Half a day of leave: the half of the plan that is free of it. Without a plan it frees nothing.
fn half(who: EmployeeId, day: &FeedDay, portion: Portion, away: &str) -> Option<Event> {
    let shift = day.facts.shift.as_ref()?;
    let plan = Plan::of(shift, day.facts.date, &day.facts.zone);
    let (what, span) = match portion {
        Portion::Pm => {
            let left = plan.without(Off::Afternoon)?.span;
            ("leave-pm", Interval { start: left.end, end: plan.span.end })
        }
        Portion::Am | Portion::Full => {
            let left = plan.without(Off::Morning)?.span;
            ("leave-am", Interval { start: plan.span.start, end: left.start })
        }
    };
    let event =
        Event { uid: uid(what, day.facts.date, who), when: within(span), summary: away.to_owned(), location: None };
    (span.start < span.end).then_some(event)
}

/// Hours of leave of a day.
fn hours(who: EmployeeId, day: &FeedDay, away: &str) -> Vec<Event> {
    let Some(shift) = &day.facts.shift else { return Vec::new() };
    let event = |hours: &(WallTime, WallTime)| {
        let off = hours_of(Some(shift), &day.facts, *hours);
        let event = Event {
            uid: uid(&format!("leave-{}", hours.0.to_string().replace(':', "")), day.facts.date, who),
            when: within(off),
            summary: away.to_owned(),
            location: None,
        };
        (off.start < off.end).then_some(event)
    };
    day.facts.leave_hours.iter().filter_map(event).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workdays::facts::ShiftFacts;
    use jiff::Timestamp;
    use jiff::civil::date;
    use jiff::tz::TimeZone;
    use rollcall_attendance_api::policy::Policy;
    use rollcall_attendance_api::shifts::Break;
    use rollcall_attendance_api::workdays::{DayHoliday, LeaveHours};
    use rollcall_ids::LeaveTypeId;
    use std::sync::Arc;

    const DAY: Date = date(2026, 6, 1);

    fn wall(text: &str) -> WallTime {
        WallTime::parse(text).unwrap()
    }

    fn day(on: Date, (start, end): (&str, &str), pause: Option<(&str, &str)>) -> FeedDay {
        let breaks = pause.map(|(start, end)| Break { start: wall(start), end: wall(end), paid: false });
        let breaks = breaks.into_iter().collect();
        let shift = ShiftFacts { start: wall(start), end: wall(end), breaks, policy: Policy::default() };
        let facts = DayFacts::planned(on, TimeZone::get("Europe/Berlin").unwrap(), Some(Arc::new(shift)));
        FeedDay { facts, shift: Some("Shift".into()), site: Some("Berlin".into()) }
    }

    fn plain() -> FeedDay {
        day(DAY, ("09:00", "18:00"), Some(("12:00", "13:00")))
    }

    fn held(who: EmployeeId, piece: Piece) -> Held {
        Held { employee_id: who, leave_type_id: LeaveTypeId::generate(), from: DAY, to: DAY, piece, days: vec![] }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// What is told and when, without ids.
    fn told(days: &[FeedDay], held: &[Held], who: EmployeeId) -> Vec<(String, When)> {
        events(who, days, held, "Leave").into_iter().map(|event| (event.summary, event.when)).collect()
    }

    fn from_to(summary: &str, from: &str, to: &str) -> (String, When) {
        (summary.to_owned(), When::Instants(at(from), at(to)))
    }

    #[test]
    fn nights_last_as_long_as_clocks_make_them() {
        let who = EmployeeId::generate();
        let long = day(date(2026, 10, 24), ("22:00", "06:00"), None);
        let short = day(date(2026, 3, 28), ("22:00", "06:00"), None);
        let expected = [
            from_to("Shift", "2026-10-24T20:00:00Z", "2026-10-25T05:00:00Z"),
            from_to("Shift", "2026-03-28T21:00:00Z", "2026-03-29T04:00:00Z"),
        ];
        assert_eq!(told(&[long, short], &[], who), expected);
    }

    /// RFC 5545 §3.8.2.2: an end is later than its start.
    #[test]
    fn a_shift_in_the_hour_that_the_clock_skips_is_nothing_to_be_worked() {
        let who = EmployeeId::generate();
        let skipped = day(date(2026, 3, 29), ("02:00", "03:00"), None);
        let after = day(date(2026, 3, 29), ("03:00", "04:00"), None);
        let expected = [from_to("Shift", "2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z")];
        assert_eq!(told(&[skipped, after], &[], who), expected);
    }

    #[test]
    fn leave_takes_from_the_plan_and_stands_beside_what_is_left() {
        let who = EmployeeId::generate();
        let with = |piece: Piece| {
            let mut day = plain();
            piece.take_from(&mut day.facts);
            told(&[day], &[held(who, piece)], who)
        };
        let whole = with(Piece::Portion(Portion::Full));
        assert_eq!(whole, [("Leave".to_owned(), When::Days(DAY, DAY))]);
        let morning = with(Piece::Portion(Portion::Am));
        let expected = [
            from_to("Shift", "2026-06-01T11:00:00Z", "2026-06-01T16:00:00Z"),
            from_to("Leave", "2026-06-01T07:00:00Z", "2026-06-01T11:00:00Z"),
        ];
        assert_eq!(morning, expected);
        let hours = with(Piece::Hours(LeaveHours { start: wall("16:00"), end: wall("18:00") }));
        let expected = [
            from_to("Shift", "2026-06-01T07:00:00Z", "2026-06-01T14:00:00Z"),
            from_to("Leave", "2026-06-01T14:00:00Z", "2026-06-01T16:00:00Z"),
        ];
        assert_eq!(hours, expected);
    }

    #[test]
    fn nothing_is_to_be_worked_on_a_holiday_and_where_nothing_is_planned_half_a_day_of_leave_is_nothing() {
        let who = EmployeeId::generate();
        let mut holiday = plain();
        holiday.facts.holiday = Some(DayHoliday { name: "H".into(), portion: Portion::Full });
        assert_eq!(told(&[holiday], &[], who), []);
        let mut free = plain();
        free.facts.shift = None;
        assert_eq!(told(&[free], &[held(who, Piece::Portion(Portion::Pm))], who), []);
    }

    #[test]
    fn an_id_stays_when_the_shift_of_the_day_is_another_one() {
        let who = EmployeeId::generate();
        let ids = |day: FeedDay| events(who, &[day], &[], "Leave")[0].uid.clone();
        assert_eq!(ids(plain()), ids(day(DAY, ("22:00", "06:00"), None)));
        assert_eq!(ids(plain()), format!("shift-2026-06-01-{who}@rollcall"));
    }
}
