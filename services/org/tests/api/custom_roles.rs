//! Roles that an organisation makes itself.

use crate::support::{Fixture, Reply, Seat, each, send};
use serde_json::{Value, json};

async fn patch(f: &Fixture, seat: Seat, path: &str, version: i64, body: Value) -> Reply {
    let request = f.org.as_user(seat.user_id).patch(&seat.path(path)).header("If-Match", format!("\"{version}\""));
    send(request.json(&body)).await
}

fn reader(scope: &str) -> Value {
    json!({"role": "reader", "name": "Reader", "scope": scope, "permissions": ["employees.read", "org.read"]})
}

#[tokio::test]
async fn a_role_of_its_own_is_given_like_any_other_and_told_with_its_rights() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let (ada_seat, ada) = f.join(owner, "7", &[]).await;
    f.post(owner, "/roles", reader("org")).await.must(201);
    f.post(owner, "/roles", reader("org")).await.refused(409, "role_taken");
    let built_in = json!({"role": "owner", "name": "x", "scope": "org", "permissions": ["org.read"]});
    f.post(owner, "/roles", built_in).await.refused(422, "invalid_input");
    let unknown = json!({"role": "x1", "name": "x", "scope": "org", "permissions": ["org.destroy"]});
    f.post(owner, "/roles", unknown).await.refused(400, "malformed_input");
    assert_eq!(each(&f.get(ada_seat, "/employees").await.must(200), "number"), ["7"]);

    let path = format!("/employees/{ada}/roles/reader");
    assert_eq!(f.put(owner, &path).await.must(200)["roles"], json!(["employee", "reader"]));
    assert_eq!(each(&f.get(ada_seat, "/employees").await.must(200), "number"), ["1", "7"]);
    f.delete(owner, "/roles/reader").await.refused(409, "role_in_use");
    f.patch(owner, "/roles/reader", json!({"scope": "self"})).await.refused(428, "if_match_required");
    patch(&f, owner, "/roles/reader", 7, json!({"scope": "self"})).await.refused(412, "version_mismatch");
    patch(&f, owner, "/roles/reader", 1, json!({"scope": "self"})).await.must(200);
    assert_eq!(each(&f.get(ada_seat, "/employees").await.must(200), "number"), ["7"]);
    let fact = f.last_event("org.employee.changed.v1");
    assert_eq!((&fact["employee_id"], &fact["grants"][1]["scope"]), (&json!(ada), &json!({"kind": "self"})));
    f.delete(owner, &path).await.must(200);
    assert_eq!(f.delete(owner, "/roles/reader").await.status, 204);
    f.get(owner, "/roles/reader").await.refused(404, "not_found");
    f.put(owner, &path).await.refused(404, "not_found");
    let audit = f.get(owner, "/audit-events?limit=1").await.must(200);
    assert_eq!(
        (&audit["items"][0]["action"], &audit["items"][0]["before"]["role"]),
        (&json!("role.deleted"), &json!("reader"))
    );
}

#[tokio::test]
async fn nobody_rises_by_a_role_they_make_or_change() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let (hr, _) = f.join(owner, "7", &["hr_admin"]).await;
    let spy = json!({"role": "spy", "name": "Spy", "scope": "self", "permissions": ["audit.read"]});
    f.post(hr, "/roles", spy.clone()).await.refused(403, "forbidden");
    f.post(hr, "/roles", reader("unit")).await.must(201);
    patch(&f, hr, "/roles/reader", 1, json!({"permissions": ["audit.read"]})).await.refused(403, "forbidden");
    f.post(owner, "/roles", spy).await.must(201);
    patch(&f, hr, "/roles/spy", 1, json!({"permissions": ["org.read"]})).await.refused(403, "forbidden");
    f.delete(hr, "/roles/spy").await.refused(403, "forbidden");
    patch(&f, owner, "/roles/employee", 1, json!({"scope": "org"})).await.refused(403, "forbidden");
    f.delete(owner, "/roles/employee").await.refused(403, "forbidden");
    // A role that one may not give is not had by way of its holder either.
    let ada = f.hire(owner, "8", json!({})).await;
    f.put(owner, &format!("/employees/{ada}/roles/spy")).await.must(200);
    f.post(hr, "/invitations", json!({"employee_id": ada})).await.refused(403, "forbidden");
}

#[tokio::test]
async fn what_is_no_name_of_a_role_names_none() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let boss = f.me(owner).await;
    for name in ["%00", "reader%00", "Reader", "%C3%A9", &"x".repeat(300)] {
        let role = format!("/roles/{name}");
        f.get(owner, &role).await.refused(404, "not_found");
        patch(&f, owner, &role, 1, json!({"name": "R"})).await.refused(404, "not_found");
        f.delete(owner, &role).await.refused(404, "not_found");
        let held = format!("/employees/{boss}/roles/{name}");
        f.put(owner, &held).await.refused(404, "not_found");
        f.delete(owner, &held).await.refused(404, "not_found");
    }
}
