//! `/periods`: locking keeps what days are; what comes later is an adjustment and never lost.

use crate::support::{Fixture, Reply, World, employee, send};
use diesel::prelude::*;
use diesel::sql_types::{Jsonb, Text};
use futures_util::future::join_all;
use rollcall_org_api::facts::EmployeeFact;
use rollcall_stack::testing::{TestService, set};
use serde_json::{Value, json};
use std::time::Duration;

const MONDAY: &str = "from=2026-06-01&to=2026-06-01";

/// A worker who worked nine to six on Monday the first of June; a period of that week; now it is the week after.
async fn a_week() -> (Fixture, String) {
    let service = TestService::with(|settings| {
        set(settings, "events.subscribers.notification", vec!["attendance.period.".to_owned()]);
        set(settings, "peers.notification.url", "http://127.0.0.1:9");
        set(settings, "peers.notification.public_key", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    });
    let f = Fixture::on(service.await).await;
    let shift = f.day_shift().await;
    f.plan_team(&shift, "2026-06-01", "2026-06-30").await;
    for (key, at) in [("in", "2026-06-01T07:00:00Z"), ("out", "2026-06-01T16:00:00Z")] {
        f.set_clock(at);
        f.punch(&f.world.worker, key, &json!({"direction": key})).await.must(201);
    }
    f.set_clock("2026-06-03T08:00:00Z");
    let body = json!({"from": "2026-06-01", "to": "2026-06-07"});
    let period = f.post(&f.world.owner, "/periods", &body).await.must(201);
    f.set_clock("2026-06-08T08:00:00Z");
    (f, period["period_id"].as_str().unwrap().to_owned())
}

async fn act(f: &Fixture, who: &EmployeeFact, id: &str, how: &str, version: i64) -> Reply {
    let request = f.by(who).post(&f.world.path(&format!("/periods/{id}/{how}")));
    let request = request.header("if-match", format!("\"{version}\""));
    send(if how == "reopen" { request.json(&json!({"reason": "A punch was missing"})) } else { request }).await
}

/// Locks a period and waits until all is frozen.
pub(crate) async fn lock(f: &Fixture, id: &str, version: i64) -> Value {
    act(f, &f.world.owner, id, "lock", version).await.must(200);
    let all = async {
        loop {
            let period = f.get(&f.world.owner, &format!("/periods/{id}")).await.must(200);
            if period["status"] == "locked" {
                return period;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), all).await.unwrap()
}

async fn import(f: &Fixture, who: &EmployeeFact, at: &str, key: &str) -> Reply {
    let body = json!({"employee_id": who.employee_id, "at": at, "source": "import"});
    f.punch(&f.world.owner, key, &body).await
}

async fn monday(f: &Fixture) -> Value {
    f.workdays(&f.world.worker, MONDAY).await[0].clone()
}

async fn adjustments(f: &Fixture, id: &str) -> Vec<Value> {
    let page = f.get(&f.world.owner, &format!("/periods/{id}/adjustments")).await.must(200);
    page["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn what_comes_after_the_lock_changes_nothing_and_is_an_adjustment() {
    let (f, id) = a_week().await;
    let open = monday(&f).await;
    assert_eq!((&open["frozen"], &open["worked_minutes"]), (&json!(false), &json!(480)));
    assert_eq!(adjustments(&f, &id).await, [] as [Value; 0]);
    let locked = lock(&f, &id, 1).await;
    assert_eq!((&locked["people_done"], &locked["people_total"]), (&json!(3), &json!(3)));
    let frozen = monday(&f).await;
    let mut expected = open.clone();
    (expected["frozen"], expected["version"]) = (json!(true), json!(1));
    assert_eq!(frozen, expected);
    assert_eq!(adjustments(&f, &id).await, [] as [Value; 0]);

    let late = import(&f, &f.world.worker, "2026-06-01T18:00:00Z", "late").await.must(201);
    assert_eq!(monday(&f).await, frozen, "nothing changes");
    let found = adjustments(&f, &id).await;
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0]["frozen"], frozen);
    assert_eq!(found[0]["punches_added"], json!([late["punch_id"]]));
    assert_ne!(found[0]["current"]["punches"], frozen["punches"]);
    let punches =
        f.get(&f.world.owner, &format!("/punches?employee_id={}", f.world.worker.employee_id)).await.must(200);
    assert_eq!(punches["items"].as_array().unwrap().len(), 3, "it is stored");
    let after = f.workdays(&f.world.worker, "from=2026-06-07&to=2026-06-08").await;
    assert_eq!((&after[0]["frozen"], &after[1]["frozen"]), (&json!(true), &json!(false)));
}

#[tokio::test]
async fn reopening_takes_a_reason_is_recorded_and_computes_anew() {
    let (f, id) = a_week().await;
    let World { owner, worker, manager, .. } = f.world.clone();
    let locked = lock(&f, &id, 1).await;
    import(&f, &worker, "2026-06-02T07:00:00Z", "in-2").await.must(201);
    import(&f, &worker, "2026-06-02T16:00:00Z", "out-2").await.must(201);
    let version = locked["version"].as_i64().unwrap();
    act(&f, &manager, &id, "reopen", version).await.refused(403, "forbidden");
    let path = f.world.path(&format!("/periods/{id}/reopen"));
    let reasonless = send(f.by(&owner).post(&path).header("if-match", "\"3\"").json(&json!({"reason": " "}))).await;
    assert_eq!(reasonless.bad_fields(), [("/reason".to_owned(), "length".to_owned())]);
    act(&f, &owner, &id, "reopen", version).await.must(200);
    let tuesday = "from=2026-06-02&to=2026-06-02";
    assert_eq!(f.workdays(&worker, tuesday).await[0]["worked_minutes"], 480);
    let again = lock(&f, &id, version + 1).await;
    let day = f.workdays(&worker, tuesday).await[0].clone();
    assert_eq!((&day["worked_minutes"], &day["frozen"], &day["version"]), (&json!(480), &json!(true), &json!(2)));
    let version = again["version"].as_i64().unwrap();
    act(&f, &owner, &id, "close", version).await.must(200);
    act(&f, &owner, &id, "reopen", version + 1).await.refused(409, "period_state");
    let record = f.get(&owner, &format!("/audit-events?subject_id={id}")).await.must(200);
    let actions: Vec<_> = record["items"].as_array().unwrap().iter().map(|event| event["action"].clone()).collect();
    let expected = ["closed", "locked", "locking", "reopened", "locked", "locking", "created"];
    assert_eq!(actions, expected.map(|what| json!(format!("period.{what}"))));
    assert_eq!(record["items"][3]["reason"], "A punch was missing");
    assert_eq!(record["items"][3]["before"]["status"], "locked");
}

#[tokio::test]
async fn punches_and_corrections_against_a_lock_are_all_kept_and_all_accounted_for() {
    let (f, id) = a_week().await;
    let people: Vec<EmployeeFact> =
        (0..60).map(|n| employee(&format!("1{n:02}"), f.world.team.unit_id, f.world.berlin.site_id, vec![])).collect();
    for person in &people {
        f.tell_employee(person).await;
    }
    let punch = async |person: &EmployeeFact| {
        let came = import(&f, person, "2026-06-02T07:00:00Z", &format!("{}-in", person.number)).await;
        let went = import(&f, person, "2026-06-02T16:00:00Z", &format!("{}-out", person.number)).await;
        (came.status, went.status)
    };
    let (locked, punched) = tokio::join!(lock(&f, &id, 1), join_all(people.iter().map(punch)));
    assert!(punched.iter().all(|statuses| *statuses == (201, 201)), "a lock holds no punch up: {punched:?}");
    assert_eq!(locked["people_done"], 63);
    let mut late = 0;
    let mut cursor = String::new();
    let mut found = Vec::new();
    loop {
        let page = f.get(&f.world.owner, &format!("/periods/{id}/adjustments?limit=20{cursor}")).await.must(200);
        found.extend(page["items"].as_array().unwrap().clone());
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    for person in &people {
        let query = format!("employee_id={}&from=2026-06-02&to=2026-06-02", person.employee_id);
        let day = f.workdays(&f.world.owner, &query).await[0].clone();
        let kept = day["punches"].as_array().unwrap().len();
        let more: usize = found
            .iter()
            .filter(|one| one["employee_id"] == json!(person.employee_id))
            .map(|one| one["punches_added"].as_array().unwrap().len())
            .sum();
        assert_eq!((kept + more, &day["frozen"]), (2, &json!(true)), "{}: {kept} kept and {more} late", person.number);
        late += more;
    }
    // Whether any is late is a matter of luck; that the sum holds is not.
    assert!(late <= 120);
}

#[tokio::test]
async fn of_two_locks_at_once_one_wins_and_what_is_not_possible_is_refused() {
    let (f, id) = a_week().await;
    let World { owner, manager, worker, .. } = f.world.clone();
    let path = f.world.path(&format!("/periods/{id}/lock"));
    send(f.by(&owner).post(&path)).await.refused(428, "if_match_required");
    act(&f, &manager, &id, "lock", 1).await.refused(403, "forbidden");
    act(&f, &owner, &id, "close", 1).await.refused(409, "period_state");
    let (one, two) = tokio::join!(act(&f, &owner, &id, "lock", 1), act(&f, &owner, &id, "lock", 1));
    let mut both = [one.status, two.status];
    both.sort_unstable();
    assert_eq!(both, [200, 412]);
    let body = |from: &str, to: &str| json!({"from": from, "to": to});
    f.post(&owner, "/periods", &body("2026-06-07", "2026-06-14")).await.refused(409, "period_overlap");
    let bad = f.post(&owner, "/periods", &json!({"name": "", "from": "2026-06-02", "to": "2026-06-01"})).await;
    let bad: Vec<_> = bad.bad_fields().into_iter().map(|(pointer, _)| pointer).collect();
    assert_eq!(bad, ["/to", "/name"]);
    f.post(&owner, "/periods", &body("2026-01-01", "2027-01-02")).await.bad_fields();
    let next = f.post(&owner, "/periods", &body("2026-06-08", "2026-06-14")).await.must(201);
    let next = next["period_id"].as_str().unwrap();
    act(&f, &owner, next, "lock", 1).await.refused(409, "period_not_over");
    f.post(&worker, "/periods", &body("2026-07-01", "2026-07-02")).await.refused(403, "forbidden");
    f.get(&worker, "/periods").await.refused(403, "forbidden");
    let listed = f.get(&owner, "/periods").await.must(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
}

#[derive(QueryableByName)]
struct Outgoing {
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Jsonb)]
    data: Value,
}

#[tokio::test]
async fn who_locks_is_told_once_when_the_time_is_near_and_when_it_is_done() {
    let (f, id) = a_week().await;
    // Three days before the seventh has passed: whoever looks next tells.
    lock(&f, &id, 1).await;
    let told = async || -> Vec<Outgoing> {
        let mut admin = PgConnection::establish(&f.service.admin_url).unwrap();
        diesel::sql_query("SELECT kind, data FROM outbox ORDER BY position").load(&mut admin).unwrap()
    };
    let body = json!({"name": "Next", "from": "2026-06-08", "to": "2026-06-10"});
    f.post(&f.world.owner, "/periods", &body).await.must(201);
    let both = async {
        while told().await.len() < 2 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), both).await.unwrap();
    let kinds: Vec<_> = told().await.iter().map(|event| event.kind.clone()).collect();
    assert!(kinds.contains(&"attendance.period.locked.v1".to_owned()), "{kinds:?}");
    let near: Vec<_> = told().await.into_iter().filter(|event| event.kind == "attendance.period.locking.v1").collect();
    assert_eq!(near.iter().filter(|event| event.data["name"] == "Next").count(), 1);
}

#[tokio::test]
async fn the_sums_are_those_of_the_days() {
    let (f, id) = a_week().await;
    let World { owner, worker, manager, .. } = f.world.clone();
    let of_worker = async || {
        let page = f.get(&owner, &format!("/summaries?period={id}")).await.must(200);
        page["items"].as_array().unwrap().iter().find(|one| one["number"] == "3").unwrap().clone()
    };
    let open = of_worker().await;
    let days = f.workdays(&worker, "from=2026-06-01&to=2026-06-07").await;
    let sum = |field: &str| days.iter().map(|day| day[field].as_i64().unwrap()).sum::<i64>();
    for field in ["planned_minutes", "worked_minutes", "paid_minutes", "late_minutes", "overtime_minutes"] {
        assert_eq!(open["totals"][field], sum(field), "{field}");
    }
    assert_eq!((&open["totals"]["days"], &open["totals"]["worked_days"]), (&json!(7), &json!(1)));
    assert_eq!((&open["totals"]["absent_days"], &open["frozen"]), (&json!(6), &json!(false)));
    lock(&f, &id, 1).await;
    import(&f, &worker, "2026-06-02T07:00:00Z", "in-2").await.must(201);
    let frozen = of_worker().await;
    assert_eq!((&frozen["totals"], &frozen["frozen"]), (&open["totals"], &json!(true)));
    f.get(&worker, &format!("/summaries?period={id}")).await.refused(403, "forbidden");
    f.get(&manager, &format!("/summaries?period={id}")).await.refused(403, "forbidden");
    let first = f.get(&owner, &format!("/summaries?period={id}&limit=1")).await.must(200);
    assert_eq!((&first["items"][0]["number"], first["next_cursor"].is_string()), (&json!("1"), true));
    f.get(&owner, "/summaries").await.refused(400, "malformed_input");
    f.get(&owner, &format!("/summaries?period={}", rollcall_ids::PeriodId::generate())).await.refused(404, "not_found");
}

#[tokio::test]
async fn a_page_of_a_year_has_fewer_people_than_one_of_a_week() {
    let f = Fixture::start().await;
    for n in 0..60 {
        f.tell_employee(&employee(&format!("1{n:02}"), f.world.team.unit_id, f.world.berlin.site_id, vec![])).await;
    }
    let year = json!({"from": "2025-01-01", "to": "2025-12-31"});
    let id = f.post(&f.world.owner, "/periods", &year).await.must(201)["period_id"].as_str().unwrap().to_owned();
    f.set_clock("2026-01-05T08:00:00Z");
    lock(&f, &id, 1).await;
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = f.get(&f.world.owner, &format!("/summaries?period={id}&limit=200{cursor}")).await.must(200);
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 54 && items.iter().all(|one| one["totals"]["days"] == 365), "{}", items.len());
        seen.extend(items.iter().map(|one| one["number"].as_str().unwrap().to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen.len(), 63);
    let first = f.get(&f.world.owner, &format!("/periods/{id}/adjustments?limit=200")).await.must(200);
    assert_eq!((&first["items"], first["next_cursor"].is_string()), (&json!([]), true), "54 of 63 were looked at");
}
