//! Units and sites that are no more.

use crate::support::{Fixture, each, id};
use rollcall_ids::{SiteId, UnitId};
use serde_json::json;

#[tokio::test]
async fn a_unit_goes_once_nobody_works_in_it_and_none_stands_below() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let me = f.get(owner, "/me").await.must(200);
    let root: UnitId = id(&me["unit"]["unit_id"]);
    let unit = f.post(owner, "/units", json!({"name": "A", "code": "A"})).await.must(201);
    let a = format!("/units/{}", unit["unit_id"].as_str().unwrap());
    let below = f.post(owner, "/units", json!({"name": "B", "parent_id": unit["unit_id"]})).await.must(201);
    f.delete(owner, &a).await.refused(409, "unit_not_empty");
    assert_eq!(f.delete(owner, &format!("/units/{}", below["unit_id"].as_str().unwrap())).await.status, 204);

    let ada = f.hire(owner, "7", json!({"assignment": {"unit_id": unit["unit_id"]}})).await;
    f.delete(owner, &a).await.refused(409, "unit_not_empty");
    let transfer = json!({
        "unit_id": root, "site_id": me["site"]["site_id"], "valid_from": "2026-06-01", "end_previous": true,
    });
    f.post(owner, &format!("/employees/{ada}/assignments"), transfer).await.must(201);
    assert_eq!(f.delete(owner, &a).await.status, 204);
    f.get(owner, &a).await.refused(404, "not_found");
    f.delete(owner, &a).await.refused(404, "not_found");
    assert_eq!(each(&f.get(owner, "/units").await.must(200), "name"), ["Acme"]);
    let told = f.last_event("org.unit.changed.v1");
    assert_eq!((&told["unit_id"], &told["deleted"], &told["version"]), (&unit["unit_id"], &json!(true), &json!(2)));
    // What was stays: and the code is free again.
    let held = f.get(owner, &format!("/employees/{ada}/assignments")).await.must(200);
    assert_eq!(held["items"][0]["unit_id"], unit["unit_id"]);
    f.post(owner, "/units", json!({"name": "A", "code": "A"})).await.must(201);
    f.delete(owner, &format!("/units/{root}")).await.refused(409, "root_unit");
    let hire =
        json!({"number": "8", "name": "B", "hired_on": "2026-01-05", "assignment": {"unit_id": unit["unit_id"]}});
    f.post(owner, "/employees", hire).await.refused(422, "invalid_input");
}

#[tokio::test]
async fn of_a_removal_and_a_hire_into_the_unit_one_is_refused() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let unit = f.post(owner, "/units", json!({"name": "A"})).await.must(201);
    let path = format!("/units/{}", unit["unit_id"].as_str().unwrap());
    let hire =
        json!({"number": "8", "name": "B", "hired_on": "2026-01-05", "assignment": {"unit_id": unit["unit_id"]}});
    let row = format!("SELECT 1 FROM units WHERE unit_id = '{}'", unit["unit_id"].as_str().unwrap());
    let (removed, hired) = f.race(&row, f.delete(owner, &path), f.post(owner, "/employees", hire)).await;
    if removed.status == 204 {
        hired.refused(422, "invalid_input");
    } else {
        removed.refused(409, "unit_not_empty");
        hired.must(201);
    }
}

#[tokio::test]
async fn a_site_goes_once_nobody_works_there_but_the_last_one_stays() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let first: SiteId = id(&f.get(owner, "/me").await.must(200)["site"]["site_id"]);
    f.delete(owner, &format!("/sites/{first}")).await.refused(409, "site_in_use");
    let site = f.post(owner, "/sites", json!({"name": "S", "time_zone": "UTC"})).await.must(201);
    let path = format!("/sites/{}", site["site_id"].as_str().unwrap());
    assert_eq!(f.delete(owner, &path).await.status, 204);
    f.get(owner, &path).await.refused(404, "not_found");
    assert_eq!(f.last_event("org.site.changed.v1")["deleted"], true);
    assert_eq!(each(&f.get(owner, "/sites").await.must(200), "name"), ["Acme"]);
}

#[tokio::test]
async fn the_tree_shows_every_unit_with_its_head_and_its_people() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let a = f.post(owner, "/units", json!({"name": "A"})).await.must(201);
    let (manager, ada) = f.join(owner, "7", &["manager"]).await;
    let below = json!({"name": "B", "parent_id": a["unit_id"], "head_employee_id": ada});
    let b = f.post(owner, "/units", below).await.must(201);
    f.hire(owner, "8", json!({"assignment": {"unit_id": b["unit_id"]}})).await;
    f.hire(owner, "9", json!({"assignment": {"unit_id": b["unit_id"]}, "left_on": "2026-05-31"})).await;
    let tree = f.get(owner, "/units/tree").await.must(200);
    assert_eq!((&tree["name"], &tree["people"], &tree["people_below"]), (&json!("Acme"), &json!(2), &json!(1)));
    let leaf = &tree["children"][0]["children"][0];
    assert_eq!((&leaf["unit_id"], &leaf["people"]), (&b["unit_id"], &json!(1)));
    assert_eq!(leaf["head"], json!({"employee_id": ada, "name": "Employee 7"}));
    let before = f.get(owner, "/units/tree?as_of=2026-05-31").await.must(200);
    assert_eq!(before["people_below"], 2);
    // The head of another unit is a name only to those who may see them.
    f.patch(
        owner,
        &format!("/units/{}", a["unit_id"].as_str().unwrap()),
        json!({"head_employee_id": f.me(owner).await}),
    )
    .await
    .must(200);
    let seen = f.get(manager, "/units/tree").await.must(200);
    assert_eq!(seen["children"][0]["head"]["name"], json!(null));
    assert_eq!(seen["children"][0]["children"][0]["head"]["name"], "Employee 7");
    f.get(owner, "/units/tree?as_of=0001-01-01").await.refused(422, "invalid_input");
}

#[tokio::test]
async fn a_tree_has_so_many_levels_and_no_more() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let mut units: Vec<UnitId> = vec![id(&f.get(owner, "/me").await.must(200)["unit"]["unit_id"])];
    while units.len() < 20 {
        let body = json!({"name": "Deeper", "parent_id": units.last()});
        units.push(id(&f.post(owner, "/units", body).await.must(201)["unit_id"]));
    }
    let body = json!({"name": "Deeper", "parent_id": units.last()});
    f.post(owner, "/units", body).await.refused(422, "invalid_input");
    let two = f.post(owner, "/units", json!({"name": "A"})).await.must(201);
    f.post(owner, "/units", json!({"name": "B", "parent_id": two["unit_id"]})).await.must(201);
    let path = format!("/units/{}", two["unit_id"].as_str().unwrap());
    f.patch(owner, &path, json!({"parent_id": units[18]})).await.refused(422, "invalid_input");
    f.patch(owner, &path, json!({"parent_id": units[17]})).await.must(200);
    f.get(owner, "/units/tree").await.must(200);
}
