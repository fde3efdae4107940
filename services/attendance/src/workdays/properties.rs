//! What holds for any facts.

use super::facts::{DayFacts, Facts, PunchFact, ShiftFacts};
use super::gather::{LOOKBACKS, Reach};
use super::{Workday, compute, is_anchored};
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use proptest::prelude::*;
use rollcall_attendance_api::policy::{AutoBreak, OvertimePolicy, Pairing, Policy, Portion};
use rollcall_attendance_api::punches::Direction;
use rollcall_attendance_api::shifts::Break;
use rollcall_attendance_api::wall_time::WallTime;
use rollcall_attendance_api::workdays::DayHoliday;
use rollcall_ids::PunchId;
use std::collections::BTreeSet;
use std::sync::Arc;

const DAYS: i32 = 14;

fn first_day() -> Date {
    date(2026, 10, 18) // a week before the clocks of Berlin go back
}

fn wall_time() -> impl Strategy<Value = WallTime> {
    (0..24u32, prop_oneof![Just(0u32), Just(30), 0..60u32])
        .prop_map(|(h, m)| WallTime::parse(&format!("{h:02}:{m:02}")).unwrap())
}

fn policy() -> impl Strategy<Value = Policy> {
    let limits = (0..720u32, 0..720u32, 0..30u32, 0..3600u32);
    let pairing = prop_oneof![Just(Pairing::EveryPair), Just(Pairing::FirstLast)];
    let auto_break = proptest::option::of((0..600u32, 0..120u32));
    let overtime = (any::<bool>(), any::<bool>(), 0..60u32, any::<bool>());
    (limits, pairing, auto_break, overtime).prop_map(|(limits, pairing, auto_break, overtime)| Policy {
        opens_before: limits.0,
        closes_after: limits.1,
        grace_in: limits.2,
        debounce_seconds: limits.3,
        pairing,
        auto_break: auto_break.map(|(after, minutes)| AutoBreak { after, minutes }),
        overtime: OvertimePolicy {
            counts_before: overtime.0,
            counts_after: overtime.1,
            minimum: overtime.2,
            requires_approval: overtime.3,
        },
        ..Policy::default()
    })
}

/// The same facts with shifts that are split at midnight, or not.
fn split(facts: &Facts, at_midnight: impl Fn(usize) -> bool) -> Facts {
    let mut facts = facts.clone();
    for (index, day) in facts.days.iter_mut().enumerate() {
        if let Some(shift) = &mut day.shift {
            let mut changed = ShiftFacts::clone(shift);
            changed.policy.split_at_midnight = at_midnight(index);
            *shift = Arc::new(changed);
        }
    }
    facts
}

/// Every other shift is split at midnight.
fn some_split(facts: &Facts) -> Facts {
    split(facts, |index| index % 2 == 0)
}

fn shift() -> impl Strategy<Value = Arc<ShiftFacts>> {
    (wall_time(), wall_time(), policy(), any::<bool>()).prop_map(|(start, end, policy, with_break)| {
        let length = (end.minutes() + 1440 - start.minutes() - 1) % 1440 + 1;
        let clock = |offset: u32| {
            let minute = (start.minutes() + offset) % 1440;
            WallTime::parse(&format!("{:02}:{:02}", minute / 60, minute % 60)).unwrap()
        };
        let lunch = Break { start: clock(length / 2), end: clock(length / 2 + 30), paid: false };
        let breaks = if with_break && length > 90 { vec![lunch] } else { vec![] };
        Arc::new(ShiftFacts { start, end, breaks, policy })
    })
}

fn portion() -> impl Strategy<Value = Option<Portion>> {
    prop_oneof![
        6 => Just(None),
        1 => Just(Some(Portion::Full)),
        1 => Just(Some(Portion::Am)),
        1 => Just(Some(Portion::Pm)),
    ]
}

fn day(index: i32) -> impl Strategy<Value = DayFacts> {
    let zone = prop_oneof![8 => Just("Europe/Berlin"), 1 => Just("Asia/Kathmandu"), 1 => Just("Pacific/Apia")];
    let hours = prop_oneof![4 => Just(vec![]), 1 => proptest::collection::vec((wall_time(), wall_time()), 1..3)];
    (zone, proptest::option::weighted(0.7, shift()), portion(), portion(), hours).prop_map(
        move |(zone, shift, holiday, leave, leave_hours)| DayFacts {
            date: first_day() + index.days(),
            zone: TimeZone::get(zone).unwrap(),
            shift,
            holiday: holiday.map(|portion| DayHoliday { name: "Holiday".into(), portion }),
            leave,
            leave_hours,
            leave_costs: Vec::new(),
            overtime_approved: (index % 3 == 0).then_some(45),
            reported_until: None,
        },
    )
}

fn punch() -> impl Strategy<Value = PunchFact> {
    let direction = prop_oneof![3 => Just(Direction::Auto), 1 => Just(Direction::In), 1 => Just(Direction::Out)];
    let second = prop_oneof![0..i64::from(DAYS) * 86_400, (0..i64::from(DAYS) * 24).prop_map(|h| h * 3600)];
    (second, direction).prop_map(|(second, said)| punch_at(midnight_utc(first_day()) + second.seconds(), said))
}

fn punch_at(at: Timestamp, direction: Direction) -> PunchFact {
    PunchFact { id: PunchId::generate(), at, direction, outside_geofence: false, outside_network: false }
}

/// A date without holiday and leave.
fn rest_day(index: i32, zone: &TimeZone, shift: Option<Arc<ShiftFacts>>) -> DayFacts {
    DayFacts::planned(first_day() + index.days(), zone.clone(), shift)
}

fn midnight_utc(date: Date) -> Timestamp {
    date.to_zoned(TimeZone::UTC).unwrap().timestamp()
}

fn facts() -> impl Strategy<Value = Facts> {
    let days: Vec<_> = (0..DAYS).map(day).collect();
    let now = 0..i64::from(DAYS + 2) * 86_400;
    (days, proptest::collection::vec(punch(), 0..60), now).prop_map(|(days, punches, now)| Facts {
        now: midnight_utc(first_day()) + now.seconds(),
        days,
        punches,
    })
}

/// The days from `from` to `to`, computed from what a reading of them loads of `facts` and nothing else.
pub(super) fn read_alone(facts: &Facts, from: Date, to: Date) -> Vec<Workday> {
    let loaded = |since: Date| {
        let Reach { days: (first, last), punches: (known_since, until) } = Reach::of((since, to)).unwrap();
        let mut loaded = facts.clone();
        loaded.days.retain(|day| first <= day.date && day.date <= last);
        loaded.punches.retain(|punch| known_since <= punch.at && punch.at < until);
        is_anchored(&loaded, known_since, from).then(|| compute(&loaded, from, to))
    };
    LOOKBACKS.into_iter().find_map(|lookback| loaded(from - lookback.days())).expect("the last one reads all")
}

/// Shifts as long as they may be, with windows as wide, at sites as far away as there are; the site moves once.
fn far() -> impl Strategy<Value = Facts> {
    let zone = || prop_oneof![Just("Pacific/Pago_Pago"), Just("Pacific/Kiritimati"), Just("Europe/Berlin")];
    let whole_day = (wall_time(), shift()).prop_map(|(start, shift)| {
        let policy = Policy { opens_before: 720, closes_after: 720, ..shift.policy };
        Some(Arc::new(ShiftFacts { start, end: start, breaks: vec![], policy }))
    });
    let rest = prop_oneof![3 => whole_day, 1 => shift().prop_map(Some), 2 => Just(None)];
    let shifts = proptest::collection::vec(rest, DAYS as usize);
    (facts(), shifts, zone(), zone(), 0..DAYS).prop_map(|(mut facts, shifts, before, after, moves)| {
        let zones = [before, after].map(|name| TimeZone::get(name).unwrap());
        for ((index, day), shift) in (0..).zip(&mut facts.days).zip(shifts) {
            day.zone = zones[usize::from(index >= moves)].clone();
            day.shift = shift;
        }
        facts
    })
}

fn all(facts: &Facts) -> Vec<Workday> {
    compute(facts, first_day(), first_day() + DAYS.days())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_order_in_which_punches_arrive_does_not_matter(
        (facts, shuffled) in facts().prop_flat_map(|facts| {
            let punches = Just(facts.punches.clone()).prop_shuffle();
            (Just(facts), punches)
        })
    ) {
        let later = Facts { punches: shuffled, ..facts.clone() };
        prop_assert_eq!(all(&facts), all(&later));
        prop_assert_eq!(all(&some_split(&facts)), all(&some_split(&later)));
    }

    #[test]
    fn computing_twice_gives_the_same(facts in facts()) {
        prop_assert_eq!(all(&facts), all(&facts));
    }

    #[test]
    fn nobody_works_longer_than_from_the_first_punch_to_the_last(facts in facts()) {
        for day in all(&facts) {
            let at = || day.punches.iter().map(|punch| punch.at.as_second());
            let span = at().max().unwrap_or(0) - at().min().unwrap_or(0);
            prop_assert!(i64::from(day.worked_minutes) * 60 <= span, "{:?}", day);
            prop_assert!(day.overtime_minutes <= day.worked_minutes);
            prop_assert!(day.overtime_approved_minutes <= day.overtime_minutes);
            prop_assert!(day.paid_minutes <= day.worked_minutes);
        }
    }

    #[test]
    fn no_punch_counts_on_two_days_and_no_second_does(facts in facts()) {
        let days = all(&facts);
        let ids: Vec<_> = days.iter().flat_map(|day| day.punches.iter().map(|p| p.punch_id)).collect();
        prop_assert_eq!(ids.len(), ids.iter().collect::<BTreeSet<_>>().len());

        let windows = super::windows::of(&facts.days);
        let sessions = super::belonging::sessions(&facts, &windows);
        let mut intervals: Vec<_> = sessions.iter().flat_map(|s| s.pairing.intervals.clone()).collect();
        intervals.sort_by_key(|interval| (interval.start, interval.end));
        prop_assert!(intervals.windows(2).all(|pair| pair[0].end <= pair[1].start), "{intervals:?}");
    }

    #[test]
    fn windows_do_not_overlap(facts in facts()) {
        let mut holds: Vec<_> = super::windows::of(&facts.days).iter().map(|w| w.holds).collect();
        holds.retain(|window| window.start < window.end);
        holds.sort_by_key(|window| window.start);
        prop_assert!(holds.windows(2).all(|pair| pair[0].end <= pair[1].start), "{holds:?}");
    }

    #[test]
    fn a_range_read_in_parts_is_the_range(facts in prop_oneof![facts(), far()], cuts in [1..DAYS, 1..DAYS]) {
        let [a, b] = [cuts[0].min(cuts[1]), cuts[0].max(cuts[1])].map(|cut| first_day() + cut.days());
        for facts in [some_split(&facts), facts] {
            let parts = [(first_day(), a - 1.day()), (a, b - 1.day()), (b, first_day() + (DAYS - 1).days())];
            let joined: Vec<_> = parts.into_iter().flat_map(|(from, to)| read_alone(&facts, from, to)).collect();
            prop_assert_eq!(all(&facts), joined);
        }
    }

    #[test]
    fn splitting_at_midnight_moves_time_and_makes_none(facts in facts()) {
        // Of the last day something would move out of sight.
        let last = facts.days.len() - 1;
        let (whole, parts) = (all(&split(&facts, |_| false)), all(&split(&facts, |index| index < last)));
        let sum = |days: &[Workday], of: fn(&Workday) -> u32| days.iter().map(of).sum::<u32>();
        let minutes: [fn(&Workday) -> u32; 3] = [|d| d.worked_minutes, |d| d.planned_minutes, |d| d.break_minutes];
        for of in minutes {
            let (before, after) = (sum(&whole, of), sum(&parts, of));
            // Each date rounds its seconds down once.
            prop_assert!(after.abs_diff(before) <= DAYS as u32, "{} became {}", before, after);
        }
        for (a, b) in whole.iter().zip(&parts) {
            let stays = |d: &Workday| {
                (d.status, d.first_in, d.last_out, d.late_minutes, d.early_leave_minutes, d.planned)
            };
            prop_assert_eq!(stays(a), stays(b));
            prop_assert_eq!((&a.punches, &a.exceptions), (&b.punches, &b.exceptions));
            prop_assert!(b.overtime_approved_minutes <= b.overtime_minutes && b.overtime_minutes <= b.worked_minutes);
            prop_assert!(b.paid_minutes <= b.worked_minutes);
        }
    }

    #[test]
    fn knowing_less_of_the_past_changes_nothing_once_anchored(facts in facts(), from in 6..10i32) {
        let from = first_day() + from.days();
        let known_since = midnight_utc(from - 3.days());
        let facts = some_split(&facts);
        let mut less = facts.clone();
        less.punches.retain(|punch| punch.at >= known_since);
        prop_assume!(is_anchored(&less, known_since, from));
        let to = from + 2.days();
        prop_assert_eq!(compute(&facts, from, to), compute(&less, from, to));
    }
}

/// As far as plans reach: the window of a shift of a day that begins last of all in Pago Pago is still open when that of
/// one that begins first of all in Kiritimati four dates later opens.
#[test]
fn a_window_may_end_where_that_of_four_dates_later_begins() {
    let shift = |time: &str| {
        let time = WallTime::parse(time).unwrap();
        let policy = Policy { opens_before: 720, closes_after: 720, ..Policy::default() };
        Arc::new(ShiftFacts { start: time, end: time, breaks: vec![], policy })
    };
    let day = |index: i32| {
        let zone = if index < 7 { "Pacific/Pago_Pago" } else { "Pacific/Kiritimati" };
        let shift = match index {
            5 => Some(shift("23:59")),
            9 => Some(shift("00:00")),
            _ => None,
        };
        rest_day(index, &TimeZone::get(zone).unwrap(), shift)
    };
    let punch = |at: &str| punch_at(at.parse().unwrap(), Direction::Auto);
    // The border lies in the middle between 10:59 on the 25th and 10:00 on the 26th, in UTC.
    let punches = ["2026-10-24T10:59:00Z", "2026-10-25T22:20:00Z", "2026-10-25T22:40:00Z"].map(punch).to_vec();
    let facts = Facts { now: Timestamp::MAX, days: (0..DAYS).map(day).collect(), punches };
    let (from, to) = (first_day() + 5.days(), first_day() + 9.days());
    let days = compute(&facts, from, to);
    assert_eq!((days[0].punches.len(), days[4].punches.len()), (2, 1));
    for day in days {
        assert_eq!(read_alone(&facts, day.date, day.date), [day]);
    }
}

/// Somebody whom nobody plans and who punches every few hours: each stretch depends on the one before.
fn unplanned() -> impl Strategy<Value = Facts> {
    let gaps = proptest::collection::vec(prop_oneof![1..5i64, 7..11i64, 12..20i64], 20..40);
    gaps.prop_map(|gaps| {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let day = |index: i32| rest_day(index, &zone, None);
        let mut at = midnight_utc(first_day());
        let punch = |hours: i64| {
            at += hours.hours();
            punch_at(at, Direction::Auto)
        };
        let punches = gaps.into_iter().map(punch).collect();
        Facts { now: Timestamp::MAX, days: (0..DAYS).map(day).collect(), punches }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn an_unplanned_week_cut_where_it_is_not_anchored_is_noticed(
        facts in unplanned(), from in 5..9i32, hours in 50..90i64
    ) {
        let from = first_day() + from.days();
        let known_since = midnight_utc(from) - hours.hours();
        let mut less = facts.clone();
        less.punches.retain(|punch| punch.at >= known_since);
        prop_assume!(is_anchored(&less, known_since, from));
        let to = from + 2.days();
        prop_assert_eq!(compute(&facts, from, to), compute(&less, from, to));
    }
}
