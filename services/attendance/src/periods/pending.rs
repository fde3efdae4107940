//! What of a period is not judged yet: it is not locked before every day is, or the half of a night would be kept. Pure.

use crate::facts::domain::assignment_near;
use crate::workdays::compute;
use crate::workdays::facts::{Facts, Second, instant};
use crate::workdays::plan::next_midnight;
use jiff::civil::Date;
use jiff::tz::Offset;
use jiff::{Timestamp, ToSpan as _};
use rollcall_attendance_api::periods::PendingDays;
use rollcall_ids::{DeviceId, EmployeeId, SiteId};
use rollcall_org_api::facts::EmployeeFact;
use std::collections::{HashMap, HashSet};

/// Days after a date at which its window has closed, wherever it is: a shift may last a day and its window half of one
/// more, and clocks show a date up to half a day later than in UTC.
const OPEN_FOR: i32 = 4;
/// Devices named at most: enough to see which doors are silent.
const NAMED: usize = 20;

/// What is not judged of some people's days.
#[derive(Debug, Default)]
pub(super) struct Unjudged {
    people: HashSet<EmployeeId>,
    days: u32,
    /// When the last window closes that is open.
    until: Option<Second>,
    /// Days whose time is over and whose site has devices that have not said so.
    silent: u32,
    /// Until when the devices of a site have to have reported.
    sites: HashMap<SiteId, Timestamp>,
}

impl Unjudged {
    /// Adds the days of a person.
    pub(super) fn add(&mut self, person: &EmployeeFact, facts: &Facts, (from, to): (Date, Date)) {
        let now = facts.now.as_second();
        for day in compute(facts, from, to) {
            if !person.works_on(day.date) && day.punches.is_empty() {
                continue;
            }
            let midnight = Some(next_midnight(day.date, &day.zone)).filter(|midnight| now < *midnight);
            let Some(end) = day.waits_until.max(midnight) else { continue };
            self.people.insert(person.employee_id);
            self.days += 1;
            if now < end {
                self.until = self.until.max(Some(end));
            } else {
                self.silent += 1;
                let Some(assignment) = assignment_near(person, day.date) else { continue };
                let needed = self.sites.entry(assignment.site_id).or_insert(Timestamp::MIN);
                *needed = (*needed).max(instant(end));
            }
        }
    }

    /// Whether all is judged.
    pub(super) fn is_nothing(&self) -> bool {
        self.days == 0
    }

    /// Whether there is nothing but days whose devices have not reported.
    pub(super) fn is_for_devices_only(&self) -> bool {
        self.until.is_none()
    }

    /// How many days they are.
    pub(super) fn days(&self) -> u32 {
        self.days
    }

    /// For a client; of all `devices` that are switched on those that are waited for are named.
    pub(super) fn told(&self, devices: &[(DeviceId, SiteId, Timestamp)]) -> PendingDays {
        let missing = |(_, site, until): &&(DeviceId, SiteId, Timestamp)| {
            self.sites.get(site).is_some_and(|needed| until < needed)
        };
        PendingDays {
            people: u32::try_from(self.people.len()).unwrap_or(u32::MAX),
            days: self.days,
            lockable_from: self.until.map(instant),
            days_waiting_for_devices: self.silent,
            device_ids: devices.iter().filter(missing).map(|(id, ..)| *id).take(NAMED).collect(),
        }
    }
}

/// Which days of a period may not be judged: those of everybody from the first date on, and those before it of the people
/// of sites whose devices are silent.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Suspects {
    /// Days whose window may be open; none: the period ended long enough ago.
    pub(super) of_everybody: Option<(Date, Date)>,
    /// Days before these that may wait for devices; none: every device has reported since.
    pub(super) of_sites: Option<(Date, Date)>,
    /// Where.
    pub(super) sites: HashSet<SiteId>,
}

impl Suspects {
    /// Of the dates of a period, by what devices have reported.
    pub(super) fn of((from, to): (Date, Date), reported: &HashMap<SiteId, Timestamp>, now: Timestamp) -> Self {
        let open_since = |at: Timestamp| Offset::UTC.to_datetime(at).date() - OPEN_FOR.days();
        let recent = open_since(now);
        let of_everybody = (recent <= to).then(|| (recent.max(from), to));
        let before = if recent <= to { recent - 1.day() } else { to };
        let late = |until: &Timestamp| open_since(*until) <= before;
        let sites = reported.iter().filter(|(_, until)| late(until)).map(|(site, _)| *site).collect::<HashSet<_>>();
        let first = reported.values().filter(|until| late(until)).map(|until| open_since(*until).max(from)).min();
        Self { of_everybody, of_sites: first.map(|first| (first, before)).filter(|(from, to)| from <= to), sites }
    }

    /// The first date of all.
    pub(super) fn dates(&self) -> impl Iterator<Item = (Date, Date)> {
        self.of_everybody.into_iter().chain(self.of_sites)
    }

    /// Whether a person has such days among `dates`, which are of one of the two kinds.
    pub(super) fn concern(&self, person: &EmployeeFact, dates: (Date, Date)) -> bool {
        // Somebody who left on the day before a night ended is of the date on which it began.
        let employed = person.hired_on <= dates.1 && person.left_on.is_none_or(|left| dates.0 <= left);
        employed && (self.of_sites != Some(dates) || self.works_there(person, dates))
    }

    fn works_there(&self, person: &EmployeeFact, (from, to): (Date, Date)) -> bool {
        let begins = person.assignments.iter().map(|assignment| assignment.valid_from);
        let within = begins.filter(|date| from < *date && *date <= to);
        [from].into_iter().chain(within).any(|date| {
            assignment_near(person, date).is_some_and(|assignment| self.sites.contains(&assignment.site_id))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;
    use jiff::civil::date;

    const JUNE: (Date, Date) = (date(2026, 6, 1), date(2026, 6, 30));

    fn suspects(now: &str, reported: &[Timestamp]) -> Suspects {
        let reported = reported.iter().map(|until| (SiteId::generate(), *until)).collect();
        Suspects::of(JUNE, &reported, now.parse().unwrap())
    }

    #[test]
    fn a_period_that_is_long_over_is_not_looked_at() {
        let found = suspects("2026-07-05T00:00:00Z", &["2026-07-05T00:00:00Z".parse().unwrap()]);
        assert_eq!((found.of_everybody, found.of_sites), (None, None));
        let found = suspects("2026-07-01T12:00:00Z", &[]);
        assert_eq!((found.of_everybody, found.of_sites), (Some((date(2026, 6, 27), JUNE.1)), None));
    }

    #[test]
    fn silent_devices_are_looked_at_from_before_they_fell_silent_and_no_day_twice() {
        let now: Timestamp = "2026-07-02T12:00:00Z".parse().unwrap();
        let ago = |days: i64| now - SignedDuration::from_hours(24 * days);
        let found = suspects("2026-07-02T12:00:00Z", &[ago(0), ago(10), ago(400)]);
        assert_eq!(found.of_everybody, Some((date(2026, 6, 28), JUNE.1)));
        assert_eq!((found.of_sites, found.sites.len()), (Some((JUNE.0, date(2026, 6, 27))), 2));
        let found = suspects("2026-07-02T12:00:00Z", &[ago(0), ago(10)]);
        assert_eq!((found.of_sites, found.sites.len()), (Some((date(2026, 6, 18), date(2026, 6, 27))), 1));
        assert_eq!(found.dates().count(), 2);
    }
}
