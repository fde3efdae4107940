//! `/overtime-requests`: overtime counts up to what was approved, where the shift asks for it.

use crate::support::{Fixture, World, send};
use serde_json::{Value, json};

/// A worker who stayed two hours longer on Monday, under a shift that asks for approval; now it is Tuesday.
async fn stayed(requires_approval: bool) -> Fixture {
    let f = Fixture::start().await;
    let body = json!({
        "code": "DAY", "name": "Day", "start": "09:00", "end": "18:00",
        "breaks": [{"start": "12:00", "end": "13:00"}], "overtime": {"requires_approval": requires_approval},
    });
    let shift = f.post(&f.world.owner, "/shifts", &body).await.must(201);
    f.plan_team(shift["shift_id"].as_str().unwrap(), "2026-06-01", "2026-06-30").await;
    for (key, at) in [("in", "2026-06-01T07:00:00Z"), ("out", "2026-06-01T18:00:00Z")] {
        f.set_clock(at);
        f.punch(&f.world.worker, key, &json!({"direction": key})).await.must(201);
    }
    f.set_clock("2026-06-02T08:00:00Z");
    f
}

async fn counted(f: &Fixture) -> (Value, Value, Value) {
    let day = f.workdays(&f.world.worker, "from=2026-06-01&to=2026-06-01").await[0].clone();
    (day["overtime_minutes"].clone(), day["overtime_approved_minutes"].clone(), day["paid_minutes"].clone())
}

async fn asked(f: &Fixture, minutes: u32) -> String {
    let body = json!({"work_date": "2026-06-01", "minutes": minutes, "reason": "Stocktaking"});
    let made = f.post(&f.world.worker, "/overtime-requests", &body).await.must(201);
    assert_eq!((&made["status"], &made["minutes"]), (&json!("pending"), &json!(minutes)));
    made["overtime_request_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn overtime_counts_up_to_what_was_approved_and_no_more_than_was_worked() {
    let f = stayed(true).await;
    let World { manager, worker, .. } = f.world.clone();
    assert_eq!(counted(&f).await, (json!(120), json!(0), json!(480)));
    let id = asked(&f, 30).await;
    assert_eq!(counted(&f).await.1, json!(0), "asked for is not approved");
    f.post(&manager, &format!("/overtime-requests/{id}/approve"), &json!({})).await.must(200);
    assert_eq!(counted(&f).await, (json!(120), json!(30), json!(510)));
    let more = asked(&f, 60).await;
    f.post(&manager, &format!("/overtime-requests/{more}/approve"), &json!({})).await.must(200);
    assert_eq!(counted(&f).await, (json!(120), json!(90), json!(570)), "of one day they add up");
    let too_much = asked(&f, 600).await;
    f.post(&manager, &format!("/overtime-requests/{too_much}/approve"), &json!({})).await.must(200);
    assert_eq!(counted(&f).await, (json!(120), json!(120), json!(600)));
    let rejected = asked(&f, 600).await;
    f.post(&manager, &format!("/overtime-requests/{rejected}/reject"), &json!({})).await.must(200);
    let listed = f.get(&worker, "/overtime-requests?status=rejected").await.must(200);
    assert_eq!(listed["items"][0]["overtime_request_id"], json!(rejected));
    f.post(&worker, &format!("/overtime-requests/{id}/cancel"), &json!({})).await.refused(409, "already_decided");
}

#[tokio::test]
async fn approved_overtime_is_withdrawn_by_whoever_may_decide_it_until_the_day_is_locked() {
    let f = stayed(true).await;
    let World { manager, worker, owner, .. } = f.world.clone();
    let cancel =
        async |who, id: &str| f.post(who, &format!("/overtime-requests/{id}/cancel"), &json!({"note": "Less"})).await;
    let [too_much, less] = [asked(&f, 90).await, asked(&f, 20).await];
    cancel(&manager, &too_much).await.refused(403, "forbidden");
    f.post(&manager, &format!("/overtime-requests/{too_much}/approve"), &json!({})).await.must(200);
    assert_eq!(counted(&f).await, (json!(120), json!(90), json!(570)));
    cancel(&worker, &too_much).await.refused(409, "already_decided");
    let withdrawn = cancel(&manager, &too_much).await.must(200);
    let said: Vec<_> = withdrawn["decisions"].as_array().unwrap().iter().map(|one| one["verdict"].clone()).collect();
    assert_eq!((&withdrawn["status"], said), (&json!("cancelled"), vec![json!("approved"), json!("cancelled")]));
    assert_eq!(counted(&f).await, (json!(120), json!(0), json!(480)));
    cancel(&manager, &too_much).await.refused(409, "already_decided");
    // Another one says how much does count, and stays once it was paid.
    f.post(&owner, &format!("/overtime-requests/{less}/approve"), &json!({})).await.must(200);
    assert_eq!(counted(&f).await, (json!(120), json!(20), json!(500)));
    f.set_clock("2026-06-08T08:00:00Z");
    let period = f.post(&owner, "/periods", &json!({"from": "2026-06-01", "to": "2026-06-07"})).await.must(201);
    let period = format!("/periods/{}", period["period_id"].as_str().unwrap());
    let lock = f.by(&owner).post(&f.world.path(&format!("{period}/lock"))).header("if-match", "\"1\"");
    send(lock).await.must(200);
    cancel(&manager, &less).await.refused(409, "period_locked");
    assert_eq!(f.get(&worker, &format!("/overtime-requests/{less}")).await.must(200)["status"], "approved");
}

#[tokio::test]
async fn where_the_shift_does_not_ask_for_approval_all_of_it_counts() {
    let f = stayed(false).await;
    assert_eq!(counted(&f).await, (json!(120), json!(120), json!(600)));
}

#[tokio::test]
async fn of_many_who_decide_at_once_exactly_one_is_heard_and_the_day_says_the_same() {
    let f = stayed(true).await;
    let World { manager, worker, .. } = f.world.clone();
    let mut counts = 0;
    for _ in 0..4 {
        let id = asked(&f, 20).await;
        let path = |how: &str| format!("/overtime-requests/{id}/{how}");
        let (approve, cancel, empty) = (path("approve"), path("cancel"), json!({}));
        let (yes, back) = tokio::join!(f.post(&manager, &approve, &empty), f.post(&worker, &cancel, &empty));
        assert!([(200, 409), (409, 200)].contains(&(yes.status, back.status)), "{} {}", yes.status, back.status);
        counts += if yes.status == 200 { 20 } else { 0 };
        assert_eq!(counted(&f).await.1, json!(counts));
    }
}

#[tokio::test]
async fn what_cannot_be_asked_for_is_named() {
    let f = stayed(true).await;
    let fields = |found: Vec<(String, String)>| found.into_iter().map(|(pointer, _)| pointer).collect::<Vec<_>>();
    for (minutes, date) in [(0, "2024-01-01"), (1_441, "2027-12-01"), (u32::MAX, "9999-01-01")] {
        let body = json!({"work_date": date, "minutes": minutes, "reason": " "});
        let found = fields(f.post(&f.world.worker, "/overtime-requests", &body).await.bad_fields());
        assert_eq!(found, ["/work_date", "/minutes", "/reason"], "{body}");
    }
    let body = json!({"work_date": "2026-06-01", "minutes": -1, "reason": "R"});
    f.post(&f.world.worker, "/overtime-requests", &body).await.refused(400, "malformed_input");
    let of_owner = json!({
        "work_date": "2026-06-01", "minutes": 1, "reason": "R", "employee_id": f.world.owner.employee_id
    });
    f.post(&f.world.worker, "/overtime-requests", &of_owner).await.refused(403, "forbidden");
    assert_eq!(f.get(&f.world.worker, "/overtime-requests").await.must(200)["items"], json!([]));
}

#[tokio::test]
async fn what_is_asked_for_again_after_midnight_is_the_same_request() {
    let f = stayed(true).await;
    for (path, id, body) in [
        ("/overtime-requests", "overtime_request_id", json!({"work_date": "2025-04-28", "minutes": 5, "reason": "R"})),
        (
            "/corrections",
            "correction_id",
            json!({"work_date": "2025-04-28", "reason": "R", "changes": [{"add": {"at": "2025-04-28T08:00:00Z"}}]}),
        ),
    ] {
        let ask = async |key: &str| {
            let request = f.by(&f.world.worker).post(&f.world.path(path)).header("idempotency-key", key);
            send(request.json(&body)).await
        };
        f.set_clock("2026-06-02T21:00:00Z");
        let made = ask(path).await.must(201);
        f.set_clock("2026-06-02T23:00:00Z");
        assert_eq!(ask("anew").await.bad_fields()[0].0, "/work_date", "by now it is too long ago");
        let again = ask(path).await;
        assert_eq!(again.header("idempotency-replayed"), "true");
        assert_eq!(again.must(201)[id], made[id]);
    }
}
