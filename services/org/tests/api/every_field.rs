//! 422 names every wrong field at once: what is wrong by itself, what is wrong together with what stays, and what is not
//! there. Who may not do it at all is told that instead.

use crate::support::{Fixture, Reply, Seat, id};
use rollcall_ids::{EmployeeId, UnitId};
use serde_json::{Value, json};

#[track_caller]
fn names(reply: Reply, expected: &[&str]) {
    let problem = reply.refused(422, "invalid_input");
    let named: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|e| e["pointer"].as_str().unwrap()).collect();
    assert_eq!(named, expected);
}

async fn unit(f: &Fixture, owner: Seat, body: Value) -> UnitId {
    id(&f.post(owner, "/units", body).await.must(201)["unit_id"])
}

#[tokio::test]
async fn a_body_that_names_what_is_not_there_is_told_of_its_other_fields_too() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let me = f.get(owner, "/me").await.must(200);
    let site = format!("/sites/{}", me["site"]["site_id"].as_str().unwrap());
    let unit = format!("/units/{}", unit(&f, owner, json!({"name": "A"})).await);
    let person = format!("/employees/{}", f.hire(owner, "7", json!({})).await);
    let assignments = format!("{person}/assignments");
    let held = f.get(owner, &assignments).await.must(200);
    let assignment = format!("{assignments}/{}", held["items"][0]["assignment_id"].as_str().unwrap());
    let nobody = EmployeeId::generate();
    for (path, body, expected) in [
        (
            "/employees",
            json!({
                "number": "a b", "name": "", "hired_on": "2026-01-05",
                "assignment": {"unit_id": nobody, "site_id": nobody, "manager_id": nobody, "position": " "},
            }),
            vec![
                "/number",
                "/name",
                "/assignment/position",
                "/assignment/unit_id",
                "/assignment/site_id",
                "/assignment/manager_id",
            ],
        ),
        (
            assignments.as_str(),
            json!({
                "unit_id": nobody, "site_id": me["site"]["site_id"], "manager_id": nobody, "position": "",
                "valid_from": "2025-07-02", "valid_to": "2025-07-01",
            }),
            vec!["/position", "/valid_to", "/unit_id", "/manager_id", "/valid_from"],
        ),
        (
            "/units",
            json!({"name": " ", "code": "a b", "parent_id": nobody, "head_employee_id": nobody}),
            vec!["/name", "/code", "/parent_id", "/head_employee_id"],
        ),
        (
            "/sites",
            json!({"name": "", "time_zone": "Mars/Olympus", "holiday_calendar_id": nobody}),
            vec!["/name", "/time_zone", "/holiday_calendar_id"],
        ),
    ] {
        names(f.post(owner, path, body).await, &expected);
    }
    for (path, body, expected) in [
        (
            &person,
            json!({"name": "", "email": "x", "hired_on": "2026-02-01", "left_on": "2026-01-31"}),
            vec!["/name", "/email", "/left_on"],
        ),
        (&person, json!({"name": "", "left_on": "2026-01-04"}), vec!["/name", "/left_on"]),
        (
            &assignment,
            json!({"unit_id": nobody, "position": " ", "valid_from": "2026-07-02", "valid_to": "2026-07-01"}),
            vec!["/position", "/valid_to", "/unit_id"],
        ),
        (
            &unit,
            json!({"name": "", "code": "a b", "parent_id": nobody, "head_employee_id": nobody}),
            vec!["/name", "/code", "/parent_id", "/head_employee_id"],
        ),
        (
            &site,
            json!({
                "name": "", "time_zone": "Mars/Olympus", "time_zone_from": "2026-06-02", "holiday_calendar_id": nobody,
            }),
            vec!["/name", "/time_zone", "/time_zone_from", "/holiday_calendar_id"],
        ),
    ] {
        names(f.patch(owner, path, body).await, &expected);
        assert_eq!(f.get(owner, &person).await.must(200)["version"], 1, "nothing was half changed");
    }
    let query = "/employees?limit=0&cursor=forged&text=&as_of=1899-12-31";
    names(f.get(owner, query).await, &["?limit", "?cursor", "?as_of", "?text"]);
}

#[tokio::test]
async fn a_tree_that_would_be_too_deep_is_named_with_the_rest() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let top = unit(&f, owner, json!({"name": "2"})).await;
    let mut lowest = top;
    for level in 3..=20 {
        lowest = unit(&f, owner, json!({"name": level.to_string(), "parent_id": lowest})).await;
    }
    names(f.post(owner, "/units", json!({"name": " ", "parent_id": lowest})).await, &["/name", "/parent_id"]);
    let beside = unit(&f, owner, json!({"name": "Beside"})).await;
    let moved = json!({"code": "a b", "parent_id": lowest});
    names(f.patch(owner, &format!("/units/{beside}"), moved).await, &["/code", "/parent_id"]);
    // What would stand below itself is no question of depth.
    let path = format!("/units/{top}");
    f.patch(owner, &path, json!({"parent_id": lowest})).await.refused(409, "unit_cycle");
    names(f.patch(owner, &path, json!({"name": "", "parent_id": lowest})).await, &["/name"]);
}

#[tokio::test]
async fn who_may_not_is_told_that_and_not_what_else_is_wrong() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let (hr, _) = f.join(owner, "7", &["hr_admin"]).await;
    let heir = f.hire(owner, "8", json!({})).await;
    f.put(owner, &format!("/employees/{heir}/roles/owner")).await.must(200);
    let person = format!("/employees/{heir}");
    f.patch(hr, &person, json!({"name": "", "email": "x"})).await.refused(403, "forbidden");
    f.patch(hr, &person, json!({"left_on": "2025-12-31"})).await.refused(403, "forbidden");
    names(f.patch(hr, &person, json!({"name": ""})).await, &["/name"]);
    f.patch(hr, &person, json!({"left_on": null})).await.must(200);

    let local = json!({
        "role": "local_hr", "name": "Local HR", "scope": "unit",
        "permissions": ["employees.read", "employees.write", "org.read"],
    });
    f.post(owner, "/roles", local).await.must(201);
    let (local, local_id) = f.join(owner, "9", &["local_hr"]).await;
    let mine = unit(&f, owner, json!({"name": "Mine", "head_employee_id": local_id})).await;
    let hire = |unit: UnitId| {
        let assignment = json!({"unit_id": unit});
        json!({"number": "a b", "name": "E", "hired_on": "2026-01-05", "assignment": assignment})
    };
    let root: UnitId = id(&f.get(owner, "/me").await.must(200)["unit"]["unit_id"]);
    f.post(local, "/employees", hire(root)).await.refused(403, "forbidden");
    names(f.post(local, "/employees", hire(mine)).await, &["/number"]);
    names(f.post(local, "/employees", hire(UnitId::generate())).await, &["/number", "/assignment/unit_id"]);
}
