//! Requests that wait for a decision, and what was decided: all kinds are told alike.

use super::words;
use crate::rules::domain::{Recipients, Rule, Said};
use rollcall_attendance_api::approvals::Verdict;
use rollcall_attendance_api::events::{
    CORRECTION_DECIDED, CORRECTION_REQUESTED, LEAVE_DECIDED, LEAVE_REQUESTED, OVERTIME_DECIDED, OVERTIME_REQUESTED,
    RequestDecided, RequestWaits, SWAP_ACCEPTED, SWAP_ASKED, SWAP_DECIDED, SWAP_REQUESTED,
};
use rollcall_ids::{EmployeeId, RequestId};
use rollcall_notification_api::inbox::{About, Category};
use serde_json::Value;

/// A request waits: whoever may decide it is told; where nobody is named, whoever speaks for the organisation.
const fn requested(
    event: &'static str,
    template: &'static str,
    words: &'static [(&'static str, &'static str)],
) -> Rule {
    Rule {
        event,
        category: Category::Requests,
        template,
        of_org: true,
        urgent: false,
        read: read_requested,
        words,
        #[cfg(test)]
        example: example_requested,
    }
}

/// A request was decided: whoever asked and whom it concerns are told, unless it was they; when it is taken back, whoever
/// was waited for too.
const fn decided(event: &'static str, template: &'static str, words: &'static [(&'static str, &'static str)]) -> Rule {
    Rule {
        read: read_decided,
        #[cfg(test)]
        example: example_decided,
        ..requested(event, template, words)
    }
}

pub(super) static CORRECTION_REQUESTED_RULE: Rule =
    requested(CORRECTION_REQUESTED, "correction_requested", words!("correction_requested"));
pub(super) static CORRECTION_DECIDED_RULE: Rule =
    decided(CORRECTION_DECIDED, "correction_decided", words!("correction_decided"));
pub(super) static OVERTIME_REQUESTED_RULE: Rule =
    requested(OVERTIME_REQUESTED, "overtime_requested", words!("overtime_requested"));
pub(super) static OVERTIME_DECIDED_RULE: Rule =
    decided(OVERTIME_DECIDED, "overtime_decided", words!("overtime_decided"));
pub(super) static LEAVE_REQUESTED_RULE: Rule = requested(LEAVE_REQUESTED, "leave_requested", words!("leave_requested"));
pub(super) static LEAVE_DECIDED_RULE: Rule = decided(LEAVE_DECIDED, "leave_decided", words!("leave_decided"));
/// The colleague is asked; when they agree, whoever asked is told.
pub(super) static SWAP_ASKED_RULE: Rule = requested(SWAP_ASKED, "swap_asked", words!("swap_asked"));
pub(super) static SWAP_ACCEPTED_RULE: Rule = decided(SWAP_ACCEPTED, "swap_accepted", words!("swap_accepted"));
pub(super) static SWAP_REQUESTED_RULE: Rule = requested(SWAP_REQUESTED, "swap_requested", words!("swap_requested"));
pub(super) static SWAP_DECIDED_RULE: Rule = decided(SWAP_DECIDED, "swap_decided", words!("swap_decided"));

fn about(employee_id: EmployeeId, request_id: RequestId) -> About {
    About { employee_id: Some(employee_id), request_id: Some(request_id), ..About::default() }
}

fn read_requested(data: &Value) -> Result<Said, serde_json::Error> {
    Said::read(data, |it: &RequestWaits| {
        let to = if it.approver_ids.is_empty() {
            Recipients::Speakers
        } else {
            Recipients::Employees(it.approver_ids.clone())
        };
        (to, about(it.employee_id, it.request_id))
    })
}

fn read_decided(data: &Value) -> Result<Said, serde_json::Error> {
    Said::read(data, |it: &RequestDecided| {
        let mut told = vec![it.requested_by, it.employee_id];
        told.extend(it.with_employee_id);
        if it.verdict == Verdict::Cancelled {
            told.extend(&it.approver_ids);
        }
        told.retain(|id| *id != it.decided_by);
        told.sort_unstable();
        told.dedup();
        (Recipients::Employees(told), about(it.employee_id, it.request_id))
    })
}

#[cfg(test)]
fn example_requested(name: &str) -> Value {
    serde_json::json!({
        "request_id": "0192aaaa-0000-7000-8000-000000000001", "kind": "leave",
        "employee_id": "0192aaaa-0000-7000-8000-000000000002", "employee_name": name,
        "requested_by": "0192aaaa-0000-7000-8000-000000000002",
        "gist": {"from": "2026-06-01", "to": "2026-06-02", "minutes": 960, "label": "Holiday", "reason": "Sea"},
        "level": 2, "levels": 2, "approver_ids": ["0192aaaa-0000-7000-8000-000000000003"],
    })
}

#[cfg(test)]
fn example_decided(name: &str) -> Value {
    let mut data = example_requested(name);
    data["verdict"] = "rejected".into();
    data["status"] = "rejected".into();
    data["decided_by"] = "0192aaaa-0000-7000-8000-000000000003".into();
    data["decided_by_name"] = "Ada".into();
    data["note"] = "Too many are away".into();
    data
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::templates::{Language, Templates};

    const WORKER: &str = "0192aaaa-0000-7000-8000-000000000002";
    const MANAGER: &str = "0192aaaa-0000-7000-8000-000000000003";

    fn told(data: &Value) -> Vec<String> {
        let Recipients::Employees(ids) = read_decided(data).unwrap().to else { panic!("employees are told") };
        ids.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn who_decides_is_not_told_of_it_and_who_was_waited_for_is_told_when_it_is_taken_back() {
        let mut data = example_decided("Wei");
        assert_eq!(told(&data), [WORKER]);
        data["verdict"] = "cancelled".into();
        data["decided_by"] = WORKER.into();
        assert_eq!(told(&data), [MANAGER]);
    }

    #[test]
    fn where_nobody_is_named_the_organisation_is_told() {
        let mut data = example_requested("Wei");
        data["approver_ids"] = Value::Array(vec![]);
        assert_eq!(read_requested(&data).unwrap().to, Recipients::Speakers);
    }

    #[test]
    fn a_swap_is_put_to_the_colleague_and_whoever_asked_is_told_that_they_agree() {
        let mut data = example_requested("Wei");
        data["kind"] = "swap".into();
        data["level"] = 0.into();
        data["gist"]["label"] = "DAY ↔ NIGHT · Ada".into();
        let said = (SWAP_ASKED_RULE.read)(&data).unwrap();
        assert_eq!(said.to, Recipients::Employees(vec![MANAGER.parse().unwrap()]));
        let templates = Templates::load().unwrap();
        let text = templates.write("swap_asked", Language::English, &said.data, "Nordlicht").unwrap();
        assert_eq!(text.title, "Wei would like to swap shifts with you");
        assert!(text.body.contains("DAY ↔ NIGHT") && text.body.contains("agree"), "{}", text.body);

        let mut data = example_decided("Wei");
        data["with_employee_id"] = MANAGER.into();
        data["verdict"] = "approved".into();
        data["status"] = "pending".into();
        let said = (SWAP_ACCEPTED_RULE.read)(&data).unwrap();
        assert_eq!(said.to, Recipients::Employees(vec![WORKER.parse().unwrap()]));
        let text = templates.write("swap_accepted", Language::English, &said.data, "Nordlicht").unwrap();
        assert_eq!(text.title, "Ada agrees to swap shifts");
    }

    #[test]
    fn the_words_fit_what_little_a_request_may_say() {
        let templates = Templates::load().unwrap();
        let mut data = example_decided("Wei");
        data["gist"] = serde_json::json!({"from": "2026-06-01", "to": "2026-06-01"});
        data["verdict"] = "approved".into();
        data["status"] = "pending".into();
        data.as_object_mut().unwrap().remove("note");
        let said = read_decided(&data).unwrap();
        let text = templates.write("overtime_decided", Language::English, &said.data, "Nordlicht").unwrap();
        assert_eq!(text.title, "Overtime of Wei: approved at the first level");
        assert_eq!(text.body, "2026-06-01. Approved by Ada; the second level decides next.");
    }

    #[test]
    fn leave_that_was_ended_early_is_not_told_of_as_if_all_of_it_had_been_taken_back() {
        let templates = Templates::load().unwrap();
        let mut data = example_decided("Wei");
        data["verdict"] = "cancelled".into();
        data["status"] = "approved".into();
        data["from"] = "2026-06-02".into();
        data.as_object_mut().unwrap().remove("note");
        let said = read_decided(&data).unwrap();
        let text = templates.write("leave_decided", Language::English, &said.data, "Nordlicht").unwrap();
        assert_eq!(text.title, "Leave of Wei: ended early");
        assert_eq!(text.body, "2026-06-01 to 2026-06-02, Holiday, 960 min. From 2026-06-02 on taken back by Ada.");
    }
}
