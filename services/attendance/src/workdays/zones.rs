//! Every zone of the bundled database, and every change of its clocks from 2020 to 2030.
//!
//! What a workday should be there is computed a second time, from jiff's own arithmetic with zoned date-times, which the
//! engine does not use.

use super::facts::{DayFacts, Facts, Interval, PunchFact, Second, ShiftFacts};
use super::properties::read_alone;
use super::{Workday, compute};
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _, Zoned};
use rollcall_attendance_api::policy::Policy;
use rollcall_attendance_api::punches::Direction;
use rollcall_attendance_api::shifts::Break;
use rollcall_attendance_api::wall_time::WallTime;
use rollcall_attendance_api::workdays::Status;
use rollcall_ids::PunchId;
use std::collections::HashSet;
use std::sync::Arc;

/// Around every change: days before and after it.
const AROUND: i32 = 2;

/// Start and end of a shift, and those of its break.
type Times = (&'static str, &'static str, Option<(&'static str, &'static str)>);

/// Shifts whose start, break or end, or all of it, lies where clocks change.
const SHIFTS: [Times; 4] = [
    ("09:00", "18:00", Some(("12:00", "13:00"))),
    ("22:00", "06:00", Some(("02:00", "02:30"))),
    ("00:30", "02:30", None),
    ("20:00", "08:00", Some(("23:45", "00:15"))),
];

fn wall(text: &str) -> WallTime {
    WallTime::parse(text).unwrap()
}

fn shift((start, end, pause): Times, split_at_midnight: bool) -> Arc<ShiftFacts> {
    let breaks = pause.map(|(start, end)| Break { start: wall(start), end: wall(end), paid: false });
    Arc::new(ShiftFacts {
        start: wall(start),
        end: wall(end),
        breaks: breaks.into_iter().collect(),
        policy: Policy { split_at_midnight, ..Policy::default() },
    })
}

/// The change and the facts around it: the shift on every day, nobody has punched, all of it is over.
fn facts(zone: &TimeZone, change: Date, shift: &Arc<ShiftFacts>) -> Facts {
    let day = |offset: i32| DayFacts::planned(change + offset.days(), zone.clone(), Some(Arc::clone(shift)));
    Facts { now: Timestamp::MAX, days: (-AROUND..=AROUND).map(day).collect(), punches: Vec::new() }
}

fn punch(at: Timestamp, direction: Direction) -> PunchFact {
    PunchFact { id: PunchId::generate(), at, direction, outside_geofence: false, outside_network: false }
}

/// From `start` to `end` of a shift on `date`, as jiff reads a clock on the wall.
fn on_the_clock(
    date: Date,
    (start, end): (WallTime, WallTime),
    shift_start: WallTime,
    zone: &TimeZone,
) -> (Zoned, Zoned) {
    let from = if start < shift_start { date.tomorrow().unwrap() } else { date };
    let until = if end <= start { from.tomorrow().unwrap() } else { from };
    let at = |date: Date, time: WallTime| date.to_datetime(time.time()).to_zoned(zone.clone()).unwrap();
    (at(from, start), at(until, end))
}

/// Seconds between two zoned times, none when the clock was put past the later one.
fn seconds(from: &Zoned, until: &Zoned) -> Second {
    until.duration_since(from).max(SignedDuration::ZERO).as_secs()
}

/// All changes of all zones, by the date on which each falls. Zones whose clocks do the same in these years, under
/// whatever names, are looked at once: nothing else of a zone reaches the engine.
fn changes() -> Vec<(TimeZone, Date)> {
    let at = |year: i16| date(year, 1, 1).to_zoned(TimeZone::UTC).unwrap().timestamp();
    let names: Vec<String> = jiff::tz::db().available().map(|name| name.as_str().to_owned()).collect();
    assert!(names.len() > 500, "{} zones", names.len());
    let mut seen = HashSet::new();
    let mut all = Vec::new();
    for name in names {
        let zone = TimeZone::get(&name).unwrap();
        let until = at(2031);
        let of_zone: Vec<(Timestamp, i32)> = zone
            .following(at(2020))
            .take_while(|change| change.timestamp() < until)
            .map(|change| (change.timestamp(), change.offset().seconds()))
            .collect();
        if !seen.insert((zone.to_offset(at(2020)).seconds(), of_zone.clone())) {
            continue;
        }
        let mut dates: Vec<Date> = of_zone.iter().map(|(at, _)| zone.to_datetime(*at).date()).collect();
        // A zone whose clocks never change is looked at once.
        if dates.is_empty() {
            dates.push(date(2025, 6, 15));
        }
        all.extend(dates.into_iter().map(|date| (zone.clone(), date)));
    }
    assert!(all.len() > 500, "{} changes", all.len());
    all
}

#[test]
fn who_comes_and_goes_as_planned_has_worked_what_was_planned_whatever_the_clocks_did() {
    for (zone, change) in changes() {
        for times in SHIFTS {
            let shift = shift(times, false);
            let mut facts = facts(&zone, change, &shift);
            let mut expected = Vec::new();
            for day in &facts.days {
                let plan = on_the_clock(day.date, (shift.start, shift.end), shift.start, &zone);
                let breaks = shift.breaks.iter().map(|b| {
                    let (from, until) = on_the_clock(day.date, (b.start, b.end), shift.start, &zone);
                    let (from, until) = ((&from).max(&plan.0), (&until).min(&plan.1));
                    seconds(from, until)
                });
                let off: Second = breaks.sum();
                expected.push((day.date, seconds(&plan.0, &plan.1) - off, plan));
            }
            for (_, _, (start, end)) in &expected {
                let there = end.timestamp() > start.timestamp();
                let both = [(start, Direction::In), (end, Direction::Out)].into_iter().filter(|_| there);
                facts.punches.extend(both.map(|(at, direction)| punch(at.timestamp(), direction)));
            }
            for (day, (date, planned, (start, end))) in days(&facts).iter().zip(&expected) {
                let what = format!("{} {date} {times:?}: {day:#?}", zone.iana_name().unwrap_or("?"));
                assert_eq!(day.date, *date, "{what}");
                let minutes = u32::try_from(planned / 60).unwrap();
                assert_eq!(day.planned_minutes, minutes, "{what}");
                assert_eq!(day.worked_minutes, minutes, "{what}");
                assert_eq!(day.planned.unwrap().0, start.timestamp(), "{what}");
                if end.timestamp() > start.timestamp() {
                    assert_eq!(day.planned.unwrap().1, end.timestamp(), "{what}");
                    assert_eq!(day.status, Status::Present, "{what}");
                }
                assert_eq!((day.late_minutes, day.early_leave_minutes, day.overtime_minutes), (0, 0, 0), "{what}");
            }
        }
    }
}

#[test]
fn whoever_punches_every_few_hours_across_a_change_works_no_second_twice() {
    for (zone, change) in changes() {
        for (times, split) in SHIFTS.into_iter().zip([false, true, false, true]) {
            let shift = shift(times, split);
            let mut facts = facts(&zone, change, &shift);
            let first = change.to_zoned(zone.clone()).unwrap().timestamp() - SignedDuration::from_hours(30);
            // Gaps of five hours drift through the day, so that every side of a change is met.
            let every = SignedDuration::from_mins(307);
            facts.punches = (0..14).map(|n| punch(first + every * n, Direction::Auto)).collect();
            let what = format!("{} {change} {times:?}", zone.iana_name().unwrap_or("?"));
            holds(&facts, &what);
        }
    }
}

fn days(facts: &Facts) -> Vec<Workday> {
    compute(facts, facts.days[0].date, facts.days[facts.days.len() - 1].date)
}

/// What holds of any facts.
fn holds(facts: &Facts, what: &str) {
    let windows = super::windows::of(&facts.days);
    for pair in windows.windows(2) {
        let (earlier, later) = (&pair[0], &pair[1]);
        assert!(earlier.holds.end <= later.holds.start, "{what}: {pair:#?}");
        let policy = &earlier.shift.policy;
        let reach = earlier.plan.span.end + Second::from(policy.closes_after) * 60;
        let open = later.plan.span.start - Second::from(policy.opens_before) * 60;
        if reach > open {
            let middle = i64::midpoint(earlier.plan.span.end, later.plan.span.start);
            assert_eq!((earlier.holds.end, later.holds.start), (middle, middle), "{what}");
        } else {
            assert_eq!((earlier.holds.end, later.holds.start), (reach, open), "{what}");
        }
    }
    let sessions = super::belonging::sessions(facts, &windows);
    let mut intervals: Vec<Interval> = sessions.iter().flat_map(|s| s.pairing.intervals.clone()).collect();
    intervals.sort_by_key(|interval| interval.start);
    assert!(intervals.windows(2).all(|pair| pair[0].end <= pair[1].start), "{what}: {intervals:?}");

    let all = days(facts);
    let span: Second = intervals.iter().map(|interval| interval.seconds()).sum();
    let worked: Second = all.iter().map(|day| Second::from(day.worked_minutes) * 60).sum();
    assert!(worked <= span, "{what}: {worked} s of {span} s");
    let counted: usize = all.iter().map(|day| day.punches.len()).sum();
    assert_eq!(counted, facts.punches.len(), "{what}");
    let alone: Vec<Workday> = all.iter().flat_map(|day| read_alone(facts, day.date, day.date)).collect();
    assert_eq!(all, alone, "{what}");
}
