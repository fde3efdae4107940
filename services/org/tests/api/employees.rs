//! Employees, their first assignment, and who sees whom.

use crate::support::{Fixture, Seat, each, id, send};
use diesel::prelude::*;
use rollcall_ids::{EmployeeId, UnitId, UserId};
use serde_json::{Value, json};

#[tokio::test]
async fn an_employee_starts_in_the_root_unit_at_the_first_site_unless_said() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let me = f.get(owner, "/me").await.must(200);
    let body = json!({"number": "007", "name": "Ada Lovelace", "hired_on": "2026-07-01"});
    let created = f.post(owner, "/employees", body).await;
    let location = created.header("location").to_owned();
    let ada = created.must(201);
    let assignment = &ada["assignments"][0];
    assert_eq!(assignment["unit_id"], me["unit"]["unit_id"]);
    assert_eq!(assignment["site_id"], me["site"]["site_id"]);
    assert_eq!((&assignment["valid_from"], &assignment["valid_to"]), (&json!("2026-07-01"), &json!(null)));
    assert_eq!((&ada["roles"], &ada["status"]), (&json!(["employee"]), &json!("active")));
    let path = location.strip_prefix(&owner.path("")).unwrap();
    assert_eq!(f.get(owner, path).await.must(200), ada);
    f.post(owner, "/employees", json!({"number": "007", "name": "B", "hired_on": "2026-07-01"}))
        .await
        .refused(409, "number_taken");
}

#[tokio::test]
async fn with_another_first_day_the_first_assignment_moves_along() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let ada = f.hire(owner, "7", json!({})).await;
    let path = format!("/employees/{ada}");
    let moved = f.patch(owner, &path, json!({"hired_on": "2026-03-01", "name": "Ada King"})).await.must(200);
    assert_eq!(moved["assignments"][0]["valid_from"], "2026-03-01");
    assert_eq!((&moved["name"], &moved["version"]), (&json!("Ada King"), &json!(2)));
    f.patch(owner, &path, json!({"left_on": "2026-02-28"})).await.refused(422, "invalid_input");
    let fact = f.last_event("org.employee.changed.v1");
    assert_eq!((&fact["hired_on"], &fact["version"]), (&json!("2026-03-01"), &json!(2)));
}

#[tokio::test]
async fn the_list_is_paged_by_number_and_filtered() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let unit = f.post(owner, "/units", json!({"name": "A"})).await.must(201)["unit_id"].clone();
    let below = f.post(owner, "/units", json!({"name": "B", "parent_id": unit})).await.must(201)["unit_id"].clone();
    let site = f.post(owner, "/sites", json!({"name": "S", "time_zone": "UTC"})).await.must(201)["site_id"].clone();
    f.hire(owner, "a-1", json!({"name": "50%_Ada", "assignment": {"unit_id": unit}})).await;
    f.hire(owner, "a-2", json!({"assignment": {"unit_id": below, "site_id": site}})).await;
    f.hire(owner, "a-3", json!({"left_on": "2026-05-31"})).await;
    let numbers = async |query: &str| -> Vec<String> {
        let page = f.get(owner, &format!("/employees?{query}")).await.must(200);
        each(&page, "number").into_iter().map(String::from).collect()
    };
    assert_eq!(numbers("").await, ["1", "a-1", "a-2", "a-3"]);
    assert_eq!(numbers("status=active").await, ["1", "a-1", "a-2"]);
    assert_eq!(numbers("status=left").await, ["a-3"]);
    assert_eq!(numbers(&format!("unit_id={}", unit.as_str().unwrap())).await, ["a-1", "a-2"]);
    assert_eq!(numbers(&format!("site_id={}", site.as_str().unwrap())).await, ["a-2"]);
    assert_eq!(numbers("text=A-2").await, ["a-2"]);
    assert_eq!(numbers("text=%25_ada").await, ["a-1"], "wildcards are text");
    assert_eq!(numbers("text=%25").await, ["a-1"]);

    let first = f.get(owner, "/employees?limit=3").await.must(200);
    assert_eq!(each(&first, "number"), ["1", "a-1", "a-2"]);
    // Somebody who comes in between neither repeats nor hides anybody.
    f.hire(owner, "0", json!({})).await;
    let cursor = first["next_cursor"].as_str().unwrap();
    assert_eq!(numbers(&format!("limit=3&cursor={cursor}")).await, ["a-3"]);
}

#[tokio::test]
async fn whoever_was_there_is_listed_once_however_many_come_while_one_pages() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    for number in 0..40 {
        f.hire(owner, &format!("m{number:02}"), json!({})).await;
    }
    // Before, between and after those who are there, at the same time as the pages are read.
    let hiring = async {
        for number in 0..60 {
            f.hire(owner, &format!("{}{number:02}-new", ["a", "m", "z"][number % 3]), json!({})).await;
        }
    };
    let paging = async {
        for _ in 0..4 {
            let mut seen = Vec::new();
            let mut next = Some("/employees?limit=7".to_owned());
            while let Some(path) = next {
                let page = f.get(owner, &path).await.must(200);
                seen.extend(each(&page, "number").into_iter().map(String::from));
                next = page["next_cursor"].as_str().map(|cursor| format!("/employees?limit=7&cursor={cursor}"));
            }
            assert!(seen.is_sorted() && seen.windows(2).all(|pair| pair[0] != pair[1]), "{seen:?}");
            let old: Vec<_> = seen.iter().filter(|number| !number.ends_with("new") && *number != "1").collect();
            assert_eq!(old.len(), 40, "{seen:?}");
        }
    };
    tokio::join!(hiring, paging);
}

struct Company {
    f: Fixture,
    owner: Seat,
    manager: Seat,
    manager_id: EmployeeId,
    /// In the manager's unit, below it, a direct report elsewhere, and a stranger.
    inside: EmployeeId,
    below: EmployeeId,
    report: EmployeeId,
    outside: EmployeeId,
}

async fn company() -> Company {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let (manager, manager_id) = f.join(owner, "50", &["manager"]).await;
    let unit = f.post(owner, "/units", json!({"name": "Mine", "head_employee_id": manager_id})).await.must(201);
    let unit: UnitId = id(&unit["unit_id"]);
    let lower = f.post(owner, "/units", json!({"name": "Lower", "parent_id": unit})).await.must(201);
    let inside = f.hire(owner, "51", json!({"assignment": {"unit_id": unit}})).await;
    let below = f.hire(owner, "52", json!({"assignment": {"unit_id": lower["unit_id"]}})).await;
    let report = f.hire(owner, "53", json!({"assignment": {"manager_id": manager_id}})).await;
    let outside = f.hire(owner, "54", json!({})).await;
    Company { f, owner, manager, manager_id, inside, below, report, outside }
}

#[tokio::test]
async fn a_manager_sees_their_units_their_reports_and_themselves_and_nobody_else() {
    let c = company().await;
    let page = c.f.get(c.manager, "/employees").await.must(200);
    assert_eq!(each(&page, "number"), ["50", "51", "52", "53"]);
    for seen in [c.manager_id, c.inside, c.below, c.report] {
        c.f.get(c.manager, &format!("/employees/{seen}")).await.must(200);
        // They may know of them, but not change them.
        let patch = json!({"name": "Renamed"});
        c.f.patch(c.manager, &format!("/employees/{seen}"), patch).await.refused(403, "forbidden");
    }
    c.f.get(c.manager, &format!("/employees/{}", c.outside)).await.refused(404, "not_found");
    let patch = json!({"name": "Renamed"});
    c.f.patch(c.manager, &format!("/employees/{}", c.outside), patch).await.refused(404, "not_found");
    c.f.put(c.manager, &format!("/employees/{}/roles/manager", c.outside)).await.refused(404, "not_found");
    c.f.put(c.manager, &format!("/employees/{}/roles/manager", c.inside)).await.refused(403, "forbidden");
}

#[tokio::test]
async fn an_employee_sees_themselves_and_the_shared_things_and_changes_nothing() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let (ada, ada_id) = f.join(owner, "7", &[]).await;
    let boss = f.me(owner).await;
    assert_eq!(each(&f.get(ada, "/employees").await.must(200), "number"), ["7"]);
    f.get(ada, &format!("/employees/{ada_id}")).await.must(200);
    f.get(ada, &format!("/employees/{boss}")).await.refused(404, "not_found");
    for shared in ["", "/units", "/sites", "/roles", "/me"] {
        f.get(ada, shared).await.must(200);
    }
    f.get(ada, "/audit-events").await.refused(403, "forbidden");
    f.patch(ada, "", json!({"name": "Mine"})).await.refused(403, "forbidden");
    f.post(ada, "/units", json!({"name": "Mine"})).await.refused(403, "forbidden");
    f.post(ada, "/sites", json!({"name": "Mine", "time_zone": "UTC"})).await.refused(403, "forbidden");
    let body = json!({"number": "8", "name": "B", "hired_on": "2026-01-01"});
    f.post(ada, "/employees", body).await.refused(403, "forbidden");
    f.post(ada, "/invitations", json!({"employee_id": ada_id})).await.refused(403, "forbidden");
    f.put(ada, &format!("/employees/{ada_id}/roles/owner")).await.refused(403, "forbidden");
}

#[tokio::test]
async fn hiring_twice_with_the_same_key_hires_once_and_invites_once() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let hire = || {
        let request = f.org.as_user(owner.user_id).post(&owner.path("/employees")).header("Idempotency-Key", "h");
        let body = json!({
            "number": "7", "name": "Ada", "email": "ada@example.org", "hired_on": "2026-01-05", "invite": true,
        });
        send(request.json(&body))
    };
    let (first, second) = (hire().await.must(201), hire().await.must(201));
    assert_eq!(first, second);
    assert_eq!(f.events("org.invitation.created.v1").len(), 1);
}

#[tokio::test]
async fn the_database_itself_refuses_two_assignments_on_one_day() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let ada = f.hire(owner, "7", json!({})).await;
    let second = |from: &str| {
        let copy = format!(
            "INSERT INTO assignments (org_id, assignment_id, employee_id, unit_id, site_id, valid_from, created_at) \
             SELECT org_id, gen_random_uuid(), employee_id, unit_id, site_id, '{from}', now() FROM assignments \
             WHERE employee_id = '{ada}'"
        );
        diesel::sql_query(copy).execute(&mut f.database())
    };
    let refused = second("2026-03-01").unwrap_err();
    assert!(refused.to_string().contains("assignments_one_at_a_time"), "{refused}");
    let end = format!("UPDATE assignments SET valid_to = '2026-02-28' WHERE employee_id = '{ada}'");
    diesel::sql_query(end).execute(&mut f.database()).unwrap();
    assert_eq!(second("2026-03-01").unwrap(), 1);
    let view: Value = f.get(owner, &format!("/employees/{ada}")).await.must(200);
    let from: Vec<_> = view["assignments"].as_array().unwrap().iter().map(|a| a["valid_from"].clone()).collect();
    assert_eq!(from, ["2026-01-05", "2026-03-01"]);
}

#[tokio::test]
async fn what_a_hire_names_must_be_there() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let nobody = EmployeeId::generate();
    let body = json!({
        "number": "7", "name": "Ada", "hired_on": "2026-01-05",
        "assignment": {"unit_id": nobody, "site_id": nobody, "manager_id": nobody},
    });
    let problem = f.post(owner, "/employees", body).await.refused(422, "invalid_input");
    let pointers: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|e| e["pointer"].clone()).collect();
    assert_eq!(pointers, ["/assignment/unit_id", "/assignment/site_id", "/assignment/manager_id"]);
    assert_eq!(c_numbers(&f, owner).await, ["1"]);
}

async fn c_numbers(f: &Fixture, owner: Seat) -> Vec<String> {
    let page = f.get(owner, "/employees").await.must(200);
    each(&page, "number").into_iter().map(String::from).collect()
}

#[tokio::test]
async fn the_owner_of_the_company_sees_everybody() {
    let c = company().await;
    assert_eq!(c_numbers(&c.f, c.owner).await, ["1", "50", "51", "52", "53", "54"]);
}

#[tokio::test]
async fn who_got_the_mail_at_another_address_does_not_become_the_employee() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    for (number, corrected) in [("7", json!("ada@example.org")), ("8", Value::Null)] {
        let ada = f.hire(owner, number, json!({"email": "wrong@example.org"})).await;
        let path = format!("/employees/{ada}");
        let token = f.invite(owner, ada).await;
        f.patch(owner, &path, json!({"email": corrected})).await.must(200);
        f.accept(UserId::generate(), &token).await.refused(410, "invitation_expired");
        // Not even once the address is the old one again.
        f.patch(owner, &path, json!({"email": "wrong@example.org"})).await.must(200);
        f.accept(UserId::generate(), &token).await.refused(410, "invitation_expired");
        let next = f.invite(owner, ada).await;
        // What leaves the address as it is leaves the invitation open.
        f.patch(owner, &path, json!({"name": "Ada", "email": " wrong@example.org"})).await.must(200);
        f.accept(UserId::generate(), &next).await.must(200);
    }
}
