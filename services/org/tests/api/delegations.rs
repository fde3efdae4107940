//! Who decides in whose place.

use crate::support::{Fixture, each};
use serde_json::json;

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
    f.post(owner, "/delegations", body(rollcall_ids::EmployeeId::generate(), ada)).await.refused(422, "invalid_input");
}
