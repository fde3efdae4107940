//! Who works in the demo company and when: the same every time, but for the date it is loaded on.

use anyhow::Result;
use jiff::civil::{Date, Weekday, time};
use jiff::{Timestamp, ToSpan};

/// Days of punches, the last being yesterday.
pub(super) const DAYS: i64 = 30;
/// Days that are planned ahead.
pub(super) const AHEAD: i64 = 28;

/// A place of work.
pub(super) struct Site {
    /// Its name.
    pub(super) name: &'static str,
    /// IANA name of its zone.
    pub(super) time_zone: &'static str,
    /// Degrees north and east of its gate.
    pub(super) place: (f64, f64),
}

/// The two sites. The first is where the organisation is founded.
pub(super) const SITES: [Site; 2] = [
    Site { name: "Shanghai plant", time_zone: "Asia/Shanghai", place: (31.2304, 121.4737) },
    Site { name: "Berlin office", time_zone: "Europe/Berlin", place: (52.5200, 13.4050) },
];

/// The units, each with the index of the site where its people work.
pub(super) const UNITS: [(&str, usize); 3] = [("Assembly", 0), ("Quality", 0), ("Engineering", 1)];

/// Everybody but the founder: name and index of the unit. The first of a unit leads it.
pub(super) const PEOPLE: [(&str, usize); 19] = [
    ("Lin Yue", 0),
    ("Chen Wei", 0),
    ("Wang Fang", 0),
    ("Zhang Min", 0),
    ("Liu Yang", 0),
    ("Huang Lei", 0),
    ("Zhao Jing", 0),
    ("Wu Tao", 0),
    ("Sun Li", 1),
    ("Zhou Jie", 1),
    ("Xu Na", 1),
    ("Ma Chao", 1),
    ("Anna Weber", 2),
    ("Jonas Klein", 2),
    ("Mia Schulz", 2),
    ("Emre Yılmaz", 2),
    ("Lena Vogel", 2),
    ("Paul Brandt", 2),
    ("Zoë Krüger", 2),
];

/// Index of the manager who has an account.
pub(super) const MANAGER: usize = 0;

/// The number of an employee; the founder has `1`.
pub(super) fn number(person: usize) -> String {
    format!("{}", 1_001 + person)
}

/// The site of a person.
pub(super) fn site_of(person: usize) -> &'static Site {
    &SITES[UNITS[PEOPLE[person].1].1]
}

/// Every Monday-to-Friday between two dates, cut to them.
pub(super) fn working_weeks(from: Date, to: Date) -> Result<Vec<(Date, Date)>> {
    let mut weeks: Vec<(Date, Date)> = Vec::new();
    let mut date = from;
    while date <= to {
        if works(date) {
            match weeks.last_mut() {
                Some((_, last)) if last.tomorrow()? == date => *last = date,
                _ => weeks.push((date, date)),
            }
        }
        date = date.tomorrow()?;
    }
    Ok(weeks)
}

/// When `person` punched on the dates up to `yesterday`.
pub(super) fn punches(person: usize, yesterday: Date) -> Result<Vec<Timestamp>> {
    let zone = site_of(person).time_zone;
    let mut all = Vec::new();
    for back in (0..DAYS).rev() {
        let date = yesterday.checked_sub(back.days())?;
        if !works(date) {
            continue;
        }
        for (hour, minute) in of_a_day(chance(person, date)) {
            all.push(date.to_datetime(time(hour, minute, 0, 0)).in_tz(zone)?.timestamp());
        }
    }
    Ok(all)
}

fn works(date: Date) -> bool {
    !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday)
}

/// Most days are plain; some are late, short or long, have lunch punched, lack the last punch, or are missed.
fn of_a_day(chance: u32) -> Vec<(i8, i8)> {
    let minute = |most: u32| i8::try_from((chance >> 8) % most).unwrap_or_default();
    match chance % 24 {
        0 => vec![],
        1 => vec![(8, 58)],
        2 | 3 => vec![(9, 6 + minute(40)), (18, minute(20))],
        4 => vec![(8, 50), (16, 30 + minute(20))],
        5 | 6 => vec![(8, 45 + minute(14)), (12, minute(9)), (12, 50 + minute(9)), (18, minute(30))],
        7 => vec![(8, 55), (20, minute(59))],
        _ => vec![(8, 40 + minute(20)), (18, minute(25))],
    }
}

/// A number that looks random and is the same for a person on a date (the finaliser of `MurmurHash3`).
fn chance(person: usize, date: Date) -> u32 {
    let day = u32::from(date.day_of_year().unsigned_abs());
    let mut x = u32::try_from(person).unwrap_or_default().wrapping_mul(0x9e37_79b9) ^ day.wrapping_mul(0x85eb_ca6b);
    x = (x ^ (x >> 16)).wrapping_mul(0x85eb_ca6b);
    x = (x ^ (x >> 13)).wrapping_mul(0xc2b2_ae35);
    x ^ (x >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn weeks_are_monday_to_friday_and_end_where_asked() {
        let weeks = working_weeks(date(2026, 11, 19), date(2026, 12, 1)).unwrap();
        assert_eq!(
            weeks,
            [
                (date(2026, 11, 19), date(2026, 11, 20)),
                (date(2026, 11, 23), date(2026, 11, 27)),
                (date(2026, 11, 30), date(2026, 12, 1)),
            ]
        );
    }

    #[test]
    fn a_month_of_punches_is_the_same_every_time_and_in_order() {
        let yesterday = date(2026, 11, 19);
        for person in 0..PEOPLE.len() {
            let punches = punches(person, yesterday).unwrap();
            assert_eq!(punches, super::punches(person, yesterday).unwrap());
            assert!(punches.is_sorted() && punches.len() > 30, "{person}: {}", punches.len());
        }
        let odd = (0..PEOPLE.len()).filter(|p| punches(*p, yesterday).unwrap().len() % 2 == 1).count();
        assert!(odd > 0, "somebody forgot to punch");
    }
}
