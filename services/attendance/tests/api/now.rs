//! `/now`.

use crate::support::Fixture;
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
