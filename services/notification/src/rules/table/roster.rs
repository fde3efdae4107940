//! Plans of work.

use super::words;
use crate::rules::domain::{Recipients, Rule, Said};
use rollcall_attendance_api::events::{ROSTER_CHANGED, RosterChanged};
use rollcall_notification_api::inbox::{About, Category};

pub(super) static CHANGED: Rule = Rule {
    event: ROSTER_CHANGED,
    category: Category::Attendance,
    template: "roster_changed",
    of_org: true,
    urgent: false,
    read: |data| {
        Said::read(data, |it: &RosterChanged| {
            let about = About { employee_id: Some(it.employee_id), ..About::default() };
            (Recipients::Employees(vec![it.employee_id]), about)
        })
    },
    words: words!("roster_changed"),
    #[cfg(test)]
    example: |name| {
        serde_json::json!({
            "employee_id": "0192aaaa-0000-7000-8000-000000000002", "employee_name": name, "from": "2026-03-28",
            "to": "2026-04-10", "days": 9, "changed_by": "0192aaaa-0000-7000-8000-000000000003",
            "changed_by_name": name,
        })
    },
};
