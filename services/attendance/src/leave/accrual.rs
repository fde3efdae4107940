//! How much a policy gives, and when its years begin and end. Pure.

use jiff::ToSpan as _;
use jiff::civil::{Date, date};
use rollcall_attendance_api::leave::{Accrual, CarryOver};

/// Minutes for the dates `earned` of a `whole` year or month: all of them for all of its days, else by its days, to the
/// nearest minute. However a year is cut, its parts come to the whole: each is what is earned up to its last day, less
/// what is earned up to the day before its first. `worked` are the minutes worked on these dates.
pub(crate) fn minutes(accrual: Accrual, whole: (Date, Date), earned: (Date, Date), worked: u32) -> i64 {
    let days = |to: Date| i64::from((to - whole.0).get_days()) + 1;
    match accrual {
        Accrual::None => 0,
        Accrual::Yearly { minutes } | Accrual::Monthly { minutes } => {
            let all = days(whole.1);
            let up_to = |day: Date| (i64::from(minutes) * days(day) * 2 + all) / (all * 2);
            up_to(earned.1) - up_to(earned.0 - 1.day())
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

    #[test]
    fn what_is_not_whole_is_earned_by_its_days() {
        let year = (date(2026, 1, 1), date(2026, 12, 31));
        let yearly = Accrual::Yearly { minutes: 14_400 };
        let of_year = |from, to| minutes(yearly, year, (from, to), 0);
        assert_eq!(of_year(year.0, year.1), 14_400);
        // From 1 July: 184 of 365 days.
        assert_eq!(of_year(date(2026, 7, 1), year.1), 7_259);
        assert_eq!(of_year(date(2026, 7, 1), date(2026, 7, 31)), 1_223);
        let leap = (date(2027, 3, 1), date(2028, 2, 29));
        assert_eq!(minutes(Accrual::Yearly { minutes: 366 }, leap, (leap.1, leap.1), 0), 1, "29 February is a day");
        let january = (date(2026, 1, 1), date(2026, 1, 31));
        assert_eq!(minutes(Accrual::Monthly { minutes: 1_200 }, january, (date(2026, 1, 16), january.1), 0), 619);
        let worked = Accrual::WorkedHours { minutes: 1, per_minutes: 20 };
        assert_eq!([6_000, 6_019].map(|work| minutes(worked, january, january, work)), [300, 300]);
        assert_eq!(minutes(Accrual::None, january, january, 6_000), 0);
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
        fn however_a_year_is_cut_its_parts_come_to_the_whole(
            month in 1..=12u8, year in 2020..2030i16, given in 1..100_000u32,
            mut cuts in proptest::collection::btree_set(1..365i32, 0..8),
        ) {
            let start = year_start(month, date(year, 12, 31));
            let whole = (start, year_end(month, start));
            cuts.insert(0);
            let firsts: Vec<Date> = cuts.into_iter().map(|n| start + n.days()).collect();
            let part = |index: usize| {
                let last = firsts.get(index + 1).map_or(whole.1, |next| *next - 1.day());
                minutes(Accrual::Yearly { minutes: given }, whole, (firsts[index], last), 0)
            };
            let parts: Vec<i64> = (0..firsts.len()).map(part).collect();
            prop_assert!(parts.iter().all(|part| *part >= 0));
            prop_assert_eq!(parts.iter().sum::<i64>(), i64::from(given));
        }
    }
}
