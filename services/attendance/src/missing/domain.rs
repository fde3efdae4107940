//! What is missing of somebody's days. Pure.

use crate::workdays::day::Workday;
use crate::workdays::facts::{Facts, MINUTE, Second};
use crate::workdays::windows::{self, Window};
use crate::workdays::{belonging, compute, presence};
use jiff::Timestamp;
use jiff::civil::Date;
use rollcall_attendance_api::events::Missing;
use rollcall_attendance_api::workdays::{ExceptionCode, Status};

/// Something that is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Of which work date.
    pub(crate) date: Date,
    /// What.
    pub(crate) missing: Missing,
    /// The punch whose other half is missing, or when work was to start.
    pub(crate) at: Option<Timestamp>,
    /// IANA zone to show it in.
    pub(crate) time_zone: String,
}

/// What is missing of the dates from `from` to `to` that closed after `since`. `remind_after` says how many minutes after
/// the planned start of a date whoever has not come is reminded.
pub(crate) fn found(
    facts: &Facts,
    (from, to): (Date, Date),
    since: Timestamp,
    remind_after: impl Fn(Date) -> Option<u32>,
) -> Vec<Found> {
    let windows = windows::of(&facts.days);
    let mut all = Vec::new();
    for day in compute(facts, from, to) {
        let window = windows.iter().find(|window| facts.days[window.day].date == day.date);
        let mut add = |missing: Missing, at: Option<Timestamp>| {
            let time_zone = crate::facts::domain::zone_name(&day.zone);
            all.push(Found { date: day.date, missing, at, time_zone });
        };
        let closed_since = window.is_none_or(|window| window.holds.end > since.as_second());
        for exception in &day.exceptions {
            let missing = match exception.code {
                ExceptionCode::MissingOut => Missing::Out,
                ExceptionCode::MissingIn if day.status != Status::Pending => Missing::In,
                _ => continue,
            };
            // Outside of every window it is over when nobody works that long.
            let over = exception.at.map_or(Second::MIN, |at| at.as_second() + belonging::STRETCH_SPAN);
            if closed_since && over > since.as_second() {
                add(missing, exception.at);
            }
        }
        // Incomplete is then what was worked besides.
        let missed = matches!(day.status, Status::Absent | Status::Incomplete) && nobody_came(&day);
        if missed && closed_since && window.is_some() {
            add(Missing::Everything, day.planned.map(|(start, _)| start));
        }
        let late = remind_after(day.date).zip(window);
        if let Some(start) = late.and_then(|(minutes, window)| not_come(facts, (&day, window), minutes, since)) {
            add(Missing::NotCome, Some(start));
        }
    }
    all
}

/// Whether nothing was punched for the shift. Who was called in at night and punched for that has not come to it.
fn nobody_came(day: &Workday) -> bool {
    day.punches.iter().all(|punch| !punch.scheduled)
}

/// Whether somebody is there of whom nothing is punched for the shift: who came before its window opened and is in still,
/// or who came when it would have been open had the shift before, whose window has closed since, not taken that time.
fn is_there(facts: &Facts, window: &Window) -> bool {
    let opens = window.plan.span.start - Second::from(window.shift.policy.opens_before) * MINUTE;
    presence::last_coming(facts).is_some_and(|coming| coming.still || coming.at.as_second() >= opens)
}

/// When somebody was to start who has not come so many minutes later, while it is not too late to come; none: they have,
/// or nothing is known of it yet.
fn not_come(facts: &Facts, (day, window): (&Workday, &Window), minutes: u32, since: Timestamp) -> Option<Timestamp> {
    let (start, end) = day.planned.filter(|_| day.status == Status::Pending && nobody_came(day))?;
    let due = start.as_second() + Second::from(minutes) * MINUTE;
    let heard = facts.days[window.day].reported_until.is_none_or(|until| until.as_second() >= due);
    let now = facts.now.as_second();
    let in_time = since.as_second() < due && due <= now && facts.now < end;
    (heard && in_time && !is_there(facts, window)).then_some(start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workdays::facts::{DayFacts, PunchFact, ShiftFacts};
    use jiff::civil::date;
    use jiff::tz::TimeZone;
    use jiff::{SignedDuration, ToSpan as _};
    use rollcall_attendance_api::policy::Policy;
    use rollcall_attendance_api::punches::Direction;
    use rollcall_attendance_api::wall_time::WallTime;
    use rollcall_ids::PunchId;
    use std::sync::Arc;

    const DAY: Date = date(2026, 6, 1);

    fn at(hour: i64, minute: i64) -> Timestamp {
        let midnight = DAY.to_zoned(TimeZone::UTC).unwrap().timestamp();
        midnight + SignedDuration::from_mins(hour * 60 + minute)
    }

    /// 09:00 to 18:00, whose window closes at midnight, and what was punched by `now`.
    fn missing(punches: &[(Timestamp, Direction)], now: Timestamp, since: Timestamp) -> Vec<Missing> {
        missing_of(&[(0, "09:00", "18:00")], punches, now, since)
    }

    /// Shifts, each so many days after the date, whose windows open four hours before and close six hours after.
    fn missing_of(
        shifts: &[(i32, &str, &str)],
        punches: &[(Timestamp, Direction)],
        now: Timestamp,
        since: Timestamp,
    ) -> Vec<Missing> {
        let wall = |text: &str| WallTime::parse(text).unwrap();
        let day = |offset: i32| {
            let planned = shifts.iter().find(|(on, ..)| *on == offset);
            let shift = planned.map(|&(_, start, end)| {
                let (start, end, policy) = (wall(start), wall(end), Policy::default());
                Arc::new(ShiftFacts { start, end, breaks: vec![], policy })
            });
            DayFacts::planned(DAY + offset.days(), TimeZone::UTC, shift)
        };
        let punch = |&(at, direction): &(Timestamp, Direction)| PunchFact {
            id: PunchId::generate(),
            at,
            direction,
            outside_geofence: false,
            outside_network: false,
        };
        let facts = Facts { now, days: (-3..=3).map(day).collect(), punches: punches.iter().map(punch).collect() };
        let all = found(&facts, (DAY - 1.day(), DAY + 1.day()), since, |_| Some(10));
        all.into_iter().map(|found| found.missing).collect()
    }

    #[test]
    fn what_is_missing_is_found_when_the_window_has_closed_and_not_before() {
        let early = at(0, 0);
        let came = (at(9, 0), Direction::In);
        // Called in at night, outside of the window of the shift.
        let (called, back) = ((at(1, 0), Direction::In), (at(3, 0), Direction::Out));
        let gone = (at(18, 0), Direction::Out);
        // Before the window opens, and still there when the shift begins; or gone again.
        let (before, again) = ((at(4, 30), Direction::Auto), (at(4, 50), Direction::Auto));
        for (punches, now, expected) in [
            (vec![], at(9, 9), vec![]),
            (vec![], at(9, 10), vec![Missing::NotCome]),
            (vec![], at(17, 59), vec![Missing::NotCome]),
            (vec![], at(18, 0), vec![]),
            (vec![], at(23, 59), vec![]),
            (vec![], at(24, 0), vec![Missing::Everything]),
            (vec![came], at(9, 30), vec![]),
            (vec![came], at(23, 59), vec![]),
            (vec![came], at(24, 0), vec![Missing::Out]),
            (vec![gone], at(17, 0), vec![]),
            (vec![gone], at(24, 0), vec![Missing::In]),
            (vec![came, gone], at(24, 0), vec![]),
            (vec![called, back], at(9, 9), vec![]),
            (vec![called, back], at(9, 10), vec![Missing::NotCome]),
            (vec![called, back], at(24, 0), vec![Missing::Everything]),
            (vec![called, back, came, gone], at(24, 0), vec![]),
            (vec![called], at(24, 0), vec![Missing::Out, Missing::Everything]),
            (vec![before], at(9, 10), vec![]),
            (vec![before], at(17, 59), vec![]),
            (vec![before, again], at(9, 10), vec![Missing::NotCome]),
            (vec![called, back, before], at(9, 10), vec![]),
        ] {
            assert_eq!(missing(&punches, now, early), expected, "{punches:?} at {now}");
        }
    }

    #[test]
    fn who_came_on_another_date_is_there_and_who_came_too_long_ago_is_not() {
        let comes = |hour, minute| (at(hour, minute), Direction::In);
        let goes = |hour, minute| (at(hour, minute), Direction::Out);
        let evening: &[_] = &[(0, "18:00", "02:00")];
        // Its window opens at 23:00 on the day before.
        let night: &[_] = &[(0, "03:00", "11:00")];
        // The border between the windows is 00:30.
        let two: &[_] = &[(-1, "14:00", "22:00"), (0, "03:00", "11:00")];
        for (shifts, punches, now, expected) in [
            // Called in at night, and the going forgotten.
            (evening, vec![comes(0, 30)], at(18, 10), vec![Missing::Out, Missing::NotCome]),
            (evening, vec![comes(2, 10)], at(18, 10), vec![]),
            (evening, vec![comes(2, 10)], at(18, 11), vec![Missing::Out, Missing::NotCome]),
            (night, vec![comes(-2, 50)], at(3, 10), vec![]),
            (night, vec![comes(-2, 50)], at(10, 59), vec![]),
            (night, vec![comes(-2, 50), goes(-2, 55)], at(3, 10), vec![Missing::NotCome]),
            (night, vec![comes(-14, 0)], at(3, 10), vec![Missing::Out, Missing::NotCome]),
            (two, vec![comes(-10, 0), goes(-2, 0)], at(3, 10), vec![Missing::NotCome]),
            (two, vec![comes(-10, 0), goes(-2, 0), comes(0, 20)], at(3, 10), vec![Missing::Out]),
            (two, vec![comes(-10, 0)], at(3, 10), vec![Missing::Out, Missing::NotCome]),
        ] {
            assert_eq!(missing_of(shifts, &punches, now, at(0, 0)), expected, "{punches:?} at {now}");
        }
    }

    #[test]
    fn what_was_over_before_anybody_looked_is_not_told() {
        assert_eq!(missing(&[], at(25, 0), at(24, 0)), []);
        assert_eq!(missing(&[], at(25, 0), at(23, 59)), [Missing::Everything]);
        assert_eq!(missing(&[], at(10, 0), at(9, 10)), []);
        assert_eq!(missing(&[(at(9, 0), Direction::In)], at(25, 0), at(24, 0)), []);
    }
}
