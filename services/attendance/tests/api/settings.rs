//! `/settings`, and two levels of approval, which they ask for.

use crate::support::{Fixture, Reply, World, employee, send};
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use rollcall_org_api::facts::EmployeeFact;
use rollcall_org_api::rights::{Grant, Permission, Scope};
use serde_json::{Value, json};

async fn replace(f: &Fixture, who: &EmployeeFact, version: &str, body: &Value) -> Reply {
    send(f.by(who).put(&f.world.path("/settings")).header("if-match", version).json(body)).await
}

#[tokio::test]
async fn settings_are_replaced_against_a_version_and_the_change_is_recorded() {
    let f = Fixture::start().await;
    let World { owner, worker, .. } = f.world.clone();
    let before = f.get(&worker, "/settings").await;
    assert_eq!(before.header("etag"), "\"0\"");
    let before = before.must(200);
    assert_eq!(before["approvals"], json!({"correction": 1, "overtime": 1, "swap": 1}));
    let body = json!({"approvals": {"overtime": 2}});
    let path = f.world.path("/settings");
    send(f.by(&owner).put(&path).json(&body)).await.refused(428, "if_match_required");
    replace(&f, &worker, "\"0\"", &body).await.refused(403, "forbidden");
    let after = replace(&f, &owner, "\"0\"", &body).await;
    assert_eq!(after.header("etag"), "\"1\"");
    let after = after.must(200);
    replace(&f, &owner, "\"0\"", &body).await.refused(412, "version_mismatch");
    let empty = json!({});
    let (one, two) = tokio::join!(replace(&f, &owner, "\"1\"", &empty), replace(&f, &owner, "\"1\"", &body));
    let mut both = [one.status, two.status];
    both.sort_unstable();
    assert_eq!(both, [200, 412]);
    let events = f.get(&owner, "/audit-events").await.must(200);
    let first = events["items"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&first["before"], &first["after"]), (&before, &after));
    assert_eq!((&first["action"], &first["actor_id"]), (&json!("settings.changed"), &json!(owner.employee_id)));
    f.get(&worker, "/audit-events").await.refused(403, "forbidden");
}

#[tokio::test]
async fn every_setting_that_is_not_possible_is_named() {
    let f = Fixture::start().await;
    let column = json!({"field": "number", "header": " "});
    let body = json!({
        "approvals": {"correction": 0, "overtime": 3}, "periods": {"warn_days": 31},
        "export_profiles": [
            {"name": "A", "columns": [], "date_format": "%s"}, {"name": "A", "columns": [column]},
        ],
    });
    let found = replace(&f, &f.world.owner, "\"0\"", &body).await.bad_fields();
    let found: Vec<_> = found.iter().map(|(pointer, _)| pointer.as_str()).collect();
    let wrong = [
        "/approvals/correction",
        "/approvals/overtime",
        "/periods/warn_days",
        "/export_profiles/0/columns",
        "/export_profiles/0/date_format",
        "/export_profiles/1/columns/0/header",
        "/export_profiles/1/name",
    ];
    assert_eq!(found, wrong);
    for body in [json!({"approvals": {"overtime": 256}}), json!({"colour": 1}), json!({"export_profiles": [{}]})] {
        replace(&f, &f.world.owner, "\"0\"", &body).await.refused(400, "malformed_input");
    }
    assert_eq!(f.get(&f.world.owner, "/settings").await.header("etag"), "\"0\"");
}

/// After a rollback settings are still there that only the newer release knew.
#[tokio::test]
async fn what_a_newer_release_has_stored_is_left_out_and_all_else_is_read() {
    let f = Fixture::start().await;
    let World { owner, worker, .. } = f.world.clone();
    f.set_clock("2026-06-02T08:00:00Z");
    let profile = |name: &str, columns: Value| json!({"name": name, "columns": columns, "date_format": "%d.%m.%Y"});
    let (number, new) = (json!({"field": "number"}), json!({"field": "shoe_size", "header": "Size"}));
    let with_more = json!({"name": "More", "columns": [number], "date_format": "%d.%m.%Y", "separator": ";"});
    let stored = json!({
        "approvals": {"correction": 2, "payroll": 2}, "colour": {"of": "everything"},
        "export_profiles": [profile("Payroll", json!([new, number])), profile("Sizes", json!([new])), with_more],
    });
    let mut admin = PgConnection::establish(&f.service.admin_url).unwrap();
    let row = format!("INSERT INTO org_settings VALUES ('{}', '{stored}', 7)", f.world.org.org_id);
    admin.batch_execute(&row).unwrap();
    let read = f.get(&worker, "/settings").await;
    assert_eq!(read.header("etag"), "\"7\"");
    let read = read.must(200);
    let expected = json!({
        "approvals": {"correction": 2, "overtime": 1, "swap": 1}, "periods": {"warn_days": 3},
        "export_profiles": [profile("Payroll", json!([number]))],
    });
    assert_eq!(read, expected);
    // Whatever else asks for settings goes on.
    let export = json!({"format": "csv", "from": "2026-06-01", "to": "2026-06-01", "profile": "Payroll"});
    assert_eq!(f.post(&owner, "/exports", &export).await.must(200), json!("number\r\n1\r\n2\r\n3\r\n"));
    let add = json!([{"add": {"at": "2026-06-01T07:00:00Z"}}]);
    let correction = json!({"work_date": "2026-06-01", "reason": "Forgot", "changes": add});
    f.post(&worker, "/corrections", &correction).await.must(201);
    // To be stored, a word must be known.
    for unknown in [&stored, &json!({"export_profiles": [profile("Sizes", json!([new]))]})] {
        replace(&f, &owner, "\"7\"", unknown).await.refused(400, "malformed_input");
    }
    let after = replace(&f, &owner, "\"7\"", &read).await;
    assert_eq!((after.header("etag"), &after.body), ("\"8\"", &read));
}

#[tokio::test]
async fn of_two_levels_the_second_is_somebody_else_for_the_whole_organisation() {
    let f = Fixture::start().await;
    let World { owner, manager, worker, .. } = f.world.clone();
    f.set_clock("2026-06-02T08:00:00Z");
    let grant = Grant { role: "hr".into(), permissions: [Permission::ApprovalsDecide].into(), scope: Scope::Org };
    let officer = employee("9", f.world.root.unit_id, f.world.berlin.site_id, vec![grant]);
    f.tell_employee(&officer).await;
    replace(&f, &owner, "\"0\"", &json!({"approvals": {"correction": 2}})).await.must(200);
    let body = json!({
        "work_date": "2026-06-01", "reason": "Forgot",
        "changes": [{"add": {"at": "2026-06-01T07:00:00Z"}}, {"add": {"at": "2026-06-01T16:00:00Z"}}]
    });
    let made = f.post(&worker, "/corrections", &body).await.must(201);
    let path = |how: &str| format!("/corrections/{}/{how}", made["correction_id"].as_str().unwrap());
    let day = async || f.workdays(&worker, "from=2026-06-01&to=2026-06-01").await[0]["worked_minutes"].clone();
    let first = f.post(&manager, &path("approve"), &json!({})).await.must(200);
    assert_eq!((&first["status"], &first["level"], &first["version"]), (&json!("pending"), &json!(2), &json!(2)));
    assert_eq!(day().await, json!(0), "one of two is not enough");
    f.post(&manager, &path("approve"), &json!({})).await.refused(403, "forbidden");
    assert_eq!(f.get(&manager, "/approvals").await.must(200)["items"], json!([]));
    let (approve, reject, empty) = (path("approve"), path("reject"), json!({}));
    let (one, two) = tokio::join!(f.post(&owner, &approve, &empty), f.post(&officer, &reject, &empty));
    let mut both = [one.status, two.status];
    both.sort_unstable();
    assert_eq!(both, [200, 409]);
    let ended = f.get(&worker, path("").trim_end_matches('/')).await.must(200);
    assert_eq!(ended["decisions"].as_array().unwrap().len(), 2);
    assert_eq!(day().await, if one.status == 200 { json!(540) } else { json!(0) });
}
