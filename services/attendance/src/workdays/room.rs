//! How much is read and computed at once: days cost, not people, so whoever asks for a year gets fewer people at a time.

use jiff::civil::Date;

/// Days of all people together: keeps an answer within some megabytes, and what is read for it (plans, punches, leave) within
/// some tens.
const DAYS: u32 = 20_000;

/// So many people at a time, at most `most` and at least one, for the dates from `from` to `to`.
pub(crate) fn people(most: u32, (from, to): (Date, Date)) -> u32 {
    let days = u32::try_from((to - from).get_days() + 1).unwrap_or(1).max(1);
    most.min(DAYS / days).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_day_has_room_for_all_and_a_year_for_few() {
        let first = date(2026, 1, 1);
        assert_eq!(people(500, (first, first)), 500);
        assert_eq!(people(500, (first, date(2026, 1, 31))), 500);
        assert_eq!(people(200, (first, date(2026, 12, 31))), 54);
        assert_eq!(people(200, (first, date(9999, 12, 31))), 1);
    }
}
