//! Punches that somebody should look at.

use super::words;
use crate::rules::domain::{Recipients, Rule, Said};
use rollcall_attendance_api::events::{PUNCH_OUTSIDE_GEOFENCE, PunchOutsideGeofence};
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
