//! The state of org's aggregates as other services see it. Each carries the aggregate's `version`: a
//! consumer keeps the highest it has seen and drops older ones, so the order of arrival does not matter.

use crate::rights::Grant;
use jiff::civil::Date;
use rollcall_ids::{AssignmentId, DelegationId, EmployeeId, HolidayCalendarId, OrgId, SiteId, UnitId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrgFact {
    /// Its id, the tenant of everything in it.
    pub org_id: OrgId,
    /// Its name.
    pub name: String,
    /// IANA name of its time zone.
    pub time_zone: String,
    /// BCP 47 tag of the language people are written to in.
    pub locale: String,
    /// Version of the aggregate, ascending from 1.
    pub version: i64,
}

/// A department.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UnitFact {
    /// Its id.
    pub unit_id: UnitId,
    /// Its name.
    pub name: String,
    /// The unit above it; none for the root.
    pub parent_id: Option<UnitId>,
    /// Who leads it.
    pub head_employee_id: Option<EmployeeId>,
    /// True when the unit no longer exists.
    #[serde(default)]
    pub deleted: bool,
    /// Version of the aggregate, ascending from 1.
    pub version: i64,
}

/// A circle on the Earth in which punches of a site are expected.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Geofence {
    /// Degrees north, WGS 84, −90 to 90.
    pub latitude: f64,
    /// Degrees east, WGS 84, −180 to 180.
    pub longitude: f64,
    /// Radius in metres, 1 to 100,000.
    pub radius_m: u32,
}

/// A zone that planned the work of a site up to a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EarlierZone {
    /// Its IANA name.
    #[schema(example = "Europe/Berlin")]
    pub time_zone: String,
    /// Last day it held, included.
    pub valid_to: Date,
}

/// A place of work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SiteFact {
    /// Its id.
    pub site_id: SiteId,
    /// Its name.
    pub name: String,
    /// IANA name of the zone whose wall clock plans the work here, since the day after the last of `earlier_zones`.
    pub time_zone: String,
    /// The zones before it, ordered. Absent where a release tells the fact that does not know them: then what is known of
    /// them stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earlier_zones: Option<Vec<EarlierZone>>,
    /// Where punches are expected to come from; none: anywhere.
    pub geofence: Option<Geofence>,
    /// The calendar of its public holidays.
    pub holiday_calendar_id: Option<HolidayCalendarId>,
    /// Networks punches are expected to come from, in CIDR notation; empty: any.
    #[serde(default)]
    pub allowed_networks: Vec<String>,
    /// True when the site no longer exists.
    #[serde(default)]
    pub deleted: bool,
    /// Version of the aggregate, ascending from 1.
    pub version: i64,
}

impl SiteFact {
    /// IANA name of the zone whose wall clock plans the work of `date`.
    pub fn zone_on(&self, date: Date) -> &str {
        let mut earlier = self.earlier_zones.iter().flatten();
        earlier.find(|zone| date <= zone.valid_to).map_or(&self.time_zone, |zone| &zone.time_zone)
    }
}

/// Which part of a day a holiday takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HolidayPortion {
    /// The whole day.
    Full,
    /// The morning.
    Am,
    /// The afternoon.
    Pm,
}

/// A day on which nobody has to work, or half of one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub struct HolidayFact {
    /// The day, by the calendar of whichever site follows it.
    pub date: Date,
    /// What is celebrated.
    pub name: String,
    /// How much of the day.
    pub portion: HolidayPortion,
}

/// A calendar of public holidays, whole: one aggregate, one version. A site names the one it follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HolidayCalendarFact {
    /// Its id.
    pub holiday_calendar_id: HolidayCalendarId,
    /// Its name.
    pub name: String,
    /// All its holidays, ordered by date, one a day.
    pub holidays: Vec<HolidayFact>,
    /// True when the calendar no longer exists.
    #[serde(default)]
    pub deleted: bool,
    /// Version of the aggregate, ascending from 1.
    pub version: i64,
}

/// Somebody decides in another's place for some days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DelegationFact {
    /// Its id.
    pub delegation_id: DelegationId,
    /// In whose place.
    pub from_employee_id: EmployeeId,
    /// Who decides.
    pub to_employee_id: EmployeeId,
    /// First day it holds.
    pub valid_from: Date,
    /// Last day it holds, included.
    pub valid_to: Date,
    /// True when it was taken back.
    #[serde(default)]
    pub deleted: bool,
    /// Version of the aggregate, ascending from 1.
    pub version: i64,
}

impl DelegationFact {
    /// Whether it holds on `date`.
    pub fn holds_on(&self, date: Date) -> bool {
        !self.deleted && self.valid_from <= date && date <= self.valid_to
    }
}

/// Where an employee works from a date on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AssignmentFact {
    /// Its id.
    pub assignment_id: AssignmentId,
    /// The department.
    pub unit_id: UnitId,
    /// The place, which gives the time zone.
    pub site_id: SiteId,
    /// The direct manager.
    pub manager_id: Option<EmployeeId>,
    /// Job title.
    pub position: Option<String>,
    /// First day it holds.
    pub valid_from: Date,
    /// Last day it holds, included; none: until further notice.
    pub valid_to: Option<Date>,
}

/// Whether somebody works here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EmployeeStatus {
    /// Works, or will from `hired_on`.
    Active,
    /// Has left.
    Left,
}

/// An employee with everything that depends on them alone: one aggregate, one version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EmployeeFact {
    /// Their id.
    pub employee_id: EmployeeId,
    /// Number in the organisation, unique there.
    pub number: String,
    /// Name as they write it.
    pub name: String,
    /// Where mail reaches them.
    pub email: Option<String>,
    /// The account that is linked to them by an accepted invitation.
    pub user_id: Option<UserId>,
    /// Whether they work here, when the fact was told. A last day passes without another event:
    /// `hired_on` and `left_on` say it of any date.
    pub status: EmployeeStatus,
    /// First day of work.
    pub hired_on: Date,
    /// Last day of work, included.
    pub left_on: Option<Date>,
    /// All assignments, ordered by `valid_from`, never overlapping.
    pub assignments: Vec<AssignmentFact>,
    /// What they may do, and to whom.
    pub grants: Vec<Grant>,
    /// Version of the aggregate, ascending from 1.
    pub version: i64,
}

impl EmployeeFact {
    /// The assignment that holds on `date`.
    pub fn assignment_on(&self, date: Date) -> Option<&AssignmentFact> {
        self.assignments.iter().find(|a| a.valid_from <= date && a.valid_to.is_none_or(|to| date <= to))
    }

    /// Whether they are employed on `date`.
    pub fn works_on(&self, date: Date) -> bool {
        self.hired_on <= date && self.left_on.is_none_or(|left| date <= left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn assignment(valid_from: Date, valid_to: Option<Date>) -> AssignmentFact {
        AssignmentFact {
            assignment_id: AssignmentId::generate(),
            unit_id: UnitId::generate(),
            site_id: SiteId::generate(),
            manager_id: None,
            position: None,
            valid_from,
            valid_to,
        }
    }

    fn employee() -> EmployeeFact {
        EmployeeFact {
            employee_id: EmployeeId::generate(),
            number: "7".into(),
            name: "Ada".into(),
            email: None,
            user_id: None,
            status: EmployeeStatus::Active,
            hired_on: date(2026, 1, 5),
            left_on: Some(date(2026, 6, 30)),
            assignments: vec![
                assignment(date(2026, 1, 5), Some(date(2026, 3, 31))),
                assignment(date(2026, 5, 1), None),
            ],
            grants: vec![],
            version: 3,
        }
    }

    #[test]
    fn an_assignment_holds_on_its_first_and_on_its_last_day_and_not_in_a_gap() {
        let employee = employee();
        let on = |day| employee.assignment_on(day).map(|a| a.valid_from);
        assert_eq!(on(date(2026, 1, 4)), None);
        assert_eq!(on(date(2026, 1, 5)), Some(date(2026, 1, 5)));
        assert_eq!(on(date(2026, 3, 31)), Some(date(2026, 1, 5)));
        assert_eq!(on(date(2026, 4, 1)), None);
        assert_eq!(on(date(2026, 5, 1)), Some(date(2026, 5, 1)));
        assert_eq!(on(date(2030, 1, 1)), Some(date(2026, 5, 1)));
    }

    #[test]
    fn somebody_works_from_the_day_they_are_hired_to_the_day_they_leave_both_included() {
        let employee = employee();
        assert!(!employee.works_on(date(2026, 1, 4)));
        assert!(employee.works_on(date(2026, 1, 5)));
        assert!(employee.works_on(date(2026, 6, 30)));
        assert!(!employee.works_on(date(2026, 7, 1)));
    }

    #[test]
    fn a_site_has_the_zone_of_the_date_and_one_zone_where_no_others_are_told() {
        let told = serde_json::json!({
            "site_id": SiteId::generate(), "name": "Office", "time_zone": "Europe/London", "geofence": null,
            "holiday_calendar_id": null, "version": 3,
        });
        let site: SiteFact = serde_json::from_value(told.clone()).unwrap();
        assert_eq!((site.zone_on(date(2020, 1, 1)), &site.earlier_zones), ("Europe/London", &None));
        assert!(serde_json::to_value(&site).unwrap().get("earlier_zones").is_none());

        let zone = |time_zone: &str, valid_to| EarlierZone { time_zone: time_zone.into(), valid_to };
        let earlier = vec![zone("Asia/Tokyo", date(2025, 12, 31)), zone("Europe/Berlin", date(2026, 6, 14))];
        let site = SiteFact { earlier_zones: Some(earlier), ..site };
        for (on, expected) in [
            (date(2025, 12, 31), "Asia/Tokyo"),
            (date(2026, 1, 1), "Europe/Berlin"),
            (date(2026, 6, 14), "Europe/Berlin"),
            (date(2026, 6, 15), "Europe/London"),
        ] {
            assert_eq!(site.zone_on(on), expected, "{on}");
        }
    }

    #[test]
    fn a_delegation_holds_on_its_days_until_it_is_taken_back() {
        let mut delegation = DelegationFact {
            delegation_id: DelegationId::generate(),
            from_employee_id: EmployeeId::generate(),
            to_employee_id: EmployeeId::generate(),
            valid_from: date(2026, 8, 1),
            valid_to: date(2026, 8, 14),
            deleted: false,
            version: 1,
        };
        let held = |delegation: &DelegationFact| {
            [(7, 31), (8, 1), (8, 14), (8, 15)].map(|(month, day)| delegation.holds_on(date(2026, month, day)))
        };
        assert_eq!(held(&delegation), [false, true, true, false]);
        delegation.deleted = true;
        assert_eq!(held(&delegation), [false; 4]);
    }

    #[test]
    fn facts_come_back_from_the_wire_as_they_went_and_may_grow_fields() {
        let employee = employee();
        let mut wire = serde_json::to_value(&employee).unwrap();
        wire["a_field_of_a_later_release"] = true.into();
        assert_eq!(serde_json::from_value::<EmployeeFact>(wire).unwrap(), employee);
    }
}
