//! The record of changes.

use crate::support::{Fixture, each, send};
use serde_json::json;

#[tokio::test]
async fn every_change_is_recorded_with_what_was_and_what_is() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let boss = f.me(owner).await;
    let unit = f.post(owner, "/units", json!({"name": "A"})).await.must(201);
    let path = owner.path(&format!("/units/{}", unit["unit_id"].as_str().unwrap()));
    let request = f.org.as_user(owner.user_id).patch(&path).header("X-Forwarded-For", "203.0.113.9");
    send(request.json(&json!({"name": "B"}))).await.must(200);

    let page = f.get(owner, "/audit-events").await.must(200);
    let actions = ["unit.changed", "unit.created", "employee.created", "site.created", "unit.created", "org.created"];
    assert_eq!(each(&page, "action"), actions);
    let newest = &page["items"][0];
    assert_eq!((&newest["before"]["name"], &newest["after"]["name"]), (&json!("A"), &json!("B")));
    assert_eq!((&newest["actor_user_id"], &newest["actor_employee_id"]), (&json!(owner.user_id), &json!(boss)));
    assert_eq!((&newest["subject_id"], &newest["address"]), (&unit["unit_id"], &json!("203.0.113.9")));
    assert_eq!(newest["at"], "2026-06-01T09:00:00Z");

    let first = f.get(owner, "/audit-events?limit=4").await.must(200);
    let rest = format!("/audit-events?limit=4&cursor={}", first["next_cursor"].as_str().unwrap());
    assert_eq!(each(&f.get(owner, &rest).await.must(200), "action"), ["unit.created", "org.created"]);
}

#[tokio::test]
async fn an_auditor_reads_the_record_and_everybody_and_changes_nothing() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let (auditor, auditor_id) = f.join(owner, "7", &["auditor"]).await;
    f.get(auditor, "/audit-events").await.must(200);
    assert_eq!(each(&f.get(auditor, "/employees").await.must(200), "number"), ["1", "7"]);
    f.patch(auditor, "", json!({"name": "Mine"})).await.refused(403, "forbidden");
    f.patch(auditor, &format!("/employees/{auditor_id}"), json!({"name": "X"})).await.refused(403, "forbidden");
    let invited = f.get(auditor, "/invitations").await.must(200);
    let path = format!("/invitations/{}", invited["items"][0]["invitation_id"].as_str().unwrap());
    assert_eq!(f.get(auditor, &path).await.must(200)["employee_id"], json!(auditor_id));
    let import = f.check(owner, "number,name,hired_on\n9,Ada,never\n").await;
    assert_eq!(each(&f.get(auditor, "/imports").await.must(200), "import_id"), [import["import_id"].as_str().unwrap()]);
    let path = format!("/imports/{}", import["import_id"].as_str().unwrap());
    f.get(auditor, &path).await.must(200);
    let lines = f.get(auditor, &format!("{path}/lines")).await.must(200);
    assert_eq!(lines["items"][0]["errors"][0]["code"], "invalid_date");
    f.post(auditor, &format!("{path}/commit"), json!({})).await.refused(403, "forbidden");
    let (hr, _) = f.join(owner, "8", &["hr_admin"]).await;
    f.get(hr, "/audit-events").await.refused(403, "forbidden");
}

#[tokio::test]
async fn a_refused_change_leaves_no_trace() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let boss = f.me(owner).await;
    let (recorded, told) = (f.get(owner, "/audit-events").await.body, f.events("org.employee.changed.v1").len());
    f.delete(owner, &format!("/employees/{boss}/roles/owner")).await.refused(409, "last_owner");
    assert_eq!(f.get(owner, "/audit-events").await.body, recorded);
    assert_eq!(f.events("org.employee.changed.v1").len(), told);
}
