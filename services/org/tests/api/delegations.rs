//! Who decides in whose place.

use crate::support::{Fixture, each, id};
use diesel::connection::SimpleConnection as _;
use jiff::SignedDuration;
use rollcall_ids::{DelegationId, EmployeeId};
use serde_json::{Value, json};

#[tokio::test]
async fn one_lets_another_decide_in_ones_own_place_and_takes_it_back() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let (ada_seat, ada) = f.join(owner, "7", &["manager"]).await;
    let (bob_seat, bob) = f.join(owner, "8", &[]).await;
    let (eve_seat, _) = f.join(owner, "9", &[]).await;
    let body =
        json!({"to_employee_id": bob, "valid_from": "2026-08-01", "valid_to": "2026-08-14", "reason": "Holiday"});
    let made = f.post(ada_seat, "/delegations", body).await.must(201);
    assert_eq!((&made["from_employee_id"], &made["to_employee_id"]), (&json!(ada), &json!(bob)));
    assert_eq!(f.last_event("org.delegation.changed.v1")["deleted"], false);
    for seat in [owner, ada_seat, bob_seat] {
        assert_eq!(each(&f.get(seat, "/delegations").await.must(200), "reason"), ["Holiday"]);
    }
    let path = format!("/delegations/{}", made["delegation_id"].as_str().unwrap());
    assert_eq!(each(&f.get(eve_seat, "/delegations").await.must(200), "reason").len(), 0);
    f.get(eve_seat, &path).await.refused(404, "not_found");
    f.delete(eve_seat, &path).await.refused(404, "not_found");
    f.delete(bob_seat, &path).await.refused(403, "forbidden");
    assert_eq!(f.delete(ada_seat, &path).await.status, 204);
    f.get(ada_seat, &path).await.refused(404, "not_found");
    let told = f.last_event("org.delegation.changed.v1");
    assert_eq!((&told["deleted"], &told["version"]), (&json!(true), &json!(2)));
    assert_eq!(
        each(&f.get(owner, "/audit-events?limit=2").await.must(200), "action"),
        ["delegation.deleted", "delegation.created"]
    );
}

#[tokio::test]
async fn nobody_hands_out_anothers_decisions_unless_they_are_above_them() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let boss = f.me(owner).await;
    let (hr, hr_id) = f.join(owner, "7", &["hr_admin"]).await;
    let (ada_seat, ada) = f.join(owner, "8", &["manager"]).await;
    let body = |from, to| json!({"from_employee_id": from, "to_employee_id": to, "valid_from": "2026-08-01", "valid_to": "2026-08-14"});
    f.post(hr, "/delegations", body(boss, hr_id)).await.refused(403, "forbidden");
    f.post(ada_seat, "/delegations", body(hr_id, ada)).await.refused(403, "forbidden");
    f.post(hr, "/delegations", body(ada, hr_id)).await.must(201);
    f.post(hr, "/delegations", body(ada, ada)).await.refused(422, "invalid_input");
    f.post(owner, "/delegations", body(EmployeeId::generate(), ada)).await.refused(422, "invalid_input");
}

/// A delegation to `to` for some days of August, in place of the caller.
fn august(to: EmployeeId, last: i8) -> Value {
    json!({"to_employee_id": to, "valid_from": "2026-08-01", "valid_to": format!("2026-08-{last:02}")})
}

#[tokio::test]
async fn who_writes_nothing_hands_out_no_decisions_of_their_own() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let (seat, auditor) = f.join(owner, "7", &["auditor"]).await;
    let bob = f.hire(owner, "8", json!({})).await;
    let employee = format!("/employees/{auditor}/roles/employee");
    f.delete(owner, &employee).await.must(200);
    let nonsense =
        json!({"to_employee_id": EmployeeId::generate(), "valid_from": "2026-08-02", "valid_to": "0001-01-01"});
    for body in [august(bob, 14), nonsense] {
        f.post(seat, "/delegations", body).await.refused(403, "forbidden");
    }
    let mut of_auditor = august(bob, 14);
    of_auditor["from_employee_id"] = json!(auditor);
    let made: DelegationId = id(&f.post(owner, "/delegations", of_auditor).await.must(201)["delegation_id"]);
    let path = format!("/delegations/{made}");
    f.get(seat, &path).await.must(200);
    f.delete(seat, &path).await.refused(403, "forbidden");
    // With something to write it is theirs again: as an employee, or as somebody who decides.
    f.put(owner, &employee).await.must(200);
    assert_eq!(f.delete(seat, &path).await.status, 204);
    f.delete(owner, &employee).await.must(200);
    f.put(owner, &format!("/employees/{auditor}/roles/manager")).await.must(200);
    f.post(seat, "/delegations", august(bob, 14)).await.must(201);
}

#[tokio::test]
async fn all_that_is_wrong_with_a_delegation_is_named_at_once() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let body = json!({
        "from_employee_id": EmployeeId::generate(), "to_employee_id": EmployeeId::generate(),
        "valid_from": "2026-08-14", "valid_to": "2026-08-01", "reason": " ",
    });
    let problem = f.post(owner, "/delegations", body.clone()).await.refused(422, "invalid_input");
    let wrong: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|e| e["pointer"].as_str().unwrap()).collect();
    assert_eq!(wrong, ["/from_employee_id", "/to_employee_id", "/reason", "/valid_to"]);
    // Who may do nothing for others is not told who there is.
    let (ada, _) = f.join(owner, "7", &["manager"]).await;
    f.post(ada, "/delegations", body).await.refused(403, "forbidden");
}

#[tokio::test]
async fn in_place_of_one_employee_there_are_fifty_at_most_that_are_not_over() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let (seat, ada) = f.join(owner, "7", &[]).await;
    let bob = f.hire(owner, "8", json!({})).await;
    f.post(seat, "/delegations", august(bob, 30)).await.must(201);
    let more = format!(
        "INSERT INTO delegations (org_id, delegation_id, from_employee_id, to_employee_id, valid_from, valid_to, created_at) \
         SELECT '{}', gen_random_uuid(), '{ada}', '{bob}', '2026-05-01', date '2026-05-31' + n / 10, now() \
         FROM generate_series(0, 57) AS n",
        owner.org_id
    );
    // Ten of them ended yesterday.
    f.database().batch_execute(&more).unwrap();
    let fiftieth = f.post(seat, "/delegations", august(bob, 29)).await.must(201);
    let mut wrong = august(EmployeeId::generate(), 28);
    wrong["reason"] = json!("");
    let problem = f.post(seat, "/delegations", wrong).await.refused(422, "invalid_input");
    let codes: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|e| e["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["too_many", "unknown_employee", "length"]);
    f.post(owner, "/delegations", august(bob, 28)).await.must(201);

    f.delete(seat, &format!("/delegations/{}", fiftieth["delegation_id"].as_str().unwrap())).await;
    f.post(seat, "/delegations", august(bob, 28)).await.must(201);
    f.post(seat, "/delegations", august(bob, 27)).await.refused(422, "invalid_input");
    f.org.clock.advance(SignedDuration::from_hours(24));
    f.post(seat, "/delegations", august(bob, 27)).await.must(201);
}

#[tokio::test]
async fn of_two_delegations_that_are_the_same_one_is_made() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let (seat, ada) = f.join(owner, "7", &[]).await;
    let bob = f.hire(owner, "8", json!({})).await;
    let row = format!("SELECT 1 FROM employees WHERE employee_id = '{ada}'");
    let ask = || f.post(seat, "/delegations", august(bob, 14));
    let (a, b) = f.race(&row, ask(), ask()).await;
    let (won, lost) = if a.status == 201 { (a, b) } else { (b, a) };
    let made = won.must(201);
    lost.refused(409, "delegation_taken");
    f.post(seat, "/delegations", august(bob, 15)).await.must(201);
    // Once it is taken back there may be another.
    f.delete(seat, &format!("/delegations/{}", made["delegation_id"].as_str().unwrap())).await;
    ask().await.must(201);
}
