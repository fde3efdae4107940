//! Whether two requests take the same time. Pure.
//!
//! Leave is of a work date, and half of it is half of what is planned there (rule 9): so two requests meet on a date on
//! which they take the same part of its plan. By the clock on the wall a morning would end at noon, and hours after it
//! would meet no morning of a shift that breaks at six in the evening; they would cost nothing beside it, and be free
//! once the morning was given back.

use super::wish::Piece;
use crate::workdays::facts::{DayFacts, Interval, Second, instant};
use crate::workdays::plan::{Plan, hours_of, noon};
use jiff::Timestamp;
use jiff::civil::Date;
use rollcall_attendance_api::policy::Portion;
use std::ops::Bound;

/// From when to when leave is, and which part of each date it takes; of several dates always all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Time {
    pub(crate) from: Date,
    pub(crate) to: Date,
    pub(crate) piece: Piece,
}

/// What a piece takes of a date: a morning all until the break, an afternoon all after it, so that what lies beside the
/// plan is of one of them too.
pub(crate) fn part(piece: Piece, day: &DayFacts) -> Interval {
    let shift = day.shift.as_deref();
    let halves = || shift.map_or_else(|| (noon(day), noon(day)), |shift| Plan::of(shift, day.date, &day.zone).halves());
    match piece {
        Piece::Portion(Portion::Full) => Interval { start: Second::MIN, end: Second::MAX },
        Piece::Portion(Portion::Am) => Interval { start: Second::MIN, end: halves().0 },
        Piece::Portion(Portion::Pm) => Interval { start: halves().1, end: Second::MAX },
        Piece::Hours(hours) => hours_of(shift, day, (hours.start, hours.end)),
    }
}

/// A part as the database keeps it.
pub(crate) fn kept(part: Interval) -> (Bound<Timestamp>, Bound<Timestamp>) {
    let start = if part.start == Second::MIN { Bound::Unbounded } else { Bound::Included(instant(part.start)) };
    let end = if part.end == Second::MAX { Bound::Unbounded } else { Bound::Excluded(instant(part.end)) };
    (start, end)
}

/// Whether two requests meet, with what is planned on the dates of one of them.
pub(crate) fn meet(one: Time, other: Time, days: &[DayFacts]) -> bool {
    if one.to < other.from || other.to < one.from {
        return false;
    }
    let full = Piece::Portion(Portion::Full);
    if one.piece == full || other.piece == full {
        return true;
    }
    let day = days.iter().find(|day| day.date == one.from);
    day.is_none_or(|day| {
        let (one, other) = (part(one.piece, day), part(other.piece, day));
        one.start.max(other.start) < one.end.min(other.end)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leave::wish::tests::{day, hours};
    use jiff::civil::date;

    #[test]
    fn halves_and_hours_meet_where_they_take_the_same_part_of_the_plan() {
        let [full, am, pm] = [Portion::Full, Portion::Am, Portion::Pm].map(Piece::Portion);
        let on = date(2026, 6, 1);
        let office = day(on, Some(("09:00", "18:00")));
        let late = day(on, Some(("14:00", "22:00")));
        let night = day(on, Some(("22:00", "06:00")));
        // The clocks go from two to three in the night from 28 to 29 March, and from three to two on 25 October.
        let spring = day(date(2026, 3, 28), Some(("22:00", "06:00")));
        let autumn = day(date(2026, 10, 24), Some(("22:00", "06:00")));
        for (what, day, one, other, expected) in [
            ("two mornings", &office, am, am, true),
            ("both halves", &office, am, pm, false),
            ("a day and anything", &office, full, hours("20:00", "21:00"), true),
            ("hours before the break and the morning", &office, hours("10:00", "11:00"), am, true),
            ("hours before the break and the afternoon", &office, hours("10:00", "11:00"), pm, false),
            ("hours before the plan and the morning", &office, hours("07:00", "08:00"), am, true),
            ("the break is of no half", &office, hours("12:00", "13:00"), am, false),
            ("the first hours of a late shift are its morning", &late, hours("14:00", "16:00"), am, true),
            ("and not its afternoon", &late, hours("14:00", "16:00"), pm, false),
            ("up to the middle", &late, hours("17:00", "18:00"), am, true),
            ("from the middle on", &late, hours("18:00", "19:00"), am, false),
            ("hours one after the other", &late, hours("14:00", "15:00"), hours("15:00", "16:00"), false),
            ("hours that share a minute", &late, hours("14:00", "15:00"), hours("14:59", "16:00"), true),
            ("the end of a night is its afternoon", &night, hours("04:00", "06:00"), pm, true),
            ("and not its morning", &night, hours("04:00", "06:00"), am, false),
            ("nor is it free beside the whole night", &night, hours("04:00", "06:00"), full, true),
            ("past midnight, before the middle", &night, hours("01:00", "02:00"), am, true),
            ("the middle of seven hours is half past one", &spring, hours("01:00", "01:30"), pm, false),
            ("in spring", &spring, hours("01:30", "02:00"), pm, true),
            ("hours that there are not", &spring, hours("02:00", "03:00"), full, true),
            ("of hours that there are not nothing is taken twice", &spring, hours("02:00", "03:00"), pm, false),
            ("the middle of nine hours is the second half past two", &autumn, hours("02:00", "02:30"), am, true),
            ("in autumn", &autumn, hours("03:00", "04:00"), am, false),
        ] {
            let [one, other] = [one, other].map(|piece| Time { from: day.date, to: day.date, piece });
            let days = std::slice::from_ref(day);
            assert_eq!([meet(one, other, days), meet(other, one, days)], [expected; 2], "{what}");
        }
    }

    #[test]
    fn whole_days_meet_by_their_dates_alone() {
        let full = Piece::Portion(Portion::Full);
        let time = |from, to| Time { from: date(2026, 6, from), to: date(2026, 6, to), piece: full };
        assert!(meet(time(1, 3), time(3, 5), &[]));
        assert!(!meet(time(1, 3), time(4, 5), &[]));
        let night = Time { piece: hours("04:00", "06:00"), ..time(1, 1) };
        assert!(!meet(night, time(2, 2), &[]), "the end of a night is of the date that it begins on");
    }
}
