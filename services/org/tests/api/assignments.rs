//! Where somebody works, from a day to a day.

use crate::support::{Fixture, Seat, each, id, send};
use rollcall_ids::{EmployeeId, SiteId, UnitId};
use serde_json::{Value, json};

/// The root unit and the first site.
async fn place(f: &Fixture, owner: Seat) -> (UnitId, SiteId) {
    let me = f.get(owner, "/me").await.must(200);
    (id(&me["unit"]["unit_id"]), id(&me["site"]["site_id"]))
}

async fn unit(f: &Fixture, owner: Seat, name: &str) -> UnitId {
    id(&f.post(owner, "/units", json!({"name": name})).await.must(201)["unit_id"])
}

fn of(employee: EmployeeId) -> String {
    format!("/employees/{employee}/assignments")
}

#[tokio::test]
async fn a_transfer_is_one_step_and_a_gap_and_an_overlap_are_what_they_are() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let (_, site_id) = place(&f, owner).await;
    let ada = f.hire(owner, "7", json!({})).await;
    let unit_id = unit(&f, owner, "Night").await;
    let body = json!({"unit_id": unit_id, "site_id": site_id, "valid_from": "2026-07-01"});
    f.post(owner, &of(ada), body.clone()).await.refused(409, "assignment_overlap");
    let with = |more: Value| {
        let mut body = body.clone();
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let added = f.post(owner, &of(ada), with(json!({"end_previous": true}))).await;
    assert_eq!(added.header("etag"), "\"2\"");
    let added = added.must(201);
    let held = f.get(owner, &of(ada)).await.must(200);
    assert_eq!(each(&held, "valid_from"), ["2026-01-05", "2026-07-01"]);
    assert_eq!((&held["items"][0]["valid_to"], &held["items"][1]), (&json!("2026-06-30"), &added));
    let fact = f.last_event("org.employee.changed.v1");
    assert_eq!((fact["version"].as_i64(), fact["assignments"].as_array().map(Vec::len)), (Some(2), Some(2)));

    let one = format!("{}/{}", of(ada), added["assignment_id"].as_str().unwrap());
    f.patch(owner, &one, json!({"valid_from": "2026-06-30"})).await.refused(409, "assignment_overlap");
    f.patch(owner, &one, json!({"valid_from": "2026-09-01", "position": "Lead"})).await.must(200);
    let stale = f.org.as_user(owner.user_id).delete(&owner.path(&one)).header("If-Match", "\"2\"");
    send(stale).await.refused(412, "version_mismatch");
    assert_eq!(f.delete(owner, &one).await.status, 204);
    f.delete(owner, &one).await.refused(404, "not_found");
    let audit = f.get(owner, "/audit-events?limit=1").await.must(200);
    assert_eq!(audit["items"][0]["action"], "employee.assignment_deleted");
    assert_eq!(audit["items"][0]["before"]["assignments"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn what_an_assignment_names_must_be_there_and_in_order() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let (unit_id, site_id) = place(&f, owner).await;
    let ada = f.hire(owner, "7", json!({})).await;
    let nobody = EmployeeId::generate();
    for (body, pointers) in [
        (
            json!({"unit_id": nobody, "site_id": nobody, "manager_id": nobody, "valid_from": "2026-07-01"}),
            vec!["/unit_id", "/site_id", "/manager_id"],
        ),
        (
            json!({"unit_id": unit_id, "site_id": site_id, "manager_id": ada, "valid_from": "2025-07-01"}),
            vec!["/manager_id", "/valid_from"],
        ),
        (
            json!({"unit_id": unit_id, "site_id": site_id, "position": "", "valid_from": "2026-07-02", "valid_to": "2026-07-01"}),
            vec!["/position", "/valid_to"],
        ),
    ] {
        let problem = f.post(owner, &of(ada), body).await.refused(422, "invalid_input");
        let named: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|e| e["pointer"].clone()).collect();
        assert_eq!(named, pointers);
    }
}

#[tokio::test]
async fn of_two_assignments_that_would_overlap_one_is_refused() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let (unit_id, site_id) = place(&f, owner).await;
    let ada = f.hire(owner, "7", json!({})).await;
    let held = f.get(owner, &of(ada)).await.must(200);
    let first = format!("{}/{}", of(ada), held["items"][0]["assignment_id"].as_str().unwrap());
    f.patch(owner, &first, json!({"valid_to": "2026-06-30"})).await.must(200);
    let body = |from: &str| json!({"unit_id": unit_id, "site_id": site_id, "valid_from": from});
    let row = format!("SELECT 1 FROM employees WHERE employee_id = '{ada}'");
    let path = of(ada);
    let (one, other) = (f.post(owner, &path, body("2026-07-01")), f.post(owner, &path, body("2026-08-01")));
    let (one, other) = f.race(&row, one, other).await;
    let (won, lost) = if one.status == 201 { (one, other) } else { (other, one) };
    won.must(201);
    lost.refused(409, "assignment_overlap");
}
