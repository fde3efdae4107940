//! What the copy of org's facts answers: rights, zones, who is above and below.

use crate::devices::domain::Door;
use ipnet::IpNet;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};
use rollcall_attendance_api::policy::Portion;
use rollcall_attendance_api::punch_rules::{PunchRules, PunchRulesBody};
use rollcall_attendance_api::workdays::DayHoliday;
use rollcall_ids::{HolidayCalendarId, SiteId, UnitId};
use rollcall_org_api::facts::{
    AssignmentFact, EmployeeFact, HolidayCalendarFact, HolidayFact, HolidayPortion, OrgFact, SiteFact, UnitFact,
};
use rollcall_org_api::rights::{self, Permission, Target};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// An organisation with its units and sites.
#[derive(Clone, Debug)]
pub struct Org {
    /// The organisation.
    pub fact: OrgFact,
    units: HashMap<UnitId, UnitFact>,
    sites: HashMap<SiteId, SiteFact>,
    zone: TimeZone,
    zones: HashMap<SiteId, Zones>,
    holidays: HashMap<HolidayCalendarId, HashMap<Date, DayHoliday>>,
    networks: HashMap<SiteId, Vec<IpNet>>,
    punch_rules: HashMap<SiteId, PunchRulesBody>,
    doors: HashMap<[u8; 32], Arc<Door>>,
}

/// The zones of a site: what [`SiteFact::zone_on`] says, looked up once.
#[derive(Clone, Debug)]
struct Zones {
    earlier: Vec<(Date, TimeZone)>,
    now: TimeZone,
}

impl Zones {
    fn of(site: &SiteFact) -> Self {
        let earlier = site.earlier_zones.iter().flatten();
        Self {
            earlier: earlier.map(|earlier| (earlier.valid_to, zone(&earlier.time_zone))).collect(),
            now: zone(&site.time_zone),
        }
    }

    fn on(&self, date: Date) -> &TimeZone {
        self.earlier.iter().find(|(valid_to, _)| date <= *valid_to).map_or(&self.now, |(_, zone)| zone)
    }
}

/// A zone of a fact. One that this release does not know is not kept ([`must_be_known`](super::keep)), so this is one of a
/// newer release, that was rolled back.
fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap_or_else(|_| {
        tracing::error!(
            time_zone = name,
            "the zone database of this release does not have a zone that is used; using UTC"
        );
        TimeZone::UTC
    })
}

/// A member who calls: who they are and the organisation around them.
#[derive(Clone, Debug)]
pub struct Member {
    /// The organisation.
    pub org: Arc<Org>,
    /// The caller.
    pub employee: Arc<EmployeeFact>,
}

impl Org {
    /// Puts the copy together. Deleted units and sites stay: old assignments name them.
    pub fn new(fact: OrgFact, units: Vec<UnitFact>, sites: Vec<SiteFact>) -> Self {
        // Org checks them before it says them.
        let parsed = |site: &SiteFact| site.allowed_networks.iter().filter_map(|text| text.parse().ok()).collect();
        Self {
            zone: zone(&fact.time_zone),
            zones: sites.iter().map(|site| (site.site_id, Zones::of(site))).collect(),
            fact,
            networks: sites.iter().map(|site| (site.site_id, parsed(site))).collect(),
            punch_rules: HashMap::new(),
            doors: HashMap::new(),
            units: units.into_iter().map(|unit| (unit.unit_id, unit)).collect(),
            sites: sites.into_iter().map(|site| (site.site_id, site)).collect(),
            holidays: HashMap::new(),
        }
    }

    /// With the holidays that its sites follow; those of a calendar that is gone are none.
    pub fn with_calendars(mut self, calendars: Vec<HolidayCalendarFact>) -> Self {
        let kept = calendars.into_iter().filter(|calendar| !calendar.deleted);
        self.holidays = kept.map(|calendar| (calendar.holiday_calendar_id, by_date(calendar.holidays))).collect();
        self
    }

    /// With what its sites do with punches from elsewhere, and with the devices that are switched on.
    pub(crate) fn with_doors(mut self, rules: Vec<PunchRules>, doors: Vec<Door>) -> Self {
        self.punch_rules = rules.into_iter().map(|rules| (rules.site_id, rules.rules)).collect();
        self.doors = doors.into_iter().map(|door| (door.secret_hash, Arc::new(door))).collect();
        self
    }

    /// What a site does with punches from elsewhere.
    pub fn punch_rules(&self, site_id: SiteId) -> PunchRulesBody {
        self.punch_rules.get(&site_id).copied().unwrap_or_default()
    }

    /// The networks that punches of a site are expected to come from; none: any.
    pub fn networks(&self, site_id: SiteId) -> &[IpNet] {
        self.networks.get(&site_id).map_or(&[], Vec::as_slice)
    }

    /// The device with this secret, if it is switched on.
    pub(crate) fn door(&self, secret_hash: &[u8; 32]) -> Option<Arc<Door>> {
        self.doors.get(secret_hash).cloned()
    }

    /// Whether any site is fed by devices.
    pub fn has_devices(&self) -> bool {
        !self.doors.is_empty()
    }

    /// IANA name of the zone of a site, as it is now.
    pub fn zone_of(&self, site_id: SiteId) -> &str {
        self.sites.get(&site_id).map_or(&self.fact.time_zone, |site| &site.time_zone)
    }

    /// The holiday at the employee's site on `date`.
    pub fn holiday_on(&self, employee: &EmployeeFact, date: Date) -> Option<&DayHoliday> {
        let site = self.sites.get(&assignment_near(employee, date)?.site_id)?;
        self.holidays.get(&site.holiday_calendar_id?)?.get(&date)
    }

    /// The unit, unless it is gone.
    pub fn unit(&self, id: UnitId) -> Option<&UnitFact> {
        self.units.get(&id).filter(|unit| !unit.deleted)
    }

    /// All units, those that are gone too: old assignments name them.
    pub fn unit_ids(&self) -> impl Iterator<Item = UnitId> {
        self.units.keys().copied()
    }

    /// The site, unless it is gone.
    pub fn site(&self, id: SiteId) -> Option<&SiteFact> {
        self.sites.get(&id).filter(|site| !site.deleted)
    }

    /// What a unit is called, or was when it was taken away: what was worked there stays.
    pub fn unit_name(&self, id: UnitId) -> Option<&str> {
        Some(&self.units.get(&id)?.name)
    }

    /// What a site is called, or was when it was taken away.
    pub fn site_name(&self, id: SiteId) -> Option<&str> {
        Some(&self.sites.get(&id)?.name)
    }

    /// The unit and all above it. Facts arrive one by one, so for a moment they may form a circle: it ends where
    /// it meets itself.
    pub fn unit_and_above(&self, unit: UnitId) -> Vec<UnitId> {
        let mut line = vec![unit];
        while let Some(parent) = line.last().and_then(|id| self.units.get(id)).and_then(|unit| unit.parent_id) {
            if line.contains(&parent) {
                break;
            }
            line.push(parent);
        }
        line
    }

    /// The unit and all below it.
    pub fn unit_and_below(&self, top: UnitId) -> HashSet<UnitId> {
        let below = self.units.keys().filter(|id| self.unit_and_above(**id).contains(&top));
        below.copied().chain([top]).collect()
    }

    /// The zone whose wall clock plans the work of `employee` on `date`: the one that the site of the assignment on that
    /// date, or of the nearest one, has on it, or that of the organisation.
    pub fn zone_on(&self, employee: &EmployeeFact, date: Date) -> TimeZone {
        let zones = assignment_near(employee, date).and_then(|assignment| self.zones.get(&assignment.site_id));
        zones.map_or(&self.zone, |zones| zones.on(date)).clone()
    }

    /// The date that clocks of the organisation show at `at`.
    pub fn today(&self, at: Timestamp) -> Date {
        self.zone.to_datetime(at).date()
    }

    /// The date that clocks at the employee's site show at `at`.
    pub fn date_at(&self, employee: &EmployeeFact, at: Timestamp) -> Date {
        let nearly = Offset::UTC.to_datetime(at).date();
        self.zone_on(employee, nearly).to_datetime(at).date()
    }
}

impl Member {
    /// Whether the caller may use `permission` on `target`, as things stand on `date`.
    pub fn may(&self, permission: Permission, target: &EmployeeFact, date: Date) -> bool {
        let assignment = assignment_near(target, date);
        let line = assignment.map_or_else(Vec::new, |a| self.org.unit_and_above(a.unit_id));
        let target = Target {
            employee_id: target.employee_id,
            manager_id: assignment.and_then(|a| a.manager_id),
            unit_and_above: &line,
        };
        rights::may(self.employee.employee_id, &self.employee.grants, permission, target)
    }

    /// Whether the caller may use `permission` on everybody in `unit` and below.
    pub fn may_in_unit(&self, permission: Permission, unit: UnitId) -> bool {
        let reach = rights::Reach::of(&self.employee.grants, permission);
        reach.everyone || self.org.unit_and_above(unit).iter().any(|above| reach.tops.contains(above))
    }

    /// Whether the caller may use `permission` on the whole organisation.
    pub fn may_in_org(&self, permission: Permission) -> bool {
        rights::may_in_org(&self.employee.grants, permission)
    }

    /// The date where the caller works.
    pub fn today(&self, now: Timestamp) -> Date {
        self.org.date_at(&self.employee, now)
    }

    /// Whether the caller may use `permission` on anybody else.
    pub fn may_for_others(&self, permission: Permission) -> bool {
        rights::may_for_others(&self.employee.grants, permission)
    }

    /// Whether the caller may use `permission` on anybody.
    pub fn may_somewhere(&self, permission: Permission) -> bool {
        rights::may_somewhere(&self.employee.grants, permission)
    }
}

fn by_date(holidays: Vec<HolidayFact>) -> HashMap<Date, DayHoliday> {
    let portion = |portion| match portion {
        HolidayPortion::Full => Portion::Full,
        HolidayPortion::Am => Portion::Am,
        HolidayPortion::Pm => Portion::Pm,
    };
    let day = |fact: HolidayFact| (fact.date, DayHoliday { name: fact.name, portion: portion(fact.portion) });
    holidays.into_iter().map(day).collect()
}

/// The IANA name of a zone.
pub(crate) fn zone_name(zone: &TimeZone) -> String {
    zone.iana_name().unwrap_or("UTC").to_owned()
}

/// Whether somebody works for the organisation at `now`: by the day, for nobody says so again on the day that somebody
/// comes or leaves.
pub(crate) fn is_member(org: &Org, employee: &EmployeeFact, now: Timestamp) -> bool {
    employee.works_on(org.date_at(employee, now))
}

/// The assignment on `date`; without one the last before it, or else the first after it.
pub(crate) fn assignment_near(employee: &EmployeeFact, date: Date) -> Option<&AssignmentFact> {
    let on = employee.assignment_on(date);
    let before = || employee.assignments.iter().filter(|a| a.valid_from <= date).max_by_key(|a| a.valid_from);
    let after = || employee.assignments.iter().min_by_key(|a| a.valid_from);
    on.or_else(before).or_else(after)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rollcall_ids::OrgId;

    fn unit(unit_id: UnitId, parent_id: Option<UnitId>) -> UnitFact {
        UnitFact { unit_id, name: "Unit".into(), parent_id, head_employee_id: None, deleted: false, version: 1 }
    }

    fn org(units: Vec<UnitFact>) -> Org {
        let fact = OrgFact {
            org_id: OrgId::generate(),
            name: "Org".into(),
            time_zone: "Europe/Berlin".into(),
            locale: "en".into(),
            version: 1,
        };
        Org::new(fact, units, vec![])
    }

    #[test]
    fn above_and_below_follow_the_tree() {
        let [root, left, right, leaf] = [(); 4].map(|()| UnitId::generate());
        let org = org(vec![unit(root, None), unit(left, Some(root)), unit(right, Some(root)), unit(leaf, Some(left))]);
        assert_eq!(org.unit_and_above(leaf), [leaf, left, root]);
        assert_eq!(org.unit_and_below(left), HashSet::from([left, leaf]));
        assert_eq!(org.unit_and_below(root).len(), 4);
    }

    #[test]
    fn a_circle_of_facts_that_arrive_out_of_order_ends() {
        let [a, b] = [(); 2].map(|()| UnitId::generate());
        let org = org(vec![unit(a, Some(b)), unit(b, Some(a))]);
        assert_eq!(org.unit_and_above(a), [a, b]);
        assert_eq!(org.unit_and_below(a), HashSet::from([a, b]));
    }
}
