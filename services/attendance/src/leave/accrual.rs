//! What a policy gives a person on which day. Pure.

use jiff::ToSpan as _;
use jiff::civil::{Date, date};
use rollcall_attendance_api::leave::{Accrual, CarryOver, LeavePolicyBody};

/// A stretch of time for which a policy gives something once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Period {
    /// First day of the whole year or month.
    pub(crate) start: Date,
    /// Last day of it.
    pub(crate) end: Date,
    /// The days of it that count: on which the policy holds and the person is employed.
    pub(crate) from: Date,
    pub(crate) to: Date,
    /// The day on which it is given.
    pub(crate) due_on: Date,
}

/// From when to when somebody can earn by a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tenure {
    pub(crate) from: Date,
    pub(crate) to: Option<Date>,
}

impl Tenure {
    /// The days on which both the policy holds and somebody is employed.
    pub(crate) fn of(policy: &LeavePolicyBody, hired_on: Date, left_on: Option<Date>) -> Self {
        let to = [policy.valid_to, left_on].into_iter().flatten().min();
        Self { from: policy.valid_from.max(hired_on), to }
    }
}

/// The periods that a policy has given for, or has to, up to `today`: so that what was due while nobody was there to give
/// it is given later. `settle_days` are let pass after a month whose work counts.
pub(crate) fn periods(policy: &LeavePolicyBody, tenure: Tenure, settle_days: u16, today: Date) -> Vec<Period> {
    let (mut start, months) = match policy.accrual {
        Accrual::None => return Vec::new(),
        Accrual::Yearly { .. } => (year_start(policy.year_starts_month, tenure.from), 12),
        Accrual::Monthly { .. } | Accrual::WorkedHours { .. } => (tenure.from.first_of_month(), 1),
    };
    let last = tenure.to.map_or(today, |to| to.min(today));
    let mut periods = Vec::new();
    while start <= last {
        let next = start + months.months();
        let end = next - 1.day();
        let (from, to) = (start.max(tenure.from), tenure.to.map_or(end, |to| to.min(end)));
        let due_on = match policy.accrual {
            Accrual::WorkedHours { .. } => next + i32::from(settle_days).days(),
            _ => from,
        };
        if due_on <= today && from <= to {
            periods.push(Period { start, end, from, to, due_on });
        }
        start = next;
    }
    periods
}

/// Minutes for a period: all of them for a whole one, else by its days, rounded to the nearest minute. `worked` are
/// those of the days that count.
pub(crate) fn minutes(accrual: Accrual, period: &Period, worked: u32) -> i64 {
    let days = |from: Date, to: Date| i64::from((to - from).get_days()) + 1;
    match accrual {
        Accrual::None => 0,
        Accrual::Yearly { minutes } | Accrual::Monthly { minutes } => {
            let (all, some) = (days(period.start, period.end), days(period.from, period.to));
            (i64::from(minutes) * some * 2 + all) / (all * 2)
        }
        Accrual::WorkedHours { minutes, per_minutes } => {
            i64::from(worked) * i64::from(minutes) / i64::from(per_minutes.max(1))
        }
    }
}

/// As much of it as the cap has room for.
pub(crate) fn capped(minutes: i64, balance: i64, cap: Option<u32>) -> i64 {
    cap.map_or(minutes, |cap| minutes.min(i64::from(cap) - balance).max(0))
}

/// The first day of the leave year that `day` is in.
pub(crate) fn year_start(month: u8, day: Date) -> Date {
    let month = i8::try_from(month.clamp(1, 12)).unwrap_or(1);
    let this = date(day.year(), month, 1);
    if this <= day { this } else { this - 1.year() }
}

/// The last day of the leave year that `day` is in.
pub(crate) fn year_end(month: u8, day: Date) -> Date {
    year_start(month, day) + 1.year() - 1.day()
}

/// Last day on which what was carried into the leave year that starts on `start` can be taken.
pub(crate) fn carried_until(rule: CarryOver, start: Date) -> Option<Date> {
    rule.expires_after_months.map(|months| start + i32::from(months).months() - 1.day())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rollcall_attendance_api::leave::Eligible;
    use rollcall_ids::LeaveTypeId;

    fn policy(accrual: Accrual, year_starts_month: u8, valid_from: Date) -> LeavePolicyBody {
        LeavePolicyBody {
            leave_type_id: LeaveTypeId::generate(),
            name: "P".into(),
            eligible: Eligible::Everyone,
            accrual,
            year_starts_month,
            cap_minutes: None,
            carry_over: None,
            valid_from,
            valid_to: None,
        }
    }

    fn given(policy: &LeavePolicyBody, hired: Date, left: Option<Date>, today: Date) -> Vec<(Date, i64)> {
        let periods = periods(policy, Tenure::of(policy, hired, left), 5, today);
        periods.iter().map(|period| (period.due_on, minutes(policy.accrual, period, 6_000))).collect()
    }

    #[test]
    fn a_year_is_given_on_its_first_day_and_one_that_is_not_whole_by_its_days() {
        let yearly = policy(Accrual::Yearly { minutes: 14_400 }, 1, date(2026, 1, 1));
        let today = date(2027, 2, 1);
        let whole = [(date(2026, 1, 1), 14_400), (date(2027, 1, 1), 14_400)];
        assert_eq!(given(&yearly, date(2020, 5, 1), None, today), whole);
        // From 1 July: 184 of 365 days.
        let since_july = [(date(2026, 7, 1), 7_259), (date(2027, 1, 1), 14_400)];
        assert_eq!(given(&yearly, date(2026, 7, 1), None, today), since_july);
        let leaves = given(&yearly, date(2026, 7, 1), Some(date(2026, 7, 31)), today);
        assert_eq!(leaves, [(date(2026, 7, 1), 1_223)]);
        let april = policy(Accrual::Yearly { minutes: 365 }, 4, date(2026, 1, 1));
        assert_eq!(
            given(&april, date(2020, 1, 1), None, date(2026, 4, 1)),
            [(date(2026, 1, 1), 90), (date(2026, 4, 1), 365)]
        );
    }

    #[test]
    fn a_month_is_given_on_its_first_day_and_work_some_days_after_its_month() {
        let monthly = policy(Accrual::Monthly { minutes: 1_200 }, 1, date(2026, 1, 1));
        let given_by = |day| given(&monthly, date(2026, 1, 16), None, day);
        assert_eq!(given_by(date(2026, 1, 15)), []);
        assert_eq!(given_by(date(2026, 2, 28)), [(date(2026, 1, 16), 619), (date(2026, 2, 1), 1_200)]);
        let worked = policy(Accrual::WorkedHours { minutes: 1, per_minutes: 20 }, 1, date(2026, 1, 1));
        assert_eq!(given(&worked, date(2020, 1, 1), None, date(2026, 2, 5)), []);
        assert_eq!(given(&worked, date(2020, 1, 1), None, date(2026, 2, 6)), [(date(2026, 2, 6), 300)]);
        assert_eq!(given(&policy(Accrual::None, 1, date(2026, 1, 1)), date(2020, 1, 1), None, date(2027, 1, 1)), []);
    }

    #[test]
    fn a_cap_leaves_room_for_so_much_and_no_more() {
        assert_eq!([capped(100, 0, None), capped(100, 50, Some(120)), capped(100, 200, Some(120))], [100, 70, 0]);
        assert_eq!(capped(100, -50, Some(20)), 70);
    }

    #[test]
    fn leave_years_start_in_their_month() {
        for (month, day, start, end) in [
            (1, date(2026, 12, 31), date(2026, 1, 1), date(2026, 12, 31)),
            (4, date(2026, 3, 31), date(2025, 4, 1), date(2026, 3, 31)),
            (4, date(2026, 4, 1), date(2026, 4, 1), date(2027, 3, 31)),
            (3, date(2028, 2, 29), date(2027, 3, 1), date(2028, 2, 29)),
        ] {
            assert_eq!((year_start(month, day), year_end(month, day)), (start, end));
        }
        let rule = CarryOver { limit_minutes: None, expires_after_months: Some(3) };
        assert_eq!(carried_until(rule, date(2027, 1, 1)), Some(date(2027, 3, 31)));
    }

    proptest! {
        #[test]
        fn however_often_it_is_looked_at_each_period_is_one_and_none_is_left_out(
            month in 1..=12u8, hired in 0..1_000i32, left in proptest::option::of(0..1_500i32), today in 0..2_000i32,
            yearly in any::<bool>(),
        ) {
            let accrual = if yearly { Accrual::Yearly { minutes: 9_000 } } else { Accrual::Monthly { minutes: 700 } };
            let policy = policy(accrual, month, date(2020, 6, 10));
            let day = |n: i32| date(2020, 1, 1) + n.days();
            let tenure = Tenure::of(&policy, day(hired), left.map(day));
            let now = periods(&policy, tenure, 5, day(today));
            let later = periods(&policy, tenure, 5, day(today + 40));
            prop_assert!(later.starts_with(&now), "what was given stays as it was");
            prop_assert!(now.windows(2).all(|pair| pair[0].end + 1.day() == pair[1].start));
            prop_assert!(now.iter().all(|p| p.start <= p.from && p.from <= p.to && p.to <= p.end));
            let sum: i64 = now.iter().map(|period| minutes(accrual, period, 0)).sum();
            let most = if yearly { 9_000 } else { 700 } * i64::try_from(now.len()).unwrap();
            prop_assert!(0 <= sum && sum <= most);
        }
    }
}
