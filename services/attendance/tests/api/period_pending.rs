//! A period is locked once every day of it is judged: no night is cut in two, at whatever site, and devices are waited for
//! until somebody says why not.

use crate::periods::lock;
use crate::support::{Fixture, Reply, assignment, employee, event, send, site};
use jiff::civil::date;
use rollcall_org_api::events::SITE_CHANGED;
use serde_json::{Value, json};

/// A period, by its id.
async fn period(f: &Fixture, from: &str, to: &str) -> String {
    let made = f.post(&f.world.owner, "/periods", &json!({"from": from, "to": to})).await.must(201);
    made["period_id"].as_str().unwrap().to_owned()
}

async fn night_shift(f: &Fixture) -> String {
    let body = json!({"code": "NIGHT", "name": "Night", "start": "22:00", "end": "06:00"});
    let shift = f.post(&f.world.owner, "/shifts", &body).await.must(201);
    shift["shift_id"].as_str().unwrap().to_owned()
}

async fn plan_worker(f: &Fixture, shift: &str, from: &str, to: &str) {
    let entry = json!({"employee_id": f.world.worker.employee_id, "from": from, "to": to, "shift_id": shift});
    f.put(&f.world.owner, "/roster", &json!({"entries": [entry]})).await.must(200);
}

/// Asks for a lock with a body, or without one.
async fn try_lock(f: &Fixture, id: &str, version: i64, body: Option<Value>) -> Reply {
    let request = f.by(&f.world.owner).post(&f.world.path(&format!("/periods/{id}/lock")));
    let request = request.header("if-match", format!("\"{version}\""));
    send(if let Some(body) = body { request.json(&body) } else { request }).await
}

/// What the lock waits for.
async fn pending(f: &Fixture, id: &str) -> Value {
    try_lock(f, id, 1, None).await.refused(409, "period_pending")["pending"].clone()
}

#[tokio::test]
async fn the_night_of_the_last_day_is_waited_for_until_it_is_judged() {
    let f = Fixture::start().await;
    let night = night_shift(&f).await;
    plan_worker(&f, &night, "2026-06-01", "2026-06-07").await;
    let id = period(&f, "2026-06-01", "2026-06-07").await;
    f.set_clock("2026-06-07T19:55:00Z");
    f.punch(&f.world.worker, "in", &json!({"direction": "in"})).await.must(201);
    try_lock(&f, &id, 1, None).await.refused(409, "period_not_over");
    // Half past midnight in Berlin: the day is over and the night is not.
    f.set_clock("2026-06-07T22:30:00Z");
    let waits = json!({
        "people": 1, "days": 1, "lockable_from": "2026-06-08T10:00:00Z", "days_waiting_for_devices": 0, "device_ids": [],
    });
    assert_eq!(pending(&f, &id).await, waits);
    let forced = json!({"force": true, "reason": "Payday"});
    try_lock(&f, &id, 1, Some(forced)).await.refused(409, "period_pending");
    assert_eq!(f.get(&f.world.owner, &format!("/periods/{id}")).await.must(200)["status"], "open");
    // Whoever has gone after the planned end is judged at once.
    f.set_clock("2026-06-08T04:05:00Z");
    f.punch(&f.world.worker, "out", &json!({"direction": "out"})).await.must(201);
    assert_eq!(lock(&f, &id, 1).await["pending_days"], 0);
    let day = f.workdays(&f.world.worker, "from=2026-06-07&to=2026-06-07").await[0].clone();
    assert_eq!(
        (&day["status"], &day["worked_minutes"], &day["frozen"]),
        (&json!("present"), &json!(490), &json!(true))
    );
}

#[tokio::test]
async fn where_clocks_change_in_the_last_night_its_window_closes_at_the_right_instant() {
    for (last, early, closes) in [
        ("2026-10-24", "2026-10-25T10:59:59Z", "2026-10-25T11:00:00Z"),
        ("2026-03-28", "2026-03-29T09:59:59Z", "2026-03-29T10:00:00Z"),
    ] {
        let f = Fixture::start().await;
        let night = night_shift(&f).await;
        plan_worker(&f, &night, last, last).await;
        let id = period(&f, last, last).await;
        f.set_clock(early);
        assert_eq!(pending(&f, &id).await["lockable_from"], closes);
        f.set_clock(closes);
        lock(&f, &id, 1).await;
        let day = f.workdays(&f.world.worker, &format!("from={last}&to={last}")).await[0].clone();
        assert_eq!(day["status"], "absent");
    }
}

#[tokio::test]
async fn the_last_day_is_waited_for_at_every_site_and_unplanned_work_too() {
    let f = Fixture::start().await;
    let honolulu = site("Honolulu", "Pacific/Honolulu");
    f.tell(&[event(f.world.org.org_id, SITE_CHANGED, 1, &honolulu)]).await;
    let away = employee("9", f.world.team.unit_id, honolulu.site_id, vec![]);
    f.tell_employee(&away).await;
    // Somebody who moved there in the middle of the week is there too.
    let mut moved = employee("10", f.world.team.unit_id, f.world.berlin.site_id, vec![]);
    moved.assignments[0].valid_to = Some(date(2026, 6, 3));
    moved.assignments.push(assignment(f.world.team.unit_id, honolulu.site_id, date(2026, 6, 4), None));
    f.tell_employee(&moved).await;
    let id = period(&f, "2026-06-01", "2026-06-07").await;
    // Monday morning in Berlin is Sunday evening there, of which nothing is planned.
    f.set_clock("2026-06-08T08:00:00Z");
    let waits = pending(&f, &id).await;
    assert_eq!((&waits["people"], &waits["days"]), (&json!(2), &json!(2)));
    assert_eq!(waits["lockable_from"], "2026-06-08T10:00:00Z");
    f.set_clock("2026-06-08T09:30:00Z");
    f.punch(&away, "in", &json!({"direction": "in"})).await.must(201);
    f.set_clock("2026-06-08T10:00:00Z");
    let waits = pending(&f, &id).await;
    assert_eq!((&waits["people"], &waits["lockable_from"]), (&json!(1), &json!("2026-06-09T01:30:01Z")));
    f.set_clock("2026-06-08T12:00:00Z");
    f.punch(&away, "out", &json!({"direction": "out"})).await.must(201);
    lock(&f, &id, 1).await;
}

#[tokio::test]
async fn devices_are_waited_for_until_they_report_are_switched_off_or_the_lock_is_forced_with_a_reason() {
    let f = Fixture::start().await;
    let shift = f.day_shift().await;
    f.plan_team(&shift, "2026-05-25", "2026-06-30").await;
    let id = period(&f, "2026-05-25", "2026-06-07").await;
    let owner = f.world.owner.clone();
    f.set_clock("2026-06-02T10:00:00Z");
    let device = json!({"name": "Door", "kind": "terminal", "site_id": f.world.berlin.site_id});
    let device = f.post(&owner, "/devices", &device).await.must(201);
    let device_path = format!("/devices/{}", device["device_id"].as_str().unwrap());
    // A month later: the days since the device was added wait for it, those before it do not.
    f.set_clock("2026-07-08T08:00:00Z");
    let waits = json!({
        "people": 2, "days": 12, "days_waiting_for_devices": 12, "device_ids": [device["device_id"]],
    });
    assert_eq!(pending(&f, &id).await, waits);
    try_lock(&f, &id, 1, Some(json!(["force"]))).await.refused(400, "malformed_input");
    try_lock(&f, &id, 1, Some(Value::Null)).await.refused(409, "period_pending");
    let refused = try_lock(&f, &id, 1, Some(json!({"force": true}))).await.bad_fields();
    assert_eq!(refused, [("/reason".to_owned(), "required".to_owned())]);
    let forced = json!({"force": true, "reason": "The terminal burnt down"});
    try_lock(&f, &id, 1, Some(forced)).await.must(200);
    let locked = f.get(&owner, &format!("/periods/{id}")).await.must(200);
    assert_eq!((&locked["status"], &locked["pending_days"]), (&json!("locked"), &json!(12)));
    let record = f.get(&owner, &format!("/audit-events?subject_id={id}")).await.must(200);
    let locking = record["items"].as_array().unwrap().iter().find(|one| one["action"] == "period.locking_forced");
    let locking = locking.unwrap_or_else(|| panic!("{record:#}"));
    assert_eq!(locking["reason"], "The terminal burnt down");
    assert_eq!((&locking["actor_id"], &locking["after"]["pending_days"]), (&json!(owner.employee_id), &json!(12)));
    let day = async |date: &str| {
        let days = f.workdays(&f.world.worker, &format!("from={date}&to={date}")).await;
        (days[0]["status"].clone(), days[0]["frozen"].clone())
    };
    assert_eq!(day("2026-06-05").await, (json!("pending"), json!(true)));
    assert_eq!(day("2026-05-28").await, (json!("absent"), json!(true)));

    // Opened again: the device is switched off, and nothing waits for it.
    let version = locked["version"].as_i64().unwrap();
    let reopen = f.by(&owner).post(&f.world.path(&format!("/periods/{id}/reopen")));
    let reopen = reopen.header("if-match", format!("\"{version}\"")).json(&json!({"reason": "It is found"}));
    send(reopen).await.must(200);
    let refused = try_lock(&f, &id, version + 1, None).await.refused(409, "period_pending");
    assert_eq!(refused["pending"]["days"], 12);
    let off = json!({"name": "Door", "site_id": f.world.berlin.site_id, "disabled": true});
    f.put_at(&owner, &device_path, 1, &off).await.must(200);
    assert_eq!(lock(&f, &id, version + 1).await["pending_days"], 0);
    assert_eq!(day("2026-06-05").await, (json!("absent"), json!(true)));
}
