//! What holds of leave whatever happens: to policies, to requests, and however seldom anybody looks.

use super::book::{Book, Entry};
use super::passage::{Course, Passage};
use super::stretches::{self, Stretch};
use super::taking::{Account, Short, Standing};
use crate::facts::domain::Org;
use jiff::ToSpan as _;
use jiff::civil::{Date, date};
use proptest::prelude::*;
use rollcall_attendance_api::leave::{
    Accrual, CarryOver, Eligible, LeaveEntryKind as Kind, LeavePolicy, LeavePolicyBody,
};
use rollcall_ids::{
    AssignmentId, EmployeeId, LeaveEntryId, LeavePolicyId, LeaveRequestId, LeaveTypeId, OrgId, SiteId, UnitId,
};
use rollcall_org_api::facts::{AssignmentFact, EmployeeFact, EmployeeStatus, OrgFact};

const DAY: i64 = 480;

/// Somebody who moves from one site to another, and policies of one kind of leave.
struct World {
    org: Org,
    person: EmployeeFact,
    sites: [SiteId; 2],
    of: LeaveTypeId,
    policies: Vec<LeavePolicy>,
    book: Book,
}

fn day(n: i32) -> Date {
    date(2026, 1, 1) + n.days()
}

impl World {
    fn new(hired_on: Date, moves_on: Date, left_on: Option<Date>) -> Self {
        let fact = OrgFact {
            org_id: OrgId::generate(),
            name: "O".into(),
            time_zone: "UTC".into(),
            locale: "en".into(),
            version: 1,
        };
        let sites = [(); 2].map(|()| SiteId::generate());
        let unit_id = UnitId::generate();
        let assignment = |site_id, valid_from, valid_to| AssignmentFact {
            assignment_id: AssignmentId::generate(),
            unit_id,
            site_id,
            manager_id: None,
            position: None,
            valid_from,
            valid_to,
        };
        let person = EmployeeFact {
            employee_id: EmployeeId::generate(),
            number: "1".into(),
            name: "N".into(),
            email: None,
            user_id: None,
            status: EmployeeStatus::Active,
            hired_on,
            left_on,
            assignments: vec![
                assignment(sites[0], date(2020, 1, 1), Some(moves_on - 1.day())),
                assignment(sites[1], moves_on, None),
            ],
            grants: vec![],
            version: 1,
        };
        let (of, policies) = (LeaveTypeId::generate(), vec![]);
        Self { org: Org::new(fact, vec![], vec![]), person, sites, of, policies, book: Book::default() }
    }

    fn body(&self, accrual: Accrual) -> LeavePolicyBody {
        LeavePolicyBody {
            leave_type_id: self.of,
            name: "P".into(),
            eligible: Eligible::Everyone,
            accrual,
            year_starts_month: 1,
            cap_minutes: None,
            carry_over: None,
            valid_from: date(2025, 1, 1),
            valid_to: None,
        }
    }

    fn add(&mut self, body: LeavePolicyBody) {
        self.policies.push(LeavePolicy { leave_policy_id: LeavePolicyId::generate(), body, version: 1 });
    }

    fn stretches(&self, until: Date) -> Vec<Stretch<'_>> {
        stretches::stretches(&self.policies, &self.org, &self.person, self.of, until)
    }

    fn course(&self, until: Date) -> Course<'_> {
        let stretches = self.stretches(until);
        let pieces = stretches::pieces(&stretches, self.book.earned(), 5, until);
        // Ten hours of work on each date.
        let worked = |(from, to): (Date, Date)| u32::try_from((to - from).get_days() + 1).unwrap() * 600;
        let gifts = pieces.iter().map(|piece| piece.gift(worked(piece.earned))).collect();
        Course { gifts, stretches, policies: &self.policies }
    }

    /// Lets time pass up to `today`, and enters it; how many entries that were.
    fn settle(&mut self, today: Date) -> usize {
        let course = self.course(today);
        let mut passage = Passage::new(self.book.clone(), &course, LeaveEntryId::generate);
        passage.to(today);
        let (entered, book) = (passage.entered().len(), passage.book);
        self.book = book;
        entered
    }

    fn with<T>(&self, today: Date, until: Date, ask: impl FnOnce(Account<'_>) -> T) -> T {
        let last = self.book.debts().iter().map(|debt| debt.day).fold(until, Date::max);
        let course = self.course(last + 400.days());
        ask(Account { book: &self.book, course: &course, today, fresh: LeaveEntryId::generate })
    }

    /// Approves leave, as the service does.
    fn take(&mut self, today: Date, days: &[(Date, i64)], may_owe: bool) -> Result<LeaveRequestId, Short> {
        let request = LeaveRequestId::generate();
        let until = days.last().unwrap().0;
        for entry in self.with(today, until, |account| account.take(days, Some(request), may_owe))? {
            self.book.add(entry);
        }
        Ok(request)
    }

    /// Gives back what was taken for the days from `from` on, as the service does.
    fn give_back(&mut self, today: Date, request: LeaveRequestId, from: Date) {
        for taken in self.book.taken_by(request).into_iter().filter(|taken| taken.day >= from) {
            let back = Entry::new(LeaveEntryId::generate(), Kind::Return, taken.part.minutes, taken.day);
            self.book.add(Entry { source: taken.part.source, request: Some(request), ..back });
        }
        self.settle(today);
    }

    fn standing(&self, today: Date, on: Date) -> Standing {
        self.with(today, on, |account| account.standing(on))
    }

    fn grant(&mut self, minutes: i64, on: Date, expires_on: Option<Date>) {
        let given = Entry::new(LeaveEntryId::generate(), Kind::Grant, minutes, on);
        self.book.add(Entry { expires_on, ..given });
    }

    /// The dates for which something was earned, each as often as it was.
    fn earned(&self) -> Vec<Date> {
        let dates = |(from, to): (Date, Date)| from.series(1.day()).take_while(move |date| *date <= to);
        let mut all: Vec<Date> = self.book.earned().flat_map(dates).collect();
        all.sort_unstable();
        all
    }

    fn sum(&self, kind: Kind) -> i64 {
        self.book.entries().iter().filter(|entry| entry.kind == kind).map(|entry| entry.minutes).sum()
    }
}

fn yearly() -> Accrual {
    Accrual::Yearly { minutes: u32::try_from(30 * DAY).unwrap() }
}

/// Thirty days a year, of which `limit` go on for three months.
fn carrying(limit: i64) -> World {
    let mut world = World::new(date(2020, 1, 1), date(2020, 6, 1), None);
    let rule = CarryOver { limit_minutes: Some(u32::try_from(limit * DAY).unwrap()), expires_after_months: Some(3) };
    let body = LeavePolicyBody { carry_over: Some(rule), valid_from: date(2026, 1, 1), ..world.body(yearly()) };
    world.add(body);
    world
}

fn days_from(first: Date, count: i32) -> Vec<(Date, i64)> {
    (0..count).map(|n| (first + n.days(), DAY)).collect()
}

#[test]
fn a_policy_that_another_one_replaces_in_the_middle_of_a_year_gives_nothing_twice() {
    for known_ahead in [true, false] {
        let mut world = World::new(date(2020, 1, 1), date(2020, 6, 1), None);
        let first = LeavePolicyBody { valid_from: date(2026, 1, 1), ..world.body(yearly()) };
        world.add(first);
        if !known_ahead {
            world.settle(date(2026, 3, 1));
        }
        world.policies[0].body.valid_to = Some(date(2026, 6, 30));
        let more = Accrual::Yearly { minutes: u32::try_from(36 * DAY).unwrap() };
        let second = LeavePolicyBody { valid_from: date(2026, 7, 1), ..world.body(more) };
        world.add(second);
        world.settle(date(2026, 12, 1));
        // Known before the year was given, each gives for its half; else the first has given all of it.
        let given = if known_ahead { 181 * 30 * DAY / 365 + 184 * 36 * DAY / 365 } else { 30 * DAY };
        assert!((world.sum(Kind::Accrual) - given).abs() <= 1, "{}", world.sum(Kind::Accrual));
        world.settle(date(2027, 1, 1));
        assert!((world.sum(Kind::Accrual) - given - 36 * DAY).abs() <= 1);
    }
}

#[test]
fn who_moves_in_the_middle_of_a_month_earns_each_part_where_they_are() {
    let mut world = World::new(date(2020, 1, 1), date(2026, 3, 11), None);
    let everywhere = world.body(Accrual::Monthly { minutes: 3_100 });
    world.add(LeavePolicyBody { valid_from: date(2026, 3, 1), ..everywhere.clone() });
    let there = Eligible::Sites { site_ids: vec![world.sites[1]] };
    let accrual = Accrual::Monthly { minutes: 6_200 };
    let to = Some(date(2026, 3, 20));
    world.add(LeavePolicyBody { eligible: there, accrual, valid_to: to, ..everywhere });
    world.settle(date(2026, 3, 31));
    let given: Vec<_> = world.book.entries().iter().map(|entry| (entry.effective_on, entry.minutes)).collect();
    // Ten days of the first, ten of the second, and eleven of the first again: none is lost.
    assert_eq!(given, [(date(2026, 3, 1), 1_000), (date(2026, 3, 11), 2_000), (date(2026, 3, 21), 1_100)]);
}

#[test]
fn a_policy_by_which_somebody_earns_nothing_stands_in_the_way_of_a_weaker_one() {
    let mut world = World::new(date(2020, 1, 1), date(2020, 6, 1), None);
    let all = world.body(Accrual::Monthly { minutes: 600 });
    world.add(LeavePolicyBody { valid_from: date(2026, 1, 1), ..all.clone() });
    let none = Eligible::Employees { employee_ids: vec![world.person.employee_id] };
    let (from, to) = (date(2026, 2, 1), Some(date(2026, 2, 28)));
    world.add(LeavePolicyBody { eligible: none, accrual: Accrual::None, valid_from: from, valid_to: to, ..all });
    world.settle(date(2026, 3, 31));
    assert_eq!(world.sum(Kind::Accrual), 1_200, "January and March");
}

#[test]
fn a_grant_stands_for_dates_for_which_no_policy_gives() {
    let mut world = carrying(10);
    let given = Entry::new(LeaveEntryId::generate(), Kind::Grant, 7 * DAY, date(2026, 1, 1));
    world.book.add(Entry { earned: Some((date(2026, 1, 1), date(2026, 12, 31))), ..given });
    assert_eq!(world.settle(date(2026, 12, 31)), 0);
    world.settle(date(2027, 1, 1));
    assert_eq!(world.sum(Kind::Accrual), 30 * DAY);
}

#[test]
fn leave_over_the_end_of_a_year_takes_of_each_year_what_it_has() {
    let (december, january) = (date(2026, 12, 28), date(2027, 1, 1));
    // Ten days from 28 December: four of the old year, six of the new one.
    for (what, asked_on) in [("before", date(2026, 11, 20)), ("after", date(2027, 1, 4))] {
        let mut world = carrying(10);
        world.settle(date(2026, 6, 1));
        world.take(date(2026, 6, 1), &days_from(date(2026, 7, 1), 18), false).unwrap();
        world.settle(asked_on);
        let at_first = world.standing(asked_on, date(2027, 1, 15));
        assert_eq!(at_first.available, 40 * DAY, "{what}: ten go on, two would expire, thirty are earned");
        let request = world.take(asked_on, &days_from(december, 10), false).unwrap();
        assert_eq!(world.standing(asked_on, date(2027, 1, 15)).available, 32 * DAY, "{what}");
        let mut later = world.book.clone();
        for today in [january, date(2027, 1, 10), date(2027, 4, 1)] {
            world.settle(today);
            later = world.book.clone();
            assert_eq!(later.debt() == 0, today > january || what == "after", "{what}, {today}");
        }
        // Twelve were left: four were taken in December, eight went on, six of them were taken, and two expired.
        assert_eq!(world.book.balance_on(date(2027, 4, 1)), 30 * DAY, "{what}");
        let kept: i64 =
            later.entries().iter().filter(|e| e.kind == Kind::CarryOver && e.source.is_none()).map(|e| e.minutes).sum();
        let moved_back: i64 = later
            .entries()
            .iter()
            .filter(|e| e.kind == Kind::CarryOver && e.source.is_some() && e.minutes > 0)
            .map(|e| e.minutes)
            .sum();
        assert_eq!(kept - moved_back, 8 * DAY, "{what}");
        assert_eq!(later.taken_by(request).iter().map(|taken| taken.part.minutes).sum::<i64>(), 10 * DAY, "{what}");
    }
}

#[test]
fn leave_asked_ahead_is_given_back_to_where_it_was_taken_from() {
    let asked_on = date(2026, 11, 20);
    for cancelled_on in [date(2026, 12, 1), date(2027, 1, 2)] {
        let mut world = carrying(10);
        world.settle(asked_on);
        let mut without = World { book: world.book.clone(), policies: world.policies.clone(), ..carrying(10) };
        (without.person, without.of) = (world.person.clone(), world.of);
        let request = world.take(asked_on, &days_from(date(2027, 1, 4), 15), false).unwrap();
        world.settle(cancelled_on);
        world.give_back(cancelled_on, request, Date::MIN);
        for today in [cancelled_on, date(2027, 2, 1), date(2027, 4, 1), date(2028, 1, 1)] {
            world.settle(today);
            without.settle(today);
            let on = |world: &World| world.standing(today, today + 40.days());
            assert_eq!(on(&world), on(&without), "{cancelled_on}, {today}");
        }
        assert_eq!(world.book.taken_by(request), []);
    }
}

#[test]
fn nobody_takes_now_what_is_promised_for_later() {
    let today = date(2026, 12, 1);
    let mut world = carrying(10);
    // Nothing is earned any more: all that there will be is what goes on.
    world.policies[0].body.valid_to = Some(date(2026, 12, 31));
    world.settle(today);
    world.take(today, &days_from(date(2026, 12, 1), 20), false).unwrap();
    world.take(today, &days_from(date(2027, 2, 1), 8), false).unwrap();
    assert_eq!(world.standing(today, date(2026, 12, 30)).available, 2 * DAY);
    assert_eq!(world.standing(today, date(2027, 2, 1)).available, 2 * DAY);
    assert_eq!(world.standing(today, date(2027, 4, 1)).available, 0, "it has expired by then");
    let refused = world.take(today, &days_from(date(2026, 12, 22), 3), false);
    assert_eq!(refused, Err(Short::Later(date(2027, 2, 8))));
    world.take(today, &days_from(date(2026, 12, 22), 2), false).unwrap();
    let refused = world.take(today, &days_from(date(2027, 3, 1), 1), false);
    assert_eq!(refused, Err(Short::Of { day: date(2027, 3, 1), minutes: DAY, available: 0 }));
}

#[test]
fn of_leave_by_debt_the_new_year_pays() {
    let today = date(2026, 12, 1);
    let mut world = carrying(10);
    world.settle(today);
    world.take(today, &days_from(date(2026, 12, 1), 30), false).unwrap();
    world.take(today, &days_from(date(2026, 12, 31), 2), true).unwrap();
    assert_eq!(world.standing(today, date(2026, 12, 31)).available, -DAY, "of the last day of the year");
    assert_eq!(world.standing(today, date(2027, 1, 1)).available, 28 * DAY);
    world.settle(date(2027, 1, 1));
    assert_eq!((world.book.debt(), world.standing(date(2027, 1, 1), date(2027, 1, 1)).available), (0, 28 * DAY));
}

#[test]
fn of_ten_days_carried_over_and_eight_used_before_they_expire_two_expire() {
    let mut world = carrying(10);
    world.settle(date(2027, 1, 1));
    world.take(date(2027, 1, 1), &days_from(date(2027, 2, 1), 8), false).unwrap();
    let march = date(2027, 3, 31);
    assert_eq!(world.standing(date(2027, 1, 1), date(2027, 1, 1)).next_expiry, Some((march, 2 * DAY)));
    assert_eq!(world.standing(date(2027, 1, 1), march).balance, 32 * DAY);
    assert_eq!(world.standing(date(2027, 1, 1), date(2027, 4, 1)).balance, 30 * DAY);
    world.settle(date(2027, 4, 1));
    assert_eq!(world.book.balance_on(date(2027, 4, 1)), 30 * DAY);
}

#[test]
fn what_is_carried_over_by_the_rule_of_the_last_day_of_the_year() {
    let mut world = carrying(10);
    world.settle(date(2026, 6, 1));
    // Replaced in the middle of the year by one that lets five days go on.
    world.policies[0].body.valid_to = Some(date(2026, 6, 30));
    let rule = CarryOver { limit_minutes: Some(u32::try_from(5 * DAY).unwrap()), expires_after_months: None };
    let next = LeavePolicyBody {
        valid_from: date(2026, 7, 1),
        valid_to: None,
        carry_over: Some(rule),
        ..world.policies[0].body.clone()
    };
    world.add(next);
    world.settle(date(2027, 1, 1));
    assert_eq!(world.book.balance_on(date(2027, 1, 1)), 35 * DAY);
}

#[test]
fn a_month_of_work_is_earned_when_it_is_over_and_expires_with_the_year_it_is_given_in() {
    let mut world = World::new(date(2026, 1, 16), date(2020, 6, 1), Some(date(2026, 3, 10)));
    let accrual = Accrual::WorkedHours { minutes: 1, per_minutes: 20 };
    let rule = CarryOver { limit_minutes: None, expires_after_months: None };
    let body = LeavePolicyBody { carry_over: Some(rule), ..world.body(accrual) };
    world.add(body);
    assert_eq!(world.settle(date(2026, 2, 5)), 0);
    world.settle(date(2026, 12, 1));
    let given: Vec<_> = world.book.entries().iter().map(|e| (e.effective_on, e.minutes, e.expires_on)).collect();
    let last = Some(date(2026, 12, 31));
    let expected = [(date(2026, 2, 6), 16 * 30), (date(2026, 3, 6), 28 * 30), (date(2026, 4, 6), 10 * 30)];
    assert_eq!(given, expected.map(|(on, minutes)| (on, minutes, last)));
}

/// What may happen to policies.
#[derive(Clone, Debug)]
enum Act {
    Add { eligible: u8, accrual: u8, month: u8, from: i32, lasts: Option<i32> },
    Change { which: usize, accrual: u8, month: u8, from: i32, lasts: Option<i32> },
    EndAndReplace { which: usize, on: i32, accrual: u8 },
    Settle,
}

fn act() -> impl Strategy<Value = Act> {
    let lasts = || proptest::option::of(0..500i32);
    prop_oneof![
        3 => (0..4u8, 0..4u8, 1..=12u8, -200..700i32, lasts())
            .prop_map(|(eligible, accrual, month, from, lasts)| Act::Add { eligible, accrual, month, from, lasts }),
        2 => (0..4usize, 0..4u8, 1..=12u8, -200..700i32, lasts())
            .prop_map(|(which, accrual, month, from, lasts)| Act::Change { which, accrual, month, from, lasts }),
        2 => (0..4usize, 0..700i32, 0..4u8).prop_map(|(which, on, accrual)| Act::EndAndReplace { which, on, accrual }),
        4 => Just(Act::Settle),
    ]
}

fn accrual(of: u8) -> Accrual {
    match of {
        0 => Accrual::Yearly { minutes: 14_400 },
        1 => Accrual::Monthly { minutes: 1_200 },
        2 => Accrual::WorkedHours { minutes: 1, per_minutes: 20 },
        _ => Accrual::None,
    }
}

impl World {
    fn act(&mut self, act: &Act) {
        match *act {
            Act::Add { eligible, accrual: of, month, from, lasts } => {
                let eligible = match eligible {
                    0 => Eligible::Everyone,
                    1 => Eligible::Sites { site_ids: vec![self.sites[0]] },
                    2 => Eligible::Sites { site_ids: vec![self.sites[1]] },
                    _ => Eligible::Employees { employee_ids: vec![self.person.employee_id] },
                };
                let (valid_from, valid_to) = (day(from), lasts.map(|lasts| day(from + lasts)));
                let body = self.body(accrual(of));
                self.add(LeavePolicyBody { eligible, year_starts_month: month, valid_from, valid_to, ..body });
            }
            Act::Change { which, accrual: of, month, from, lasts } => {
                if let Some(policy) = self.policies.get_mut(which) {
                    policy.body.accrual = accrual(of);
                    policy.body.year_starts_month = month;
                    (policy.body.valid_from, policy.body.valid_to) = (day(from), lasts.map(|lasts| day(from + lasts)));
                }
            }
            Act::EndAndReplace { which, on, accrual: of } => {
                if let Some(policy) = self.policies.get_mut(which).filter(|policy| policy.body.valid_from < day(on)) {
                    policy.body.valid_to = Some(day(on) - 1.day());
                    let next = LeavePolicyBody {
                        accrual: accrual(of),
                        valid_from: day(on),
                        valid_to: None,
                        ..policy.body.clone()
                    };
                    self.add(next);
                }
            }
            Act::Settle => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_policies_do_and_whenever_somebody_looks_no_date_is_earned_twice_and_none_is_lost(
        acts in proptest::collection::vec((act(), 0..60i32), 1..14),
        hired in -300..300i32, moves in 0..600i32, left in proptest::option::of(100..800i32),
    ) {
        let mut world = World::new(day(hired), day(moves), left.map(|left| day(hired.max(0) + left)));
        let mut now = 0;
        for (act, wait) in &acts {
            now += wait;
            world.act(act);
            if matches!(act, Act::Settle) {
                world.settle(day(now));
                let once = world.book.clone();
                prop_assert_eq!(world.settle(day(now)), 0, "to settle twice is to settle once");
                prop_assert_eq!(&world.book, &once);
            }
        }
        let today = day(now + 30);
        world.settle(today);
        let earned = world.earned();
        prop_assert!(earned.windows(2).all(|pair| pair[0] < pair[1]), "a date was earned twice");
        // Every date that is over, and on which somebody earns by the policies of now, is earned; by work, once its
        // month is over and some days have passed.
        for stretch in world.stretches(today) {
            let until = match stretch.policy.body.accrual {
                Accrual::None => continue,
                Accrual::Yearly { .. } | Accrual::Monthly { .. } => today,
                Accrual::WorkedHours { .. } => (today - 5.days()).first_of_month() - 1.day(),
            };
            let mut date = stretch.from;
            while date <= stretch.to.min(until) {
                prop_assert!(earned.binary_search(&date).is_ok(), "{} was lost", date);
                date += 1.day();
            }
        }
        prop_assert!(earned.iter().all(|date| world.person.works_on(*date)), "nobody earns who is not employed");
    }

    #[test]
    fn however_policies_of_one_amount_follow_each_other_a_year_comes_to_that_amount(
        changes in proptest::collection::vec((0..365i32, 0..365i32), 0..6), settles in proptest::collection::vec(0..365i32, 0..5),
    ) {
        let mut world = World::new(date(2020, 1, 1), date(2020, 6, 1), None);
        let body = LeavePolicyBody { valid_from: date(2026, 1, 1), ..world.body(yearly()) };
        world.add(body);
        let mut events: Vec<(i32, Option<i32>)> = changes.iter().map(|(known, on)| (*known, Some(*on))).collect();
        events.extend(settles.iter().map(|on| (*on, None)));
        events.sort_unstable();
        for (on, change) in events {
            world.settle(day(on));
            if let Some(from) = change {
                let which = world.policies.len() - 1;
                world.act(&Act::EndAndReplace { which, on: from, accrual: 0 });
            }
        }
        world.settle(date(2026, 12, 31));
        prop_assert_eq!(world.sum(Kind::Accrual), 30 * DAY);
    }

    #[test]
    fn what_is_approved_is_kept_whatever_is_approved_besides_and_giving_back_is_as_if_it_had_not_been(
        monthly in any::<bool>(), limit in 0..30i64, lasts in proptest::option::of(1..24u8), worked_off in any::<bool>(),
        grants in proptest::collection::vec((1..10i64, 0..500i32, proptest::option::of(0..300i32)), 0..4),
        requests in proptest::collection::vec((0..45i32, 0..500i32, 1..15i32, 1..600i64), 1..12), back in 0..12usize,
        kept in 0..15i32,
    ) {
        let mut world = carrying(limit);
        let body = &mut world.policies[0].body;
        if monthly {
            body.accrual = Accrual::Monthly { minutes: 1_200 };
        }
        if worked_off {
            body.valid_to = Some(date(2026, 12, 31));
        }
        body.carry_over.as_mut().unwrap().expires_after_months = lasts;
        for (days, on, lasts) in grants {
            world.grant(days * DAY, day(on), lasts.map(|lasts| day(on + lasts)));
        }
        let (mut now, mut asked) = (0, Vec::new());
        for (wait, ahead, count, minutes) in requests {
            now += wait;
            world.settle(day(now));
            // From a month back to some sixteen months ahead.
            let first = day(now + ahead - 30);
            let days: Vec<(Date, i64)> = (0..count).map(|n| (first + n.days(), minutes)).collect();
            let standing = world.standing(day(now), first);
            prop_assert!(standing.available >= 0);
            let before = world.book.clone();
            if let Ok(request) = world.take(day(now), &days, false) {
                asked.push((request, minutes, count, first));
                prop_assert!(minutes <= standing.available, "more than there was to be had");
            } else {
                prop_assert_eq!(&world.book, &before);
                prop_assert!(count > 1 || minutes > standing.available, "{:?} {:?}", standing, days);
            }
        }
        if let Some((request, _, count, first)) = asked.get_mut(back) {
            // From any of its days on, whether it is over or not; from the first on, that is all of it.
            *count = kept.min(*count);
            let from = *first + count.days();
            world.give_back(day(now), *request, from);
            prop_assert!(world.book.taken_by(*request).iter().all(|taken| taken.day < from));
        }
        while now < 1_200 {
            now += 60;
            world.settle(day(now));
            prop_assert_eq!(world.settle(day(now)), 0);
            // Nothing is owed for a day that is over, and no source has given more than it had.
            prop_assert!(world.book.debts().iter().all(|debt| debt.day > day(now)), "{:?}", world.book.debts());
            prop_assert!(world.book.sources().iter().all(|source| source.left >= 0));
        }
        for (request, minutes, count, _) in asked {
            let taken = world.book.taken_by(request);
            prop_assert_eq!(taken.iter().map(|taken| taken.part.minutes).sum::<i64>(), minutes * i64::from(count));
            for one in taken {
                let source = world.book.sources().iter().find(|source| Some(source.id) == one.part.source).unwrap();
                prop_assert!(source.holds_on(one.day), "taken from what was not there on the day");
            }
        }
    }

    #[test]
    fn what_can_be_taken_is_the_most_that_can_be_taken(
        limit in 0..30i64, taken in proptest::collection::vec((0..500i32, 1..8i32), 0..6), on in 0..500i32, worked_off in any::<bool>(),
    ) {
        let mut world = carrying(limit);
        if worked_off {
            world.policies[0].body.valid_to = Some(date(2026, 12, 31));
        }
        let today = day(10);
        world.settle(today);
        for (first, count) in taken {
            let _refused = world.take(today, &days_from(day(10 + first), count), false);
        }
        let on = day(10 + on);
        let available = world.standing(today, on).available;
        let can = |minutes: i64| world.with(today, on, |account| account.take(&[(on, minutes)], None, false)).is_ok();
        prop_assert!(available >= 0);
        prop_assert!(available == 0 || can(available));
        prop_assert!(!can(available + 1));
    }
}
