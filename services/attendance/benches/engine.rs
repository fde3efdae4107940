//! The engine alone, on one core: a million workdays, of people who differ. `make bench-engine`.
//!
//! An item is a workday; what is measured is `compute` and dropping what it answers. Gathering the facts is not in it:
//! `make bench-workdays` measures the whole reading. It fails when a million workdays take as long as they must not.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot prepare ends with the reason")]
#![expect(clippy::print_stdout, reason = "a benchmark says what it measured")]

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use jiff::ToSpan as _;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use rollcall_attendance::workdays::compute;
use rollcall_attendance::workdays::facts::{DayFacts, Facts, PunchFact, ShiftFacts};
use rollcall_attendance_api::policy::{AutoBreak, OvertimePolicy, Pairing, Policy, Portion, Rounding, RoundingMode};
use rollcall_attendance_api::punches::Direction;
use rollcall_attendance_api::shifts::Break;
use rollcall_attendance_api::wall_time::WallTime;
use rollcall_attendance_api::workdays::DayHoliday;
use rollcall_ids::PunchId;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Workdays of one round.
const WORKDAYS: usize = 1_000_000;
/// Different people; their months are computed again and again.
const PEOPLE: usize = 500;
/// The month in which the clocks of Berlin go back.
const MONTH: (Date, Date) = (date(2026, 10, 1), date(2026, 10, 31));
const DAYS: usize = 31;

/// Rounds, of which the middle one is held against the bound.
const ROUNDS: usize = 5;
/// How long a million workdays must not take.
const BOUND: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    divan::main();
    // Whoever only tries whether it runs, as `cargo test --benches` does, has it built without optimisation.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let people: Vec<Facts> = (0..PEOPLE).map(person).collect();
    let mut rounds: Vec<Duration> = (0..ROUNDS).map(|_| a_million_workdays(&people)).collect();
    rounds.sort_unstable();
    let median = rounds[ROUNDS / 2];
    println!("a million workdays: {median:.2?}, the median of {rounds:.2?}; less than {BOUND:?} is required");
    if median < BOUND { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// How long months of different people take until there are a million days. divan measures, but judges nothing.
fn a_million_workdays(people: &[Facts]) -> Duration {
    let started = Instant::now();
    let mut computed = 0;
    for facts in people.iter().cycle() {
        let month = compute(black_box(facts), MONTH.0, MONTH.1);
        computed += black_box(&month).len();
        if computed >= WORKDAYS {
            break;
        }
    }
    assert!(computed < WORKDAYS + DAYS, "every month has all of its days");
    started.elapsed()
}

/// One month of one person: what a reading of `workdays` computes.
#[divan::bench(sample_count = 1000)]
fn a_month_of_one_person(bencher: Bencher<'_, '_>) {
    let facts = person(0);
    bencher.counter(ItemsCount::new(DAYS)).bench_local(|| compute(black_box(&facts), MONTH.0, MONTH.1));
}

/// A month of somebody: by their number they work by day or by night, in Berlin, Shanghai or Kathmandu, with one
/// policy or another, punch two, four or six times, forget one now and then, and have a holiday and half a day of leave.
/// Every other night is split at midnight; some of the others have but their first coming and last going count, or their
/// overtime as far as it was approved. Everybody has some hours of leave, and half a holiday.
fn person(number: usize) -> Facts {
    let zone = ["Europe/Berlin", "Asia/Shanghai", "Asia/Kathmandu"][number % 3];
    let zone = TimeZone::get(zone).unwrap();
    let night = number % 5 == 4;
    let shift = Arc::new(if night { night_shift(number) } else { day_shift(number) });
    let dates = (MONTH.0 - 3.days()).series(1.day()).take(DAYS + 6);
    let days: Vec<DayFacts> = dates
        .enumerate()
        .map(|(index, date)| DayFacts {
            date,
            zone: zone.clone(),
            shift: (index % 7 < 5).then(|| Arc::clone(&shift)),
            holiday: holiday(index),
            leave: (index == 17).then_some(Portion::Pm),
            leave_hours: if index == 24 { vec![(time("14:00"), time("16:00"))] } else { vec![] },
            leave_costs: vec![],
            overtime_approved: index.is_multiple_of(4).then_some(30),
            reported_until: None,
        })
        .collect();
    let mut punches = Vec::new();
    for (index, day) in days.iter().enumerate().filter(|(_, day)| day.shift.is_some()) {
        let times: &[(i8, i8)] = match (night, number % 4) {
            (true, _) => &[(21, 55), (30, 4)],
            (false, 0) => &[(8, 58), (12, 1), (12, 58), (18, 3)],
            (false, 1) => &[(9, 7), (12, 1), (12, 58), (15, 0), (15, 20), (18, 40)],
            _ => &[(8, 50), (18, 1)],
        };
        // Somebody forgets to punch out, on another date for each.
        let forgotten = usize::from(index % 20 == number % 20);
        for (hour, minute) in &times[..times.len() - forgotten] {
            let on = day.date + i32::from(*hour / 24).days();
            let second = i8::try_from((number * 7 + index * 13) % 60).unwrap();
            let at = on.at(*hour % 24, *minute, second, 0).to_zoned(zone.clone()).unwrap().timestamp();
            let direction = Direction::Auto;
            punches.push(PunchFact {
                id: PunchId::generate(),
                at,
                direction,
                outside_geofence: number.is_multiple_of(50),
                outside_network: false,
            });
        }
    }
    // As an index gives them: by time, but for a batch that came late.
    let late = punches.len() / 3;
    punches.rotate_left(late);
    Facts { now: "2026-12-01T00:00:00Z".parse().unwrap(), days, punches }
}

/// A whole holiday and half a one.
fn holiday(index: usize) -> Option<DayHoliday> {
    let portion = match index {
        11 => Portion::Full,
        30 => Portion::Am,
        _ => return None,
    };
    Some(DayHoliday { name: "Holiday".into(), portion })
}

fn night_shift(number: usize) -> ShiftFacts {
    let mut night = shift("22:00", "06:00", ("02:00", "02:30"));
    night.policy.split_at_midnight = number.is_multiple_of(2);
    night
}

fn day_shift(number: usize) -> ShiftFacts {
    let mut day = shift("09:00", "18:00", ("12:00", "13:00"));
    day.policy.grace_in = 5;
    day.policy.overtime = OvertimePolicy {
        counts_before: number.is_multiple_of(2),
        minimum: 15,
        requires_approval: number.is_multiple_of(3),
        ..OvertimePolicy::default()
    };
    day.policy.pairing = if number.is_multiple_of(7) { Pairing::FirstLast } else { Pairing::EveryPair };
    day.policy.rounding = number.is_multiple_of(3).then_some(Rounding { to: 15, mode: RoundingMode::Nearest });
    day.policy.auto_break = (number % 4 == 1).then_some(AutoBreak { after: 360, minutes: 60 });
    day
}

fn time(text: &str) -> WallTime {
    WallTime::parse(text).unwrap()
}

fn shift(start: &str, end: &str, pause: (&str, &str)) -> ShiftFacts {
    let pause = Break { start: time(pause.0), end: time(pause.1), paid: false };
    ShiftFacts { start: time(start), end: time(end), breaks: vec![pause], policy: Policy::default() }
}
