//! The worked cases of the product's contract, one row each, and a few more where rules meet.
//!
//! A row: shift 09:00–18:00 with an unpaid break 12:00–13:00 and default rules on Tuesday 10 March 2026 in
//! Shanghai unless said; it is judged two days later. Punches are local, `14/06:05` is on the 14th of the
//! month, `in@`/`out@` is explicit. An expectation names what it looks at and nothing else.

use super::facts::{DayFacts, Facts, PunchFact, ShiftFacts};
use super::{Workday, compute};
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use rollcall_attendance_api::policy::{AutoBreak, Pairing, Policy, Portion, Rounding, RoundingMode};
use rollcall_attendance_api::punches::Direction;
use rollcall_attendance_api::shifts::Break;
use rollcall_attendance_api::wall_time::WallTime;
use rollcall_attendance_api::workdays::DayHoliday;
use rollcall_ids::PunchId;
use std::sync::Arc;

struct Row {
    name: &'static str,
    facts: Facts,
    policy: Policy,
    shifts: Vec<(Date, &'static str, Option<Policy>)>,
    date: Date,
}

fn row(name: &'static str) -> Row {
    let facts = Facts { now: Timestamp::MIN, days: Vec::new(), punches: Vec::new() };
    let row = Row { name, facts, policy: Policy::default(), shifts: Vec::new(), date: date(2026, 3, 10) };
    row.on("2026-03-10", "Asia/Shanghai").shift("09:00-18:00 break 12:00-13:00")
}

impl Row {
    /// The date and the zone; neighbours within five days are rest days.
    fn on(mut self, on: &str, zone: &str) -> Self {
        self.date = on.parse().unwrap();
        self.shifts.clear();
        let zone = TimeZone::get(zone).unwrap();
        let first = self.date - 5.days();
        self.facts.days = (0..11).map(|n| DayFacts::planned(first + n.days(), zone.clone(), None)).collect();
        self.facts.now = self.at(&format!("{:02}/12:00", (self.date + 2.days()).day()));
        self
    }

    fn shift(self, shift: &'static str) -> Self {
        let date = self.date;
        self.shift_on(date, shift)
    }

    fn shift_on(mut self, date: Date, shift: &'static str) -> Self {
        self.shifts.retain(|(planned, ..)| *planned != date);
        self.shifts.push((date, shift, None));
        self
    }

    /// Another version of the shift, with rules of its own, on `date`.
    fn version_on(mut self, date: Date, shift: &'static str, change: impl Fn(&mut Policy)) -> Self {
        let mut policy = Policy::default();
        change(&mut policy);
        self.shifts.retain(|(planned, ..)| *planned != date);
        self.shifts.push((date, shift, Some(policy)));
        self
    }

    /// From `date` on the site is in another zone.
    fn moves(mut self, date: Date, zone: &str) -> Self {
        let zone = TimeZone::get(zone).unwrap();
        self.facts.days.iter_mut().filter(|day| day.date >= date).for_each(|day| day.zone = zone.clone());
        self
    }

    fn rest(mut self) -> Self {
        self.shifts.clear();
        self
    }

    fn rules(mut self, change: impl Fn(&mut Policy)) -> Self {
        change(&mut self.policy);
        self
    }

    fn day(self, change: impl Fn(&mut DayFacts)) -> Self {
        let date = self.date;
        self.day_on(date, change)
    }

    fn day_on(mut self, date: Date, change: impl Fn(&mut DayFacts)) -> Self {
        change(self.facts.days.iter_mut().find(|day| day.date == date).unwrap());
        self
    }

    fn holiday(self, portion: Portion) -> Self {
        let date = self.date;
        self.holiday_on(date, portion)
    }

    fn holiday_on(self, date: Date, portion: Portion) -> Self {
        self.day_on(date, |day| day.holiday = Some(DayHoliday { name: "Founders' Day".into(), portion }))
    }

    fn leave(self, portion: Portion) -> Self {
        self.day(|day| day.leave = Some(portion))
    }

    fn hours(self, hours: &str) -> Self {
        let (from, until) = hours.split_once('-').unwrap();
        let hours = (WallTime::parse(from).unwrap(), WallTime::parse(until).unwrap());
        self.day(|day| day.leave_hours.push(hours))
    }

    fn now(mut self, now: &str) -> Self {
        self.facts.now = self.at(now);
        self
    }

    /// `[day/]HH:MM[:SS]` on the wall.
    fn at(&self, text: &str) -> Timestamp {
        let (day, time) = text.split_once('/').map_or((self.date.day(), text), |(d, t)| (d.parse().unwrap(), t));
        let on = self.facts.days.iter().find(|d| d.date.day() == day).unwrap();
        let time = if time.len() == 5 { format!("{time}:00") } else { time.to_owned() };
        on.date.to_datetime(time.parse().unwrap()).to_zoned(on.zone.clone()).unwrap().timestamp()
    }

    fn punches(mut self, punches: &str) -> Self {
        for text in punches.split_whitespace() {
            let (direction, time) = match text.split_once('@') {
                Some(("in", time)) => (Direction::In, time),
                Some(("out", time)) => (Direction::Out, time),
                _ => (Direction::Auto, text),
            };
            let at = self.at(time);
            let punch =
                PunchFact { id: PunchId::generate(), at, direction, outside_geofence: false, outside_network: false };
            self.facts.punches.push(punch);
        }
        self
    }

    /// What an approved correction does: the punches made then do not count.
    fn void(mut self, times: &str) -> Self {
        for time in times.split_whitespace() {
            let (at, before) = (self.at(time), self.facts.punches.len());
            self.facts.punches.retain(|punch| punch.at != at);
            assert_eq!(self.facts.punches.len(), before - 1, "{}: nobody punched at {time}", self.name);
        }
        self
    }

    fn computed(&self) -> Vec<Workday> {
        let mut facts = self.facts.clone();
        for (date, text, policy) in &self.shifts {
            let day = facts.days.iter_mut().find(|day| day.date == *date).unwrap();
            day.shift = Some(Arc::new(shift(text, policy.unwrap_or(self.policy))));
        }
        let (first, last) = (facts.days[2].date, facts.days[8].date);
        compute(&facts, first, last)
    }

    fn expect(self, expected: &str) -> Self {
        let date = self.date;
        self.expect_on(date, expected)
    }

    fn expect_on(self, date: Date, expected: &str) -> Self {
        let days = self.computed();
        let day = days.iter().find(|day| day.date == date).unwrap();
        for claim in expected.split_whitespace() {
            let (field, _) = claim.split_once('=').unwrap_or(("", claim));
            let actual = actual(day, field);
            assert!(actual.split(',').any(|a| a == claim), "{}: {claim}, but {actual} in {day:#?}", self.name);
        }
        self
    }
}

/// `09:00-18:00 break 12:00-13:00 paid 15:00-15:15`.
fn shift(text: &str, policy: Policy) -> ShiftFacts {
    let wall = |t: &str| WallTime::parse(t).unwrap();
    let span = |t: &str| t.split_once('-').map(|(a, b)| (wall(a), wall(b))).unwrap();
    let words: Vec<&str> = text.split_whitespace().collect();
    let (start, end) = span(words[0]);
    let breaks = words[1..].chunks(2).map(|pair| {
        let (start, end) = span(pair[1]);
        Break { start, end, paid: pair[0] == "paid" }
    });
    ShiftFacts { start, end, breaks: breaks.collect(), policy }
}

/// The field of the day as a claim would say it; several by commas.
fn actual(day: &Workday, field: &str) -> String {
    let wall = |at: Timestamp| {
        let time = day.zone.to_datetime(at).time();
        if time.second() == 0 { time.strftime("%H:%M").to_string() } else { time.to_string() }
    };
    match field {
        "" => serde_json::to_value(day.status).unwrap().as_str().unwrap().to_owned(),
        "worked" => format!("worked={}", day.worked_minutes),
        "paid" => format!("paid={}", day.paid_minutes),
        "planned" => format!("planned={}", day.planned_minutes),
        "breaks" => format!("breaks={}", day.break_minutes),
        "late" => format!("late={}", day.late_minutes),
        "early" => format!("early={}", day.early_leave_minutes),
        "overtime" => format!("overtime={}", day.overtime_minutes),
        "approved" => format!("approved={}", day.overtime_approved_minutes),
        "exceptions" => format!("exceptions={}", day.exceptions.len()),
        "punches" => format!("punches={}", day.punches.len()),
        "exception" => {
            let of = |e: &rollcall_attendance_api::workdays::Exception| {
                let code = serde_json::to_value(e.code).unwrap();
                format!("exception={}@{}", code.as_str().unwrap(), wall(e.at.unwrap()))
            };
            day.exceptions.iter().map(of).collect::<Vec<_>>().join(",")
        }
        "debounced" => {
            let ignored = day.punches.iter().filter(|p| p.ignored.is_some());
            ignored.map(|p| format!("debounced={}", wall(p.at))).collect::<Vec<_>>().join(",")
        }
        other => panic!("no such field: {other}"),
    }
}

#[rustfmt::skip]
#[test]
fn the_worked_cases_hold() {
    row("plain").punches("09:00 18:00").expect("present worked=480 late=0");
    row("grace 10, on it").rules(|p| p.grace_in = 10).punches("09:10:00 18:00").expect("present late=0");
    row("grace 10, a second over").rules(|p| p.grace_in = 10).punches("09:10:01 18:00").expect("late late=11");
    row("no grace").punches("09:00:30 18:00").expect("late late=1");
    row("early").punches("09:00 17:15").expect("early_leave early=45 worked=435");
    row("punched lunch").punches("09:00 12:05 12:55 18:00").expect("worked=480");
    row("short lunch, auto break").shift("09:00-18:00").rules(auto_break_60_after_300)
        .punches("09:00 12:00 12:40 18:00").expect("worked=480");
    row("double tap").punches("09:00:00 09:00:20 18:00").expect("present debounced=09:00:20");
    row("explicit in twice").punches("in@09:00 in@09:05 out@18:00").expect("worked=480 exception=double_in@09:05");
    row("auto, three punches").punches("09:00 13:00 14:00")
        .expect("incomplete exception=missing_out@14:00 worked=180");
    row("nothing, window closed").expect("absent");
    row("night").on("2026-03-13", "Asia/Shanghai").shift("22:00-06:00").punches("13/21:55 14/06:05")
        .expect("worked=490 overtime=5").expect_on(date(2026, 3, 14), "rest_day worked=0");
    row("night then day").on("2026-03-13", "Asia/Shanghai").shift("18:00-07:00")
        .shift_on(date(2026, 3, 14), "14:00-20:00").punches("13/18:00 14/07:10 14/14:00 14/20:00")
        .expect("worked=790 overtime=10").expect_on(date(2026, 3, 14), "present worked=360");
    row("night into summer time").on("2026-03-28", "Europe/Berlin").shift("22:00-06:00")
        .punches("28/22:00 29/06:00").expect("planned=420 worked=420 present");
    row("night out of summer time").on("2026-10-24", "Europe/Berlin").shift("22:00-06:00")
        .punches("24/22:00 25/06:00").expect("planned=540 worked=540 present");
    row("overtime both sides").shift("08:00-17:00 break 12:00-13:00").rules(|p| p.overtime.counts_before = true)
        .punches("06:00 20:00").expect("worked=780 overtime=300");
    row("rest day").rest().punches("10:00 12:30").expect("rest_day worked=150 overtime=150");
    row("holiday, full").holiday(Portion::Full).punches("09:00 18:00").expect("holiday worked=480 overtime=480");
    row("holiday, am").holiday(Portion::Am).punches("13:00 18:00").expect("half_day late=0 worked=300");
    row("leave pm, approved").leave(Portion::Pm).punches("09:00 12:00").expect("half_day early=0 worked=180");
    row("Kathmandu, nearest 30").on("2026-03-10", "Asia/Kathmandu").shift("09:00-18:00 break 12:00-13:00")
        .rules(nearest_30).punches("09:00 18:10").expect("paid=480");
    row("offline, out of order").punches("18:00 09:00").expect("present worked=480 late=0");
}

fn auto_break_60_after_300(policy: &mut Policy) {
    policy.auto_break = Some(AutoBreak { after: 300, minutes: 60 });
}

fn auto_break_60_after_450(policy: &mut Policy) {
    policy.auto_break = Some(AutoBreak { after: 450, minutes: 60 });
}

fn nearest_30(policy: &mut Policy) {
    policy.rounding = Some(Rounding { to: 30, mode: RoundingMode::Nearest });
}

#[rustfmt::skip]
#[test]
fn a_day_is_judged_when_it_is_over() {
    row("before").now("08:00").expect("pending");
    row("at work").now("15:00").punches("09:30").expect("pending late=30 exceptions=0");
    row("out for lunch").now("12:30").punches("09:00 12:00").expect("pending early=0 worked=180");
    row("gone after the end").now("18:01").punches("09:00 18:00").expect("present worked=480");
    row("gone early, end passed").now("18:01").punches("09:00 17:00").expect("early_leave early=60");
    row("still in, end passed").now("20:00").punches("09:00").expect("pending exceptions=0");
    row("nobody came, window open").now("23:59").expect("pending");
    row("nobody came, window closed").now("11/00:00").expect("absent");
    row("still in, window closed").now("11/00:00").punches("09:00").expect("incomplete exception=missing_out@09:00");
    row("too short, window open").rules(|p| p.absent_below = 60).now("18:30").punches("09:00 09:30").expect("pending");
    row("too short, window closed").rules(|p| p.absent_below = 60).punches("09:00 09:30").expect("absent worked=30");
    row("device has not reported").day(|d| d.reported_until = Some(d.date.to_zoned(d.zone.clone()).unwrap().timestamp()))
        .expect("pending");
}

#[rustfmt::skip]
#[test]
fn explicit_directions_are_believed() {
    row("out opens the day").punches("out@12:00 in@13:00 out@18:00")
        .expect("incomplete exception=missing_in@12:00 worked=300 late=0");
    row("out twice").punches("in@09:00 out@17:00 out@18:00")
        .expect("early_leave early=60 worked=420 exception=double_out@18:00");
    row("out twice, first and last").rules(|p| p.pairing = Pairing::FirstLast)
        .punches("in@09:00 out@17:00 out@18:00").expect("present worked=480 exception=double_out@18:00");
    row("doors, first and last").rules(|p| p.pairing = Pairing::FirstLast)
        .punches("09:00 11:00 14:00 16:00 18:00").expect("present worked=480 exceptions=0");
    row("explicit repeat within a minute").punches("in@09:00 in@09:00:30 out@18:00")
        .expect("present worked=480 exceptions=0 debounced=09:00:30");
    row("explicit change within a minute counts").punches("in@09:00 out@09:00:30 in@09:01 out@18:00")
        .expect("present exceptions=0 punches=4 worked=479");
    row("a change of job at one instant").punches("in@09:00 in@13:00 out@13:00 out@18:00")
        .expect("present exceptions=0 worked=480");
    row("a change of job within one second").punches("in@09:00 out@13:00:00.1 in@13:00:00.8 out@18:00")
        .expect("present exceptions=0 worked=480");
    row("a double tap is one by instants, not by seconds").punches("09:00:00.9 09:01:00.1 18:00")
        .expect("present worked=480 debounced=09:01");
    row("no double tap, to the fraction").punches("09:00:00.9 09:01:00.9 18:00")
        .expect("incomplete exception=missing_out@18:00 punches=3");
    row("a gap of unscheduled work is one by instants").rest().punches("in@08:00 out@09:00:00.9 out@13:00:00.1")
        .expect("rest_day worked=60 exception=double_out@13:00");
    row("auto after a double tap is measured from the last that counted").punches("09:00:00 09:00:59 09:01:00 18:00")
        .expect("incomplete debounced=09:00:59 punches=4");
}

#[rustfmt::skip]
#[test]
fn halves_of_days_off_shorten_the_plan() {
    row("half holiday and half leave").holiday(Portion::Am).leave(Portion::Pm).expect("on_leave planned=0");
    row("leave, worked all the same").leave(Portion::Full).punches("09:00 18:00")
        .expect("on_leave worked=480 overtime=480 paid=480");
    row("leave on a rest day").rest().leave(Portion::Full).expect("on_leave planned=0");
    row("half leave on a rest day").rest().leave(Portion::Am).expect("rest_day");
    row("leave am, without a break: midpoint").shift("08:00-16:00").leave(Portion::Am)
        .punches("12:00 16:00").expect("half_day planned=240 worked=240 late=0");
    row("leave am, came at noon").leave(Portion::Am).punches("12:00 18:00").expect("half_day planned=300 worked=300 late=0");
    row("leave am, late").leave(Portion::Am).punches("13:20 18:00").expect("half_day late=20 planned=300");
    row("leave am, came in the old morning").leave(Portion::Am).punches("08:55 18:00")
        .expect("half_day worked=485 overtime=0 paid=300");
    row("leave pm, nobody came").leave(Portion::Pm).expect("absent planned=180");
    row("leave pm, worked through").leave(Portion::Pm).punches("09:00 18:00").expect("half_day worked=480 overtime=300 paid=480");
    row("night before a holiday is not the holiday's").on("2026-03-13", "Asia/Shanghai").shift("22:00-06:00")
        .punches("13/22:00 14/06:00").expect("present worked=480").expect_on(date(2026, 3, 14), "rest_day worked=0");
}

#[rustfmt::skip]
#[test]
fn leave_shortens_the_plan_by_halves_and_by_hours() {
    row("hours at the start").hours("09:00-11:00").punches("11:00 18:00").expect("present late=0 planned=360 worked=360");
    row("hours at the start, late").hours("09:00-11:00").punches("11:10 18:00").expect("late late=10");
    row("hours up to the break").hours("09:00-12:00").punches("13:00 18:00").expect("present late=0 planned=300");
    row("hours at the end").hours("16:00-18:00").punches("09:00 16:00").expect("present early=0 planned=360 worked=360");
    row("hours at the end, left earlier").hours("16:00-18:00").punches("09:00 15:30").expect("early_leave early=30");
    row("hours in the middle, punched").hours("14:00-16:00").punches("09:00 14:00 16:00 18:00")
        .expect("present planned=360 worked=360 early=0");
    row("hours in the middle, not punched").hours("14:00-16:00").punches("09:00 18:00").expect("present worked=360 paid=360");
    row("hours across the break").hours("11:30-13:30").punches("09:00 11:30 13:30 18:00").expect("present planned=420 worked=420");
    row("all hours").hours("09:00-18:00").expect("on_leave planned=0");
    row("two stretches that are all hours").hours("09:00-12:00").hours("13:00-18:00").expect("on_leave planned=0");
    row("hours and half a day").leave(Portion::Am).hours("13:00-15:00").punches("15:00 18:00").expect("half_day late=0 planned=180");
    row("hours and half a holiday that are all").holiday(Portion::Pm).hours("09:00-12:00").expect("on_leave planned=0");
    row("hours on a rest day").rest().hours("09:00-11:00").expect("rest_day planned=0");
    row("hours before the plan").hours("07:00-08:00").punches("09:00 18:00").expect("present planned=480 worked=480");
    row("hours of a night, before midnight").shift("22:00-06:00").hours("22:00-23:00").punches("23:00 11/06:00")
        .expect("present late=0 planned=420");
    row("hours of a night, the next morning").shift("22:00-06:00").hours("04:00-06:00").punches("22:00 11/04:00")
        .expect("present early=0 planned=360 worked=360");
    row("half a day and late").leave(Portion::Am).punches("13:05 18:00").expect("half_day late=5 worked=295");
    row("half a day and early").leave(Portion::Pm).punches("09:00 11:45").expect("half_day early=15 worked=165");
    row("half a day on which nobody came").leave(Portion::Am).expect("absent planned=300");
    row("leave on a holiday").holiday(Portion::Full).leave(Portion::Full).expect("on_leave planned=0");
    row("half leave on a holiday").holiday(Portion::Full).leave(Portion::Am).expect("holiday planned=0");
    row("leave in the night into summer time").on("2026-03-28", "Europe/Berlin").shift("22:00-06:00")
        .hours("01:00-04:00").punches("28/22:00 29/06:00").expect("planned=300 worked=300");
}

#[rustfmt::skip]
#[test]
fn unscheduled_work_is_kept_apart() {
    row("a long rest day in one go").rest().punches("09:00 18:00").expect("rest_day worked=540 overtime=540 exceptions=0");
    row("two stretches").rest().punches("08:00 10:00 14:00 16:00").expect("rest_day worked=240");
    row("over midnight").rest().punches("22:00 11/02:00").expect("rest_day worked=240")
        .expect_on(date(2026, 3, 11), "rest_day worked=0");
    row("forgotten going").rest().punches("09:00 11/09:00 11/17:00").expect("rest_day worked=0 exception=missing_out@09:00")
        .expect_on(date(2026, 3, 11), "rest_day worked=480");
    row("at night, on a date with a plan").punches("01:00 03:00 09:00 18:00")
        .expect("present worked=600 overtime=120 late=0 planned=480");
    row("only at night: the plan was missed").punches("01:00 03:00").expect("absent worked=120 overtime=120");
    row("the last in of the night is not paired with the day").punches("04:30 09:00 18:00")
        .expect("incomplete worked=480 exception=missing_out@04:30");
}

#[rustfmt::skip]
#[test]
fn overtime_and_pay_follow_the_rules_of_the_shift() {
    row("before does not count").punches("08:00 18:00").expect("worked=540 overtime=0 paid=480");
    row("below the minimum").rules(|p| p.overtime.minimum = 30).punches("09:00 18:29").expect("worked=509 overtime=0 paid=480");
    row("at the minimum").rules(|p| p.overtime.minimum = 30).punches("09:00 18:30").expect("overtime=30 paid=510");
    row("not approved").rules(|p| p.overtime.requires_approval = true).punches("09:00 19:00")
        .expect("overtime=60 approved=0 paid=480 worked=540");
    row("approved in part").rules(|p| p.overtime.requires_approval = true).day(|d| d.overtime_approved = Some(45))
        .punches("09:00 19:00").expect("overtime=60 approved=45 paid=525");
    row("rounded up").rules(|p| p.rounding = Some(Rounding { to: 15, mode: RoundingMode::Up }))
        .punches("09:01 18:00").expect("late worked=479 paid=480 late=1");
    row("rounded down").rules(|p| p.rounding = Some(Rounding { to: 15, mode: RoundingMode::Down }))
        .punches("09:01 18:00").expect("paid=465");
    row("paid break is worked").shift("09:00-18:00 break 12:00-13:00 paid 15:00-15:15").punches("09:00 18:00").expect("worked=480");
    row("auto break, nothing taken").shift("09:00-18:00").rules(auto_break_60_after_300).punches("09:00 18:00").expect("worked=480 breaks=60");
    row("auto break, not due").shift("09:00-14:00").rules(auto_break_60_after_300).punches("09:00 14:00").expect("worked=300");
    row("seconds are summed, then rounded").shift("09:00-18:00").rules(|p| p.debounce_seconds = 0)
        .punches("09:00:00 09:10:30 09:20:00 09:30:30 09:40:00 18:00").expect("worked=521");
}

#[rustfmt::skip]
#[test]
fn what_a_day_is_below_shrinks_with_its_plan() {
    let below = |absent, half_day| move |p: &mut Policy| (p.absent_below, p.half_day_below) = (absent, half_day);
    // 180 of 480 minutes are planned: 240 become 90.
    row("leave pm, worked").leave(Portion::Pm).rules(below(240, 0)).punches("09:00 12:00").expect("half_day worked=180");
    row("leave pm, at the threshold").leave(Portion::Pm).rules(below(240, 0)).punches("09:00 10:30").expect("half_day worked=90");
    row("leave pm, below it").leave(Portion::Pm).rules(below(240, 0)).punches("09:00 10:29").expect("absent worked=89");
    // 300 of 480: 240 become 150.
    row("holiday am, at the threshold").holiday(Portion::Am).rules(below(240, 0)).punches("13:00 15:30").expect("half_day worked=150");
    row("holiday am, below it").holiday(Portion::Am).rules(below(240, 0)).punches("13:00 15:29").expect("absent worked=149");
    // 360 of 480: 120 become 90, and 240 become 180.
    row("hours, at the threshold").hours("16:00-18:00").rules(below(120, 0)).punches("09:00 10:30").expect("early_leave worked=90");
    row("hours, below it").hours("16:00-18:00").rules(below(120, 0)).punches("09:00 10:29").expect("absent worked=89");
    row("hours, at that of half a day").hours("16:00-18:00").rules(below(120, 240)).punches("09:00 12:00").expect("early_leave worked=180");
    row("hours, below that of half a day").hours("16:00-18:00").rules(below(120, 240)).punches("09:00 11:59").expect("half_day worked=179");
    row("hours in the middle, at that of half a day").hours("14:00-16:00").rules(below(0, 240)).punches("09:00 12:00").expect("early_leave worked=180");
    // 180 of 480: 100 become 37 and a half, rounded down.
    row("rounded down, at it").leave(Portion::Pm).rules(below(100, 0)).punches("09:00 09:37").expect("half_day worked=37");
    row("rounded down, below it").leave(Portion::Pm).rules(below(100, 0)).punches("09:00 09:36").expect("absent worked=36");
    row("a whole day, at it").rules(below(240, 0)).punches("09:00 14:00").expect("early_leave worked=240");
    row("a whole day, below it").rules(below(240, 0)).punches("09:00 13:59").expect("absent worked=239");
    row("a night that is split, of all of it").on("2026-03-13", "Asia/Shanghai").shift("22:00-06:00 break 02:00-02:30")
        .rules(|p| { split(p); p.absent_below = 450; }).punches("13/22:00 14/06:00").expect("present worked=120");
}

const THE_14TH: Date = date(2026, 3, 14);

fn night() -> Row {
    row("night").on("2026-03-13", "Asia/Shanghai").shift("22:00-06:00 break 02:00-02:30")
}

fn named(row: Row, name: &'static str) -> Row {
    Row { name, ..row }
}

#[rustfmt::skip]
#[test]
fn nights_next_to_days_off_keep_their_hours_unless_they_are_split() {
    named(night(), "the night before a holiday, worked").holiday_on(THE_14TH, Portion::Full).punches("13/22:00 14/06:00")
        .expect("present worked=450 overtime=0").expect_on(THE_14TH, "holiday worked=0 punches=0");
    named(night(), "the night after a holiday's morning").holiday(Portion::Full).punches("13/22:00 14/06:00")
        .expect("holiday worked=450 overtime=450").expect_on(THE_14TH, "rest_day worked=0");
    named(night(), "a holiday's morning is the first half of a night").holiday(Portion::Am).punches("14/02:30 14/06:00")
        .expect("half_day planned=210 worked=210 late=0");
    named(night(), "a holiday's afternoon is the second half of a night").holiday(Portion::Pm).punches("13/22:00 14/02:00")
        .expect("half_day planned=240 worked=240 early=0");
    named(night(), "leave on the morning after the night").day_on(THE_14TH, |d| d.leave = Some(Portion::Full))
        .punches("13/22:00 14/06:00").expect("present worked=450").expect_on(THE_14TH, "on_leave worked=0");
    named(night(), "split").rules(split).punches("13/22:00 14/06:00")
        .expect("present planned=120 worked=120 breaks=0 punches=2 late=0 early=0")
        .expect_on(THE_14TH, "rest_day planned=330 worked=330 breaks=30 overtime=0 punches=0");
    named(night(), "split, into a holiday").rules(split).holiday_on(THE_14TH, Portion::Full).punches("13/22:00 14/06:00")
        .expect("present worked=120 overtime=0").expect_on(THE_14TH, "holiday worked=330 overtime=330 paid=330");
    named(night(), "split, from a holiday: none of the night was to be worked").rules(split).holiday(Portion::Full)
        .punches("13/22:00 14/06:00").expect("holiday planned=0 worked=120 overtime=120 paid=120")
        .expect_on(THE_14TH, "rest_day planned=0 worked=330 overtime=330 paid=330");
    named(night(), "split, into half a holiday, which is half of the plan of its own date").rules(split)
        .holiday_on(THE_14TH, Portion::Am).punches("13/22:00 14/06:00").expect("present worked=120 overtime=0")
        .expect_on(THE_14TH, "rest_day planned=330 worked=330 overtime=0 paid=330");
    named(night(), "split, into leave: the night was to be worked").rules(split)
        .day_on(THE_14TH, |d| d.leave = Some(Portion::Full)).punches("13/22:00 14/06:00")
        .expect_on(THE_14TH, "on_leave worked=330 overtime=0 paid=330");
    named(night(), "split, with overtime after it").rules(split).punches("13/21:30 14/07:00")
        .expect("worked=150 overtime=0 paid=120").expect_on(THE_14TH, "worked=390 overtime=60 paid=390");
    named(night(), "split, next to a shift of the next day").rules(split).shift_on(THE_14TH, "22:00-06:00 break 02:00-02:30")
        .punches("13/22:00 14/06:00 14/22:00 15/06:00")
        .expect_on(THE_14TH, "present planned=450 worked=450 punches=2").expect_on(date(2026, 3, 15), "rest_day worked=330");
    named(night(), "split, judged as one").rules(|p| { p.split_at_midnight = true; p.absent_below = 240; })
        .punches("13/22:00 14/06:00").expect("present worked=120");
    named(night(), "split, approved of the shift").rules(|p| { p.split_at_midnight = true; p.overtime.requires_approval = true; })
        .day(|d| d.overtime_approved = Some(40)).punches("13/22:00 14/07:00")
        .expect("overtime=0 approved=0").expect_on(THE_14TH, "overtime=60 approved=40 paid=370");
    named(night(), "split, still in").rules(split).punches("13/22:00")
        .expect("incomplete worked=0 exception=missing_out@22:00").expect_on(THE_14TH, "rest_day worked=0 exceptions=0");
    named(night(), "split, auto break off the later part").shift("22:00-06:00").rules(|p| { split(p); auto_break_60_after_300(p); })
        .punches("13/22:00 14/06:00").expect("worked=120 breaks=0").expect_on(THE_14TH, "worked=300 breaks=60");
    row("split, a day shift is as it was").rules(split).punches("09:00 18:00").expect("present worked=480 planned=480");
    row("split, a long evening").rules(|p| { split(p); p.closes_after = 480; }).punches("09:00 11/01:30")
        .expect("present worked=840 overtime=360").expect_on(date(2026, 3, 11), "rest_day worked=90 overtime=90 planned=0");
    row("split, into summer time").on("2026-03-28", "Europe/Berlin").shift("22:00-06:00").rules(split)
        .punches("28/22:00 29/06:00").expect("worked=120 planned=120").expect_on(date(2026, 3, 29), "worked=300 planned=300");
    row("split, out of summer time").on("2026-10-24", "Europe/Berlin").shift("22:00-06:00").rules(split)
        .punches("24/22:00 25/06:00").expect("worked=120 planned=120").expect_on(date(2026, 10, 25), "worked=420 planned=420");
}

fn split(policy: &mut Policy) {
    policy.split_at_midnight = true;
}

#[rustfmt::skip]
#[test]
fn corrections_are_facts_like_punches() {
    row("a forgotten going is added").punches("09:00").punches("out@18:00").expect("present worked=480 exceptions=0");
    row("a forgotten coming is added").punches("out@18:00").expect("incomplete exception=missing_in@18:00 worked=0")
        .punches("in@09:00").expect("present worked=480 exceptions=0");
    row("the punch that counted is voided: the debounced one counts").punches("09:00:00 09:00:20 18:00").void("09:00:00")
        .expect("late late=1 punches=2 worked=479");
    row("the debounced punch is voided: nothing changes").punches("09:00:00 09:00:20 18:00").void("09:00:20")
        .expect("present worked=480 punches=2");
    row("added within the debounce of a punch: ignored as any other").punches("09:00:00 18:00").punches("09:00:40")
        .expect("present worked=480 debounced=09:00:40");
    row("added in front of a punch: that one is debounced now").punches("09:00:40 18:00").expect("late late=1")
        .punches("09:00:00").expect("present late=0 debounced=09:00:40");
    row("a punch in the middle is voided").punches("09:00 12:00 18:00").expect("incomplete").void("12:00").expect("present worked=480");
    row("first and last, the last is voided").rules(|p| p.pairing = Pairing::FirstLast)
        .punches("09:00 12:00 17:00 18:00").void("18:00").expect("early_leave early=60 worked=420");
    row("first and last, the first is voided").rules(|p| p.pairing = Pairing::FirstLast)
        .punches("09:00 10:00 18:00").void("09:00").expect("late late=60 worked=420");
    row("voided altogether").punches("09:00 18:00").void("09:00 18:00").expect("absent punches=0");
    row("on a night, added after midnight").on("2026-03-13", "Asia/Shanghai").shift("22:00-06:00").punches("13/22:00")
        .expect("incomplete").punches("out@14/06:00").expect("present worked=480 exceptions=0");
    row("unscheduled, the one between two stretches is voided").rest().punches("08:00 10:00 10:30 11:00").void("10:00 10:30")
        .expect("rest_day worked=180");
}

#[rustfmt::skip]
#[test]
fn work_in_the_half_of_a_shift_that_is_a_holiday_is_overtime() {
    row("half holiday am, worked through: overtime, though before does not count").holiday(Portion::Am).punches("09:00 18:00")
        .expect("half_day worked=480 overtime=180 paid=480");
    row("half holiday pm, though after does not count").holiday(Portion::Pm).rules(|p| p.overtime.counts_after = false)
        .punches("09:00 18:00").expect("worked=480 overtime=300 paid=480");
    row("half holiday am, below the minimum").holiday(Portion::Am).rules(|p| p.overtime.minimum = 60).punches("11:30 18:00")
        .expect("worked=330 overtime=30 paid=330");
    row("half holiday pm, below the minimum").holiday(Portion::Pm).rules(|p| p.overtime.minimum = 60).punches("09:00 13:30")
        .expect("worked=210 overtime=30 paid=210");
    row("half holiday, and work outside of the shift by its sides").holiday(Portion::Am).punches("08:00 18:20")
        .expect("worked=560 overtime=200 paid=500");
    row("half holiday, and less than the minimum outside of the shift").holiday(Portion::Am)
        .rules(|p| { p.overtime.counts_before = true; p.overtime.minimum = 60; }).punches("08:30 18:20")
        .expect("worked=530 overtime=180 paid=480");
    row("half holiday without a break: midpoint").shift("08:00-16:00").holiday(Portion::Am).punches("11:00 16:00")
        .expect("half_day worked=300 overtime=60 paid=300");
    row("half holiday, approved in part").holiday(Portion::Am).rules(|p| p.overtime.requires_approval = true)
        .day(|d| d.overtime_approved = Some(60)).punches("09:00 18:00").expect("worked=480 overtime=180 approved=60 paid=360");
    row("half holiday and hours of leave next to it").holiday(Portion::Am).hours("13:00-15:00").punches("09:00 18:00")
        .expect("half_day planned=180 worked=480 overtime=180 paid=360");
    row("half holiday and automatic break, off the plan first").shift("09:00-18:00").holiday(Portion::Am)
        .rules(auto_break_60_after_300).punches("09:00 18:00").expect("worked=480 overtime=270 paid=480");
    row("half holiday and automatic break, the rest off the holiday").shift("09:00-18:00").holiday(Portion::Am)
        .rules(|p| p.auto_break = Some(AutoBreak { after: 240, minutes: 60 })).punches("09:00 14:00")
        .expect("worked=240 overtime=240 breaks=60");
    row("half holiday of a night that is split at midnight").on("2026-03-13", "Asia/Shanghai").rules(split)
        .shift("22:00-06:00 break 02:00-02:30").holiday(Portion::Am).punches("13/22:00 14/06:00")
        .expect("half_day planned=0 worked=120 overtime=120 paid=120")
        .expect_on(THE_14TH, "rest_day planned=210 worked=330 overtime=120 paid=330");
}

#[rustfmt::skip]
#[test]
fn two_rules_that_meet_give_what_each_gives() {
    row("rounding, after the automatic break").shift("09:00-18:00").rules(|p| { auto_break_60_after_300(p); nearest_30(p); })
        .punches("09:00 18:10").expect("worked=490 overtime=10 paid=480");
    row("automatic break and a planned one: taken off once").rules(|p| p.auto_break = Some(AutoBreak { after: 300, minutes: 60 }))
        .punches("09:00 18:00").expect("worked=480 breaks=60");
    row("automatic break, longer than the planned one").rules(|p| p.auto_break = Some(AutoBreak { after: 300, minutes: 90 }))
        .punches("09:00 18:00").expect("worked=450 breaks=90");
    row("automatic break on a rest day has no shift to come from").rest().rules(auto_break_60_after_300)
        .punches("09:00 18:00").expect("rest_day worked=540 breaks=0");
    row("automatic break on a holiday").shift("09:00-18:00").rules(auto_break_60_after_300).holiday(Portion::Full)
        .punches("09:00 18:00").expect("holiday worked=480 overtime=480 breaks=60");
    row("rounding on a holiday").holiday(Portion::Full).rules(nearest_30).punches("09:00 13:10")
        .expect("holiday worked=190 overtime=190 paid=180");
    row("rounding never makes late less").rules(|p| { nearest_30(p); p.grace_in = 5; }).punches("09:06 18:00")
        .expect("late late=6 paid=480 worked=474");
    row("half a day below, and late").rules(|p| p.half_day_below = 240).punches("14:30 18:00").expect("half_day late=330 worked=210");
    row("absent below, with overtime only").rules(|p| p.absent_below = 60).punches("18:00 18:40").expect("absent worked=40 overtime=40");
    row("half holiday, late for the other half").holiday(Portion::Am).rules(|p| p.grace_in = 5).punches("13:06 18:00")
        .expect("half_day late=6 worked=294");
    row("half holiday, worked through").holiday(Portion::Pm).punches("09:00 18:00")
        .expect("half_day worked=480 overtime=300 paid=480");
    row("half holiday and leave of the same half").holiday(Portion::Am).leave(Portion::Am).punches("13:00 18:00")
        .expect("half_day planned=300 worked=300");
    row("leave on a rest day, and work").rest().leave(Portion::Full).punches("10:00 12:00").expect("on_leave worked=120 overtime=120");
    row("holiday on a rest day").rest().holiday(Portion::Full).expect("holiday planned=0");
    row("holiday on a rest day, and work").rest().holiday(Portion::Full).punches("10:00 12:00").expect("holiday worked=120 overtime=120");
    row("approval is asked for by the shift: none is planned on a rest day").rest().rules(|p| p.overtime.requires_approval = true)
        .punches("10:00 12:00").expect("rest_day overtime=120 approved=120 paid=120");
    row("approval on a holiday with a shift").holiday(Portion::Full).rules(|p| p.overtime.requires_approval = true)
        .punches("09:00 18:00").expect("holiday worked=480 overtime=480 approved=0 paid=0");
    row("approval on a holiday with a shift, in part").holiday(Portion::Full).rules(|p| p.overtime.requires_approval = true)
        .day(|d| d.overtime_approved = Some(300)).punches("09:00 18:00").expect("holiday overtime=480 approved=300 paid=300");
    row("approval on a day of leave with a shift").leave(Portion::Full).rules(|p| p.overtime.requires_approval = true)
        .punches("09:00 18:00").expect("on_leave worked=480 overtime=480 approved=0 paid=0");
    row("approval on a day of leave with a shift, in part").leave(Portion::Full).rules(|p| p.overtime.requires_approval = true)
        .day(|d| d.overtime_approved = Some(300)).punches("09:00 18:00").expect("on_leave overtime=480 approved=300 paid=300");
    row("full leave beats a holiday").holiday(Portion::Full).leave(Portion::Full).expect("on_leave");
    row("full leave, punch missing").leave(Portion::Full).punches("09:00").expect("on_leave exception=missing_out@09:00 worked=0");
    row("leave does not move a window: early work stays with the day").leave(Portion::Am).punches("05:30 18:00")
        .expect("half_day worked=690 paid=300");
    row("first and last, with a planned break").rules(|p| p.pairing = Pairing::FirstLast).punches("09:00 12:10 12:20 18:00")
        .expect("present worked=480 exceptions=0");
    row("first and last, one punch").rules(|p| p.pairing = Pairing::FirstLast).punches("09:00").expect("incomplete exception=missing_out@09:00");
    row("first and last, double tap at the end").rules(|p| p.pairing = Pairing::FirstLast).punches("09:00 18:00:00 18:00:30")
        .expect("present worked=480 debounced=18:00:30");
    row("a double tap over the border of two windows").rules(|p| p.closes_after = 0).shift("18:00-23:00")
        .version_on(date(2026, 3, 11), "03:00-08:00", |_| ()).punches("18:00 22:59:30 23:00:10 11/08:00")
        .expect("early_leave worked=299 debounced=23:00:10")
        .expect_on(date(2026, 3, 11), "incomplete exception=missing_out@08:00");
    row("overtime counts after approval up to the approved, then rounding").rules(|p| { p.overtime.requires_approval = true; nearest_30(p); })
        .day(|d| d.overtime_approved = Some(50)).punches("09:00 19:10").expect("overtime=70 approved=50 paid=540");
    row("unscheduled work needs approval too").rules(|p| p.overtime.requires_approval = true).punches("01:00 03:00 09:00 18:00")
        .expect("overtime=120 approved=0 paid=480 worked=600");
    row("minimum does not hold back unscheduled work").rules(|p| p.overtime.minimum = 180).punches("01:00 03:00 09:00 19:00")
        .expect("overtime=120 paid=600 worked=660");
    row("overtime before, below the minimum together with after").rules(|p| { p.overtime.counts_before = true; p.overtime.minimum = 30; })
        .punches("08:45 18:15").expect("overtime=30 paid=510");
    row("unscheduled next to a plan, still in when it begins").punches("04:50 05:10 18:00").expect("incomplete worked=710 exception=missing_out@04:50");
    row("a gap of four hours ends a stretch, a minute less does not").rest().punches("08:00 09:00 12:59 13:30")
        .expect("rest_day worked=91");
    row("a window's last second is the next one's first").shift("09:00-12:00").rules(|p| p.closes_after = 60)
        .punches("09:00 12:59:59").expect("present worked=239 overtime=59");
    row("a window's end is outside").shift("09:00-12:00").rules(|p| p.closes_after = 60).punches("09:00 13:00")
        .expect("incomplete exception=missing_out@09:00 punches=2");
    row("devices have not reported: still in stays pending").now("11/00:00").punches("09:00").day(|d| d.reported_until = Some(Timestamp::MIN))
        .expect("pending exceptions=0");
    row("devices have not reported: gone after the end is judged at once").now("18:30").punches("09:00 18:00")
        .day(|d| d.reported_until = Some(Timestamp::MIN)).expect("present worked=480");
    row("devices have not reported: unscheduled work is not missed").rest().punches("09:00")
        .day(|d| d.reported_until = Some(Timestamp::MIN)).expect("rest_day exceptions=0");
    row("devices have reported: absent").day(|d| d.reported_until = Some(Timestamp::MAX)).expect("absent");
}

#[rustfmt::skip]
#[test]
fn automatic_breaks_are_of_what_was_worked_and_not_taken() {
    row("automatic break under first and last: what lies between is no gap").shift("09:00-18:00")
        .rules(|p| { p.pairing = Pairing::FirstLast; auto_break_60_after_300(p); }).punches("09:00 12:00 14:00 18:00")
        .expect("present worked=480 breaks=60 exceptions=0");
    row("automatic break and hours of leave at an end").shift("09:00-18:00").hours("09:00-11:00").rules(auto_break_60_after_300)
        .punches("11:00 18:00").expect("present worked=360 breaks=60");
    row("automatic break and hours of leave in the middle: they are a break that was taken").shift("09:00-18:00")
        .hours("14:00-16:00").rules(auto_break_60_after_300).punches("09:00 18:00").expect("present worked=420 breaks=120");
    row("automatic break and half an hour of leave in the middle").shift("09:00-18:00").hours("14:00-14:30")
        .rules(auto_break_60_after_300).punches("09:00 14:00 14:30 18:00").expect("present worked=480 breaks=60");
    row("automatic break in the night into summer time: by what was worked").on("2026-03-28", "Europe/Berlin").shift("22:00-06:00")
        .rules(auto_break_60_after_450).punches("28/22:00 29/06:00").expect("present worked=420 breaks=0");
    row("automatic break in a night like others").on("2026-03-26", "Europe/Berlin").shift("22:00-06:00")
        .rules(auto_break_60_after_450).punches("26/22:00 27/06:00").expect("worked=420 breaks=60");
    row("automatic break in the night out of summer time").on("2026-10-24", "Europe/Berlin").shift("22:00-06:00")
        .rules(auto_break_60_after_450).punches("24/22:00 25/06:00").expect("present worked=480 breaks=60");
}

#[rustfmt::skip]
#[test]
fn zones_and_versions_change_from_a_date_on() {
    let the_11th = date(2026, 3, 11);
    row("the site moves west").moves(the_11th, "Europe/Berlin").shift_on(the_11th, "09:00-18:00 break 12:00-13:00")
        .punches("10/09:00 10/18:00 11/09:00 11/18:00").expect("present worked=480").expect_on(the_11th, "present worked=480");
    row("the site moves west after a night").on("2026-03-13", "Asia/Shanghai").shift("22:00-06:00").moves(THE_14TH, "Europe/Berlin")
        .shift_on(THE_14TH, "09:00-18:00 break 12:00-13:00").punches("13/22:00 out@13/23:00 14/09:00 14/18:00")
        .expect("early_leave worked=60 planned=480").expect_on(THE_14TH, "present worked=480");
    row("the site moves east: the window of the day after opens while the first is open")
        .on("2026-03-10", "Europe/Berlin").shift("14:00-22:00").moves(the_11th, "Asia/Tokyo").shift_on(the_11th, "09:00-17:00")
        .punches("10/14:00 10/22:00 11/09:00 11/17:00").expect("present worked=480").expect_on(the_11th, "present worked=480");
    row("the site moves across the date line: the date is worked twice").on("2026-03-10", "Pacific/Kiritimati").shift("09:00-12:00")
        .moves(the_11th, "Pacific/Honolulu").shift_on(the_11th, "09:00-12:00").punches("10/09:00 10/12:00 11/09:00 11/12:00")
        .expect("present worked=180").expect_on(the_11th, "present worked=180");
    row("another version from midnight on").version_on(the_11th, "10:00-19:00 break 12:00-13:00", |p| p.grace_in = 10)
        .punches("09:00 18:00 11/10:05 11/19:00").expect("present late=0").expect_on(the_11th, "present late=0 worked=475");
    row("a night of the old version ends under the new one").on("2026-03-13", "Asia/Shanghai").shift("22:00-06:00")
        .version_on(THE_14TH, "21:00-05:00", |p| p.overtime.counts_after = false).punches("13/22:00 14/06:30 14/21:00 15/05:30")
        .expect("present overtime=30 worked=510").expect_on(THE_14TH, "present overtime=0 worked=510 paid=480");
    row("the old version is split, the new one is not").on("2026-03-13", "Asia/Shanghai").rules(split).shift("22:00-06:00")
        .version_on(THE_14TH, "22:00-06:00", |p| p.split_at_midnight = false).punches("13/22:00 14/06:00 14/22:00 15/06:00")
        .expect("present worked=120").expect_on(THE_14TH, "present worked=840 planned=840")
        .expect_on(date(2026, 3, 15), "rest_day worked=0");
}
