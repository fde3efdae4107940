//! Which days a look has to look at. Pure.

use jiff::civil::Date;
use jiff::tz::Offset;
use jiff::{Timestamp, ToSpan as _};
use rollcall_ids::SiteId;
use std::collections::HashMap;

/// Days back that are looked at after a long silence, of the service or of a device.
pub(super) const BACK: i32 = 31;
/// Days after a date at which its window may close: a shift may last a day and its window half of one more.
const OPEN_FOR: i32 = 2;

/// The days of a look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dates {
    /// Of everybody: those that may have closed since the last look.
    pub(super) of_everybody: (Date, Date),
    /// Of these sites older ones: those that devices which had been silent have reported since.
    pub(super) of_sites: Option<(Vec<SiteId>, (Date, Date))>,
}

/// The days of a look at `now` after one at `looked_at`. `known` are sites that were not known up to that look, with until
/// when they were; `reported` says until when each site is known now, and one without devices is known whatever it was.
pub(super) fn to_look_at(
    looked_at: Timestamp,
    known: &HashMap<SiteId, Timestamp>,
    reported: &HashMap<SiteId, Timestamp>,
    now: Timestamp,
) -> Dates {
    let date = |at: Timestamp| Offset::UTC.to_datetime(at).date();
    let oldest = date(now) - BACK.days();
    let since = |at: Timestamp| (date(at) - OPEN_FOR.days()).max(oldest);
    let of_everybody = (since(looked_at), date(now) + 1.day());
    let mut sites = Vec::new();
    let (mut first, mut last) = (of_everybody.0, oldest);
    for (site, until) in known {
        let now_known = reported.get(site).map_or(now, |reported| (*reported).min(now));
        if now_known > *until && since(*until) < of_everybody.0 {
            sites.push(*site);
            first = first.min(since(*until));
            last = last.max(date(now_known) + 1.day());
        }
    }
    let last = last.min(of_everybody.0 - 1.day());
    sites.sort_unstable();
    Dates { of_everybody, of_sites: (first <= last).then_some((sites, (first, last))) }
}

/// What a look leaves for the next one to know: the sites whose devices have not reported up to it.
pub(super) fn behind(reported: &HashMap<SiteId, Timestamp>, now: Timestamp) -> HashMap<SiteId, Timestamp> {
    reported.iter().filter(|(_, until)| **until < now).map(|(site, until)| (*site, *until)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;
    use jiff::civil::date;

    const NOW: Timestamp = Timestamp::constant(1_782_900_000, 0); // 2026-07-01T10:00:00Z

    fn ago(hours: i64) -> Timestamp {
        NOW - SignedDuration::from_hours(hours)
    }

    #[test]
    fn a_forgotten_device_costs_nothing_until_it_is_heard_of_and_then_one_look_a_month_back() {
        let site = SiteId::generate();
        let at = |until: Timestamp| HashMap::from([(site, until)]);
        let recent = (date(2026, 6, 29), date(2026, 7, 2));
        for silent_for in [1, 30, 24 * 20, 24 * 400] {
            let until = ago(silent_for);
            let found = to_look_at(ago(0), &at(until), &at(until), NOW);
            assert_eq!(found, Dates { of_everybody: recent, of_sites: None }, "{silent_for}");
        }
        // It comes back with all it kept, with some of it, or is switched off.
        let found = to_look_at(ago(0), &at(ago(24 * 400)), &at(NOW), NOW);
        assert_eq!(found.of_sites, Some((vec![site], (date(2026, 5, 31), date(2026, 6, 28)))));
        let found = to_look_at(ago(0), &at(ago(24 * 10)), &at(ago(24 * 8)), NOW);
        assert_eq!(found.of_sites, Some((vec![site], (date(2026, 6, 19), date(2026, 6, 24)))));
        let found = to_look_at(ago(0), &at(ago(24 * 10)), &HashMap::new(), NOW);
        assert_eq!(found.of_sites, Some((vec![site], (date(2026, 6, 19), date(2026, 6, 28)))));
        // One that reports every few minutes is never behind by more than is looked at anyway.
        let found = to_look_at(ago(0), &at(ago(1)), &at(NOW), NOW);
        assert_eq!(found.of_sites, None);
        assert_eq!(behind(&at(ago(1)), NOW), at(ago(1)));
        assert!(behind(&at(NOW), NOW).is_empty());
    }

    #[test]
    fn a_service_that_was_down_looks_at_what_it_missed_but_no_further_than_a_month() {
        let found = to_look_at(ago(24 * 5), &HashMap::new(), &HashMap::new(), NOW);
        assert_eq!(found.of_everybody, (date(2026, 6, 24), date(2026, 7, 2)));
        let found = to_look_at(ago(24 * 500), &HashMap::new(), &HashMap::new(), NOW);
        assert_eq!(found.of_everybody, (date(2026, 5, 31), date(2026, 7, 2)));
    }
}
