//! `/now`.

use crate::support::{Fixture, employee, event, send, site};
use rollcall_org_api::events::SITE_CHANGED;
use serde_json::{Value, json};

async fn who(f: &Fixture, by: &rollcall_org_api::facts::EmployeeFact, query: &str) -> Vec<String> {
    let now = f.get(by, &format!("/now{query}")).await.must(200);
    now["people"].as_array().unwrap().iter().map(|person| person["number"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn whoever_has_come_and_not_gone_is_in() {
    let f = Fixture::start().await;
    let shift = f.day_shift().await;
    f.plan_team(&shift, "2026-06-01", "2026-06-30").await;
    let w = f.world.clone();
    assert_eq!(who(&f, &w.owner, "").await, [""; 0]);
    let came = f.punch(&w.worker, "a", &json!({})).await.must(201);
    f.punch(&w.manager, "b", &json!({})).await.must(201);
    f.punch(&w.owner, "c", &json!({})).await.must(201);
    f.set_clock("2026-06-01T11:00:00Z");
    f.punch(&w.manager, "d", &json!({})).await.must(201);
    let now = f.get(&w.owner, "/now").await.must(200);
    let person = &now["people"][1];
    assert_eq!((&person["employee_id"], &person["since"]), (&json!(w.worker.employee_id), &came["at"]));
    assert_eq!(person["punch_id"], came["punch_id"]);
    assert_eq!(now["people"].as_array().unwrap().len(), 2);
    assert_eq!(now["sites"], json!([{"site_id": w.berlin.site_id, "name": "Berlin", "present": 2}]));
    let per_unit = |name: &str| {
        let all: &Vec<Value> = now["units"].as_array().unwrap();
        all.iter().find(|unit| unit["name"] == name).map(|unit| unit["present"].clone())
    };
    assert_eq!((per_unit("Example"), per_unit("Team")), (Some(json!(1)), Some(json!(1))));
}

#[tokio::test]
async fn a_guest_is_in_where_they_punched_and_in_the_unit_where_they_work() {
    let f = Fixture::start().await;
    let w = f.world.clone();
    let munich = site("Munich", "Europe/Berlin");
    f.tell(&[event(w.org.org_id, SITE_CHANGED, 1, &munich)]).await;
    let mut guest = employee("9", w.team.unit_id, munich.site_id, vec![]);
    guest.assignments[0].manager_id = Some(w.manager.employee_id);
    f.tell_employee(&guest).await;
    let kiosk = json!({"name": "Door", "kind": "kiosk", "site_id": w.berlin.site_id,
        "allowed_employees": [guest.employee_id]});
    let kiosk = f.post(&w.owner, "/devices", &kiosk).await.must(201);
    // Who is in is known to the second, and a punch to the microsecond.
    let came = json!({"employee_id": guest.employee_id, "at": "2026-06-01T08:59:59.999999Z", "direction": "in"});
    let at_kiosk = f.service.with_token(kiosk["secret"].as_str().unwrap());
    let came = send(at_kiosk.post(&w.path("/punches")).json(&came)).await.must(201);
    f.punch(&w.worker, "a", &json!({"at": "2026-06-01T08:00:00Z"})).await.must(201);
    let now = f.get(&w.manager, "/now").await.must(200);
    assert_eq!(now["sites"], json!([{"site_id": w.berlin.site_id, "name": "Berlin", "present": 2}]));
    assert_eq!(now["units"], json!([{"unit_id": w.team.unit_id, "name": "Team", "present": 2}]));
    let person = &now["people"][1];
    assert_eq!((&person["punch_id"], &person["site_id"]), (&came["punch_id"], &json!(w.berlin.site_id)));

    // What a correction adds says nothing of where it was.
    let correction = json!({"work_date": "2026-06-01", "reason": "Earlier", "changes": [
        {"void": came["punch_id"]}, {"add": {"at": "2026-06-01T08:30:00Z", "direction": "in"}}
    ]});
    let asked = f.post(&guest, "/corrections", &correction).await.must(201);
    let approve = format!("/corrections/{}/approve", asked["correction_id"].as_str().unwrap());
    f.post(&w.manager, &approve, &json!({})).await.must(200);
    let now = f.get(&w.owner, "/now").await.must(200);
    let present = |site_id: Value, name: &str| json!({"site_id": site_id, "name": name, "present": 1});
    let sites = [present(json!(w.berlin.site_id), "Berlin"), present(json!(munich.site_id), "Munich")];
    assert_eq!(now["sites"], json!(sites));
    assert_eq!(now["people"][1]["site_id"], json!(munich.site_id));
}

#[tokio::test]
async fn who_forgot_to_go_is_not_in_for_ever() {
    let f = Fixture::start().await;
    let shift = f.day_shift().await;
    f.plan_team(&shift, "2026-06-01", "2026-06-30").await;
    let w = f.world.clone();
    f.punch(&w.worker, "a", &json!({})).await.must(201);
    f.punch(&w.owner, "b", &json!({})).await.must(201);
    // The window of 09:00 to 18:00 in Berlin closes at midnight; without a plan sixteen hours are the limit.
    for (clock, expected) in [
        ("2026-06-01T21:59:00Z", vec!["1", "3"]),
        ("2026-06-01T22:00:00Z", vec!["1"]),
        ("2026-06-02T01:01:00Z", vec![]),
    ] {
        f.set_clock(clock);
        assert_eq!(who(&f, &w.owner, "").await, expected, "{clock}");
    }
}

#[tokio::test]
async fn one_sees_whom_one_may_see() {
    let f = Fixture::start().await;
    let w = f.world.clone();
    for (n, person) in [&w.owner, &w.manager, &w.worker].into_iter().enumerate() {
        f.punch(person, &n.to_string(), &json!({})).await.must(201);
    }
    assert_eq!(who(&f, &w.owner, "").await, ["1", "2", "3"]);
    assert_eq!(who(&f, &w.manager, "").await, ["2", "3"]);
    assert_eq!(who(&f, &w.worker, "").await, ["3"]);
    assert_eq!(who(&f, &w.owner, &format!("?unit_id={}", w.team.unit_id)).await, ["2", "3"]);
    let unknown = f.get(&w.owner, &format!("/now?unit_id={}", rollcall_ids::UnitId::generate())).await.bad_fields();
    assert_eq!(unknown, [("?unit_id".to_owned(), "unknown_unit".to_owned())]);
}
