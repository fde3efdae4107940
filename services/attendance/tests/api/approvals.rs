//! Who decides what somebody asks for: managers, those who stand in for them, and a second level.

use crate::support::{Fixture, World, employee, event, send};
use futures_util::future::join_all;
use jiff::civil::date;
use rollcall_org_api::events::DELEGATION_CHANGED;
use rollcall_org_api::facts::EmployeeFact;
use serde_json::{Value, json};

/// A team, and a colleague who decides nothing by themselves; it is the second of June.
async fn team() -> (Fixture, EmployeeFact) {
    let f = Fixture::start().await;
    f.set_clock("2026-06-02T08:00:00Z");
    let colleague = employee("4", f.world.root.unit_id, f.world.berlin.site_id, vec![]);
    f.tell_employee(&colleague).await;
    (f, colleague)
}

async fn asked(f: &Fixture, who: &EmployeeFact) -> String {
    let body = json!({
        "work_date": "2026-06-01", "reason": "Forgot", "changes": [{"add": {"at": "2026-06-01T16:00:00Z"}}]
    });
    let made = f.post(who, "/corrections", &body).await.must(201);
    made["correction_id"].as_str().unwrap().to_owned()
}

async fn decide(f: &Fixture, who: &EmployeeFact, id: &str, how: &str) -> crate::support::Reply {
    f.post(who, &format!("/corrections/{id}/{how}"), &json!({"note": "Because"})).await
}

async fn waiting(f: &Fixture, who: &EmployeeFact) -> Vec<Value> {
    f.get(who, "/approvals").await.must(200)["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_delegate_decides_on_the_days_of_the_delegation_and_the_record_says_for_whom() {
    let (f, colleague) = team().await;
    let World { manager, worker, .. } = f.world.clone();
    let id = asked(&f, &worker).await;
    decide(&f, &colleague, &id, "approve").await.refused(403, "forbidden");
    f.get(&colleague, &format!("/corrections/{id}")).await.refused(403, "forbidden");
    f.tell(&[f.world.delegation(&manager, &colleague, "2026-06-02", "2026-06-03")]).await;
    assert_eq!(waiting(&f, &colleague).await[0]["on_behalf_of"], json!(manager.employee_id));
    f.get(&colleague, &format!("/corrections/{id}")).await.must(200);
    let approved = decide(&f, &colleague, &id, "approve").await.must(200);
    let said = &approved["decisions"][0];
    assert_eq!(
        (&said["decided_by"], &said["on_behalf_of"], &said["verdict"], &said["note"]),
        (&json!(colleague.employee_id), &json!(manager.employee_id), &json!("approved"), &json!("Because"))
    );
    let late = asked(&f, &worker).await;
    f.set_clock("2026-06-04T08:00:00Z");
    decide(&f, &colleague, &late, "reject").await.refused(403, "forbidden");
    assert_eq!(waiting(&f, &colleague).await, [] as [Value; 0]);
}

#[tokio::test]
async fn a_delegation_that_was_taken_back_gives_nothing_whatever_the_order_of_events() {
    let (f, colleague) = team().await;
    let World { manager, worker, .. } = f.world.clone();
    let id = asked(&f, &worker).await;
    let made = f.world.delegation(&manager, &colleague, "2026-06-01", "2026-06-30");
    let mut fact = made["data"].clone();
    fact["deleted"] = json!(true);
    fact["version"] = json!(2);
    f.tell(&[event(f.world.org.org_id, DELEGATION_CHANGED, 2, &fact), made]).await;
    decide(&f, &colleague, &id, "approve").await.refused(403, "forbidden");
}

#[tokio::test]
async fn who_stands_in_for_the_manager_does_not_decide_their_own() {
    let (f, _) = team().await;
    let World { manager, worker, owner, .. } = f.world.clone();
    f.tell(&[f.world.delegation(&manager, &worker, "2026-06-01", "2026-06-30")]).await;
    let id = asked(&f, &worker).await;
    decide(&f, &worker, &id, "approve").await.refused(403, "own_request");
    let of_manager = asked(&f, &manager).await;
    decide(&f, &worker, &of_manager, "approve").await.refused(403, "forbidden");
    decide(&f, &owner, &of_manager, "approve").await.must(200);
}

#[tokio::test]
async fn everybody_sees_what_waits_for_them_and_nothing_else() {
    let (f, colleague) = team().await;
    let World { manager, worker, owner, .. } = f.world.clone();
    let (of_worker, of_colleague) = (asked(&f, &worker).await, asked(&f, &colleague).await);
    let ids = |items: Vec<Value>| -> Vec<String> {
        items.iter().map(|item| item["request_id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(waiting(&f, &manager).await), std::slice::from_ref(&of_worker));
    assert_eq!(ids(waiting(&f, &owner).await), [of_colleague.clone(), of_worker.clone()]);
    assert_eq!(waiting(&f, &worker).await, [] as [Value; 0]);
    let first = f.get(&owner, "/approvals?limit=1").await.must(200);
    let next = first["next_cursor"].as_str().unwrap();
    let second = f.get(&owner, &format!("/approvals?limit=1&cursor={next}")).await.must(200);
    assert_eq!(second["items"][0]["request_id"], json!(of_worker));
    assert_eq!(second["items"][0]["gist"], json!({"from": "2026-06-01", "to": "2026-06-01", "reason": "Forgot"}));
    decide(&f, &manager, &of_worker, "approve").await.must(200);
    assert_eq!(waiting(&f, &manager).await, [] as [Value; 0]);
}

#[tokio::test]
async fn a_manager_of_before_decides_no_more() {
    let (f, colleague) = team().await;
    let World { manager, mut worker, .. } = f.world.clone();
    let id = asked(&f, &worker).await;
    worker.assignments[0].valid_to = Some(date(2026, 6, 1));
    let mut now = worker.assignments[0].clone();
    now.assignment_id = rollcall_ids::AssignmentId::generate();
    (now.valid_from, now.valid_to, now.manager_id) = (date(2026, 6, 2), None, Some(colleague.employee_id));
    worker.assignments.push(now);
    worker.version = 2;
    f.tell_employee(&worker).await;
    decide(&f, &manager, &id, "approve").await.refused(403, "forbidden");
    assert_eq!(waiting(&f, &colleague).await.len(), 1);
    decide(&f, &colleague, &id, "approve").await.must(200);
}

#[tokio::test]
async fn of_many_who_decide_at_once_exactly_one_is_heard() {
    let (f, _) = team().await;
    let World { manager, worker, owner, .. } = f.world.clone();
    for _ in 0..5 {
        let id = asked(&f, &worker).await;
        let ways = [(&manager, "approve"), (&owner, "reject"), (&worker, "cancel"), (&owner, "approve")];
        let all = join_all(ways.map(|(who, how)| decide(&f, who, &id, how))).await;
        assert_eq!(all.iter().filter(|reply| reply.status == 200).count(), 1);
        assert_eq!(all.iter().filter(|reply| reply.status == 409).count(), 3);
        let read = f.get(&worker, &format!("/corrections/{id}")).await.must(200);
        assert_eq!(read["decisions"].as_array().unwrap().len(), 1);
        assert_eq!(read["version"], 2);
    }
}

/// Who was told of the request that was made last.
fn approvers(f: &Fixture) -> Vec<Value> {
    let told = f.told("attendance.correction.requested.v1");
    told.last().unwrap()["approver_ids"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_manager_who_has_left_or_has_no_account_is_not_the_only_one_who_is_told() {
    let f = Fixture::that_tells().await;
    f.set_clock("2026-06-02T08:00:00Z");
    let World { mut manager, worker, owner, .. } = f.world.clone();
    let colleague = employee("4", f.world.root.unit_id, f.world.berlin.site_id, vec![]);
    f.tell_employee(&colleague).await;
    asked(&f, &worker).await;
    assert_eq!(approvers(&f), [json!(manager.employee_id)]);

    (manager.user_id, manager.version) = (None, 2);
    f.tell_employee(&manager).await;
    let id = asked(&f, &worker).await;
    assert_eq!(approvers(&f), [json!(owner.employee_id)], "nobody can tell the manager");
    decide(&f, &owner, &id, "approve").await.must(200);
    f.tell(&[f.world.delegation(&manager, &colleague, "2026-06-02", "2026-06-03")]).await;
    asked(&f, &worker).await;
    assert_eq!(approvers(&f), [json!(colleague.employee_id)], "but whoever stands in for them");

    (manager.user_id, manager.left_on, manager.version) = (f.world.manager.user_id, Some(date(2026, 6, 1)), 3);
    f.tell_employee(&manager).await;
    let id = asked(&f, &worker).await;
    assert_eq!(approvers(&f), [json!(owner.employee_id)], "in the place of who has left nobody decides");
    decide(&f, &colleague, &id, "approve").await.refused(403, "forbidden");
    decide(&f, &owner, &id, "approve").await.must(200);
}

#[tokio::test]
async fn the_only_one_who_can_decide_both_levels_sees_that_the_second_waits_for_them() {
    let f = Fixture::start().await;
    f.set_clock("2026-06-02T08:00:00Z");
    let World { manager, worker, owner, .. } = f.world.clone();
    let levels = f.by(&owner).put(&f.world.path("/settings")).header("if-match", "\"0\"");
    send(levels.json(&json!({"approvals": {"correction": 2}}))).await.must(200);
    let id = asked(&f, &worker).await;
    decide(&f, &owner, &id, "approve").await.must(200);
    let seen = waiting(&f, &owner).await;
    assert_eq!((&seen[0]["request_id"], &seen[0]["approval"]["level"]), (&json!(id), &json!(2)));
    assert_eq!(waiting(&f, &manager).await, [] as [Value; 0]);
    // So it is while another one is invited and has not come.
    let mut other = employee("5", f.world.root.unit_id, f.world.berlin.site_id, vec![]);
    other.grants.extend(owner.grants.clone());
    let account = other.user_id.take();
    f.tell_employee(&other).await;
    assert_eq!(waiting(&f, &owner).await[0]["request_id"], json!(id));
    let second = asked(&f, &worker).await;
    for _ in 0..2 {
        decide(&f, &owner, &second, "approve").await.must(200);
    }
    // Now there are two people.
    (other.user_id, other.version) = (account, 2);
    f.tell_employee(&other).await;
    assert_eq!(waiting(&f, &owner).await, [] as [Value; 0]);
    assert_eq!(waiting(&f, &other).await[0]["request_id"], json!(id));
    decide(&f, &other, &id, "approve").await.must(200);
}

/// A kind of request: its routes, its id, the middle of the names of its events, and what asks for it.
struct Kind {
    path: &'static str,
    id: &'static str,
    event: &'static str,
    body: Value,
}

async fn kinds(f: &Fixture) -> [Kind; 3] {
    let sick = crate::leave::leave_type(f, json!({"code": "SICK", "from_balance": false, "approval_levels": 2})).await;
    let change = json!([{"add": {"at": "2026-06-01T16:00:00Z"}}]);
    let correction = json!({"work_date": "2026-06-01", "reason": "R", "changes": change});
    let overtime = json!({"work_date": "2026-06-01", "minutes": 30, "reason": "R"});
    let leave = json!({"leave_type_id": sick, "from": "2026-06-10", "to": "2026-06-10"});
    [
        Kind { path: "/corrections", id: "correction_id", event: "correction", body: correction },
        Kind { path: "/overtime-requests", id: "overtime_request_id", event: "overtime", body: overtime },
        Kind { path: "/leave-requests", id: "leave_request_id", event: "leave", body: leave },
    ]
}

#[tokio::test]
async fn of_every_kind_two_levels_are_told_one_after_the_other_and_nobody_decides_their_own() {
    for index in 0..3 {
        let f = Fixture::that_tells().await;
        f.set_clock("2026-06-02T08:00:00Z");
        let World { manager, worker, owner, .. } = f.world.clone();
        let Kind { path, id, event, body } = kinds(&f).await.into_iter().nth(index).unwrap();
        if event != "leave" {
            // Of this kind alone: each has its own.
            f.put_at(&owner, "/settings", 0, &json!({"approvals": {event: 2}})).await.must(200);
        }
        let delegate = employee("4", f.world.root.unit_id, f.world.berlin.site_id, vec![]);
        f.tell_employee(&delegate).await;
        // The worker stands in for both of those who decide, and so would decide their own.
        let stands_in = [(&manager, &delegate), (&manager, &worker), (&owner, &worker)];
        let stands_in = stands_in.map(|(from, to)| f.world.delegation(from, to, "2026-06-02", "2026-06-03"));
        f.tell(&stands_in).await;
        let ids = |people: &[&EmployeeFact]| {
            let mut ids: Vec<_> = people.iter().map(|person| person.employee_id).collect();
            ids.sort_unstable();
            json!(ids)
        };

        let made = f.post(&worker, path, &body).await.must(201);
        assert_eq!((&made["status"], &made["level"], &made["levels"]), (&json!("pending"), &json!(1), &json!(2)));
        let one = format!("{path}/{}", made[id].as_str().unwrap());
        let approve = async |who: &EmployeeFact| f.post(who, &format!("{one}/approve"), &json!({})).await;
        let told = |what: &str| f.told(&format!("attendance.{event}.{what}.v1"));
        let requested = told("requested");
        assert_eq!(requested.len(), 1, "{event}");
        assert_eq!((&requested[0]["level"], &requested[0]["levels"]), (&json!(1), &json!(2)));
        assert_eq!(requested[0]["approver_ids"], ids(&[&manager, &delegate]), "{event}");
        approve(&worker).await.refused(403, "own_request");

        let first = approve(&delegate).await.must(200);
        assert_eq!((&first["status"], &first["level"]), (&json!("pending"), &json!(2)), "{event}");
        assert_eq!(first["decisions"][0]["on_behalf_of"], json!(manager.employee_id));
        let requested = told("requested");
        assert_eq!((requested.len(), &requested[1]["level"]), (2, &json!(2)), "{event}");
        assert_eq!(requested[1]["approver_ids"], ids(&[&owner]), "{event}");
        approve(&worker).await.refused(403, "own_request");
        for who in [&delegate, &manager] {
            approve(who).await.refused(403, "forbidden");
        }

        let last = approve(&owner).await.must(200);
        assert_eq!((&last["status"], &last["decided_by"]), (&json!("approved"), &json!(owner.employee_id)), "{event}");
        assert_eq!((told("requested").len(), told("decided").len()), (2, 2), "{event}");
        let steps = [(1, "pending", &delegate, ids(&[&manager, &delegate])), (2, "approved", &owner, ids(&[&owner]))];
        for (decided, (level, status, by, waited_for)) in told("decided").iter().zip(steps) {
            assert_eq!((&decided["level"], &decided["status"]), (&json!(level), &json!(status)), "{event}");
            assert_eq!((&decided["verdict"], &decided["decided_by"]), (&json!("approved"), &json!(by.employee_id)));
            // Whoever asked is told, and those for whom it waits no longer.
            assert_eq!(decided["requested_by"], json!(worker.employee_id), "{event}");
            assert_eq!(decided["approver_ids"], waited_for, "{event}");
        }
    }
}
