//! Punches that somebody should look at.

use super::words;
use crate::rules::domain::{Recipients, Rule, Said};
use rollcall_attendance_api::events::{PUNCH_MISSING, PUNCH_OUTSIDE_GEOFENCE, PunchMissing, PunchOutsideGeofence};
use rollcall_notification_api::inbox::{About, Category};

pub(super) static OUTSIDE_GEOFENCE: Rule = Rule {
    event: PUNCH_OUTSIDE_GEOFENCE,
    category: Category::Attendance,
    template: "punch_outside_geofence",
    of_org: true,
    urgent: false,
    read: |data| {
        Said::read(data, |it: &PunchOutsideGeofence| {
            let to = Recipients::ManagerOf { employee_id: it.employee_id, manager_id: it.manager_id };
            (to, About { employee_id: Some(it.employee_id), punch_id: Some(it.punch_id), ..About::default() })
        })
    },
    words: words!("punch_outside_geofence"),
    #[cfg(test)]
    example: |name| {
        serde_json::json!({
            "punch_id": "0192aaaa-0000-7000-8000-000000000001",
            "employee_id": "0192aaaa-0000-7000-8000-000000000002", "employee_name": name, "manager_id": null,
            "site_id": "0192aaaa-0000-7000-8000-000000000004", "site_name": "Hafen", "at": "2026-03-29T01:30:00Z",
            "time_zone": "Europe/Berlin", "distance_m": 1_250,
        })
    },
};

pub(super) static MISSING: Rule = Rule {
    event: PUNCH_MISSING,
    category: Category::Attendance,
    template: "punch_missing",
    of_org: true,
    urgent: false,
    read: |data| {
        Said::read(data, |it: &PunchMissing| {
            let both = [Some(it.employee_id), it.manager_id];
            let to = Recipients::Employees(both.into_iter().flatten().collect());
            (to, About { employee_id: Some(it.employee_id), ..About::default() })
        })
    },
    words: words!("punch_missing"),
    #[cfg(test)]
    example: |name| {
        serde_json::json!({
            "employee_id": "0192aaaa-0000-7000-8000-000000000002", "employee_name": name,
            "manager_id": "0192aaaa-0000-7000-8000-000000000003", "work_date": "2026-03-28", "missing": "out",
            "at": "2026-03-28T08:00:00Z", "time_zone": "Europe/Berlin",
        })
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::templates::{Language, Templates};
    use rollcall_ids::EmployeeId;

    #[test]
    fn a_missing_punch_is_told_to_the_person_and_the_manager_in_words_of_its_own() {
        let mut data = (MISSING.example)("Li Wei");
        let id = |field: &str| data[field].as_str().unwrap().parse::<EmployeeId>().unwrap();
        let both = Recipients::Employees(vec![id("employee_id"), id("manager_id")]);
        assert_eq!((MISSING.read)(&data).unwrap().to, both);
        let templates = Templates::load().unwrap();
        let mut titles = std::collections::BTreeSet::new();
        for missing in ["in", "out", "everything", "not_come"] {
            data["missing"] = missing.into();
            let said = (MISSING.read)(&data).unwrap();
            for language in Language::ALL {
                titles.insert(templates.write("punch_missing", language, &said.data, "Nordlicht").unwrap().title);
            }
        }
        assert_eq!(titles.len(), 8, "{titles:?}");
    }
}
