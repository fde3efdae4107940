//! Giving and taking roles.

use crate::support::{Fixture, each};
use diesel::connection::SimpleConnection as _;
use serde_json::json;

#[tokio::test]
async fn a_role_is_given_and_taken_and_each_step_is_told_once() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let ada = f.hire(owner, "7", json!({})).await;
    let path = format!("/employees/{ada}/roles/manager");
    assert_eq!(f.put(owner, &path).await.must(200)["roles"], json!(["employee", "manager"]));
    assert_eq!(f.put(owner, &path).await.must(200)["version"], 2, "to have it already is no change");
    let fact = f.last_event("org.employee.changed.v1");
    assert_eq!((fact["version"].as_i64(), fact["grants"].as_array().map(Vec::len)), (Some(2), Some(2)));
    assert_eq!(f.delete(owner, &path).await.must(200)["roles"], json!(["employee"]));
    assert_eq!(f.delete(owner, &path).await.must(200)["version"], 3);
    f.put(owner, &format!("/employees/{ada}/roles/emperor")).await.refused(404, "not_found");
}

#[tokio::test]
async fn nobody_rises_by_a_role_they_give() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let (hr, hr_id) = f.join(owner, "7", &["hr_admin"]).await;
    let boss = f.me(owner).await;
    for (who, role) in [(hr_id, "owner"), (hr_id, "auditor"), (boss, "auditor")] {
        f.put(hr, &format!("/employees/{who}/roles/{role}")).await.refused(403, "forbidden");
    }
    f.delete(hr, &format!("/employees/{boss}/roles/owner")).await.refused(403, "forbidden");
    f.put(hr, &format!("/employees/{boss}/roles/manager")).await.must(200);
}

#[tokio::test]
async fn nobody_gets_or_ends_a_role_by_way_of_its_holder() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let (hr, _) = f.join(owner, "7", &["hr_admin"]).await;
    f.join(owner, "8", &["owner"]).await;
    let boss = f.me(owner).await;
    let heir = f.hire(owner, "9", json!({})).await;
    f.put(owner, &format!("/employees/{heir}/roles/owner")).await.must(200);
    let person = format!("/employees/{heir}");
    f.patch(hr, &person, json!({"email": "mine@example.org"})).await.refused(403, "forbidden");
    f.post(hr, "/invitations", json!({"employee_id": heir})).await.refused(403, "forbidden");
    f.patch(hr, &format!("/employees/{boss}"), json!({"left_on": "2026-06-30"})).await.refused(403, "forbidden");
    // What decides nothing of the kind is theirs to change.
    f.patch(hr, &person, json!({"name": "Heir"})).await.must(200);
    f.patch(owner, &person, json!({"email": "heir@example.org"})).await.must(200);
    f.post(owner, "/invitations", json!({"employee_id": heir})).await.must(201);
}

#[tokio::test]
async fn the_last_owner_is_neither_demoted_nor_let_go() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let boss = f.me(owner).await;
    let demote = format!("/employees/{boss}/roles/owner");
    f.delete(owner, &demote).await.refused(409, "last_owner");
    let person = format!("/employees/{boss}");
    f.patch(owner, &person, json!({"left_on": "2027-12-31"})).await.refused(409, "last_owner");
    f.patch(owner, &person, json!({"hired_on": "2026-07-01"})).await.refused(409, "last_owner");
    assert_eq!(f.get(owner, &person).await.must(200)["version"], 1, "nothing was half changed");

    // An owner who cannot sign in is none to rely on.
    let ada = f.hire(owner, "7", json!({})).await;
    f.put(owner, &format!("/employees/{ada}/roles/owner")).await.must(200);
    f.delete(owner, &demote).await.refused(409, "last_owner");

    f.join(owner, "8", &["owner"]).await;
    f.delete(owner, &demote).await.must(200);
    f.put(owner, &demote).await.refused(403, "forbidden");
}

#[tokio::test]
async fn of_two_last_owners_who_demote_each_other_one_is_refused() {
    let f = Fixture::start().await;
    let one = f.found().await;
    let one_id = f.me(one).await;
    let (other, other_id) = f.join(one, "7", &["owner"]).await;
    let (first, second) = (format!("/employees/{other_id}/roles/owner"), format!("/employees/{one_id}/roles/owner"));
    let row = format!("SELECT 1 FROM orgs WHERE org_id = '{}'", one.org_id);
    let (a, b) = f.race(&row, f.delete(one, &first), f.delete(other, &second)).await;
    let (won, lost, owner) = if a.status == 200 { (a, b, one) } else { (b, a, other) };
    won.must(200);
    lost.refused(409, "last_owner");
    assert_eq!(f.get(owner, "/me").await.must(200)["employee"]["roles"], json!(["employee", "owner"]));
}

#[tokio::test]
async fn a_right_that_is_taken_while_a_change_waits_is_taken_from_that_change_too() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let (clerk, clerk_id) = f.join(owner, "7", &["hr_admin"]).await;
    let friend = f.hire(owner, "8", json!({})).await;
    let mut gate = f.database();
    gate.batch_execute(&format!("BEGIN; SELECT 1 FROM orgs WHERE org_id = '{}' FOR UPDATE", owner.org_id)).unwrap();
    let path = format!("/employees/{friend}/roles/hr_admin");
    let (given, ()) = tokio::join!(f.put(clerk, &path), async {
        f.until_waiting(1).await;
        gate.batch_execute(&format!(
            "DELETE FROM employee_roles WHERE employee_id = '{clerk_id}' AND role = 'hr_admin'; COMMIT"
        ))
        .unwrap();
    });
    given.refused(403, "forbidden");
    assert_eq!(f.get(owner, &format!("/employees/{friend}")).await.must(200)["roles"], json!(["employee"]));
}

#[tokio::test]
async fn of_two_last_owners_who_leave_at_once_one_is_refused() {
    let f = Fixture::start().await;
    let one = f.found().await;
    let one_id = f.me(one).await;
    let (other, other_id) = f.join(one, "7", &["owner"]).await;
    let leave = json!({"left_on": "2026-12-31"});
    let (first, second) = (format!("/employees/{one_id}"), format!("/employees/{other_id}"));
    let row = format!("SELECT 1 FROM orgs WHERE org_id = '{}'", one.org_id);
    let (a, b) = f.race(&row, f.patch(one, &first, leave.clone()), f.patch(other, &second, leave)).await;
    let (won, lost) = if a.status == 200 { (a, b) } else { (b, a) };
    won.must(200);
    lost.refused(409, "last_owner");
}

#[tokio::test]
async fn every_member_can_read_what_the_roles_are() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let roles = f.get(owner, "/roles").await.must(200);
    assert_eq!(each(&roles, "role"), ["owner", "hr_admin", "manager", "employee", "auditor"]);
    assert_eq!(roles["items"][3]["scope"], "self");
    assert!(roles["items"][0]["permissions"].as_array().unwrap().contains(&json!("audit.read")));
}
