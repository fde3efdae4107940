//! Leave that is about to expire.

use super::words;
use crate::rules::domain::{Recipients, Rule, Said};
use rollcall_attendance_api::events::{LEAVE_EXPIRING, LeaveExpiring};
use rollcall_notification_api::inbox::{About, Category};

pub(super) static EXPIRING: Rule = Rule {
    event: LEAVE_EXPIRING,
    category: Category::Leave,
    template: "leave_expiring",
    of_org: true,
    urgent: false,
    read: |data| {
        Said::read(data, |it: &LeaveExpiring| {
            let to = Recipients::Employees(vec![it.employee_id]);
            (to, About { employee_id: Some(it.employee_id), ..About::default() })
        })
    },
    words: words!("leave_expiring"),
    #[cfg(test)]
    example: |name| {
        serde_json::json!({
            "employee_id": "0192aaaa-0000-7000-8000-000000000002", "employee_name": name,
            "leave_type_id": "0192aaaa-0000-7000-8000-000000000003", "leave_type_name": name,
            "leave_entry_id": "0192aaaa-0000-7000-8000-000000000005", "minutes": 990, "expires_on": "2027-03-31",
        })
    },
};
