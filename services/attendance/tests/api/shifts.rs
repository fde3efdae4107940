//! `/shifts`.

use crate::support::{Fixture, send};
use serde_json::{Value, json};

#[tokio::test]
async fn a_shift_comes_back_with_its_defaults() {
    let f = Fixture::start().await;
    let owner = &f.world.owner;
    let body = json!({"code": "NIGHT", "name": "Night", "start": "22:00", "end": "06:00", "grace_in": 5,
        "auto_break": {"after": 360, "minutes": 30}, "overtime": {"minimum": 15}});
    let made = f.post(owner, "/shifts", &body).await;
    assert_eq!(made.header("etag"), "\"1\"");
    let location = made.header("location").to_owned();
    let made = made.must(201);
    assert_eq!(made["opens_before"], 240);
    assert_eq!(made["debounce_seconds"], 60);
    assert_eq!(made["pairing"], "every_pair");
    assert_eq!(
        made["overtime"],
        json!({"counts_before": false, "counts_after": true, "minimum": 15, "requires_approval": false})
    );
    assert_eq!(send(f.by(owner).get(&location)).await.must(200), made);
}

#[tokio::test]
async fn a_code_is_taken_once_and_a_repetition_is_not_a_conflict() {
    let f = Fixture::start().await;
    let body = json!({"code": "A", "name": "A", "start": "09:00", "end": "17:00"});
    let post = || f.by(&f.world.owner).post(&f.world.path("/shifts")).header("idempotency-key", "k").json(&body);
    let first = send(post()).await.must(201);
    let again = send(post()).await;
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.must(201), first);
    f.post(&f.world.owner, "/shifts", &body).await.refused(409, "shift_code_taken");
}

#[tokio::test]
async fn a_change_is_a_new_version_from_a_date_and_the_past_stays_as_it_was_judged() {
    let f = Fixture::start().await;
    let (owner, worker) = (f.world.owner.clone(), f.world.worker.clone());
    let id = f.day_shift().await;
    f.plan_team(&id, "2026-05-25", "2026-06-30").await;
    let path = f.world.path(&format!("/shifts/{id}"));
    let change = json!({"code": "DAY", "name": "Day", "start": "10:00", "end": "18:00", "valid_from": "2026-06-01"});
    let put = |tag: Option<&str>| {
        let request = f.by(&owner).put(&path).json(&change);
        match tag {
            Some(tag) => request.header("if-match", tag),
            None => request,
        }
    };
    send(put(None)).await.refused(428, "if_match_required");
    send(put(Some("\"7\""))).await.refused(412, "version_mismatch");
    assert_eq!(send(put(Some("\"1\""))).await.must(200)["version"], 2);
    send(put(Some("\"1\""))).await.refused(412, "version_mismatch");
    let days = f.workdays(&worker, "from=2026-05-31&to=2026-06-01").await;
    assert_eq!(days[0]["planned_start"], "2026-05-31T07:00:00Z");
    assert_eq!(days[1]["planned_start"], "2026-06-01T08:00:00Z");
    let other_code = json!({"code": "X", "name": "Day", "start": "10:00", "end": "18:00"});
    let request = f.by(&owner).put(&path).json(&other_code).header("if-match", "\"2\"");
    assert_eq!(send(request).await.bad_fields(), [("/code".to_owned(), "immutable".to_owned())]);
}

#[tokio::test]
async fn a_code_that_was_changed_is_named_with_all_else_that_is_wrong() {
    let f = Fixture::start().await;
    let (owner, manager) = (&f.world.owner, &f.world.manager);
    let path = format!("/shifts/{}", f.day_shift().await);
    let one = |start: &str, end: &str| json!({"start": start, "end": end});
    let body = json!({"code": "X", "name": "", "start": "09:00", "end": "18:00", "grace_in": 241,
        "breaks": [one("08:30", "09:30"), one("09:15", "09:45"), one("09:45", "10:00")], "valid_from": "1899-12-31"});
    let found = f.put_at(owner, &path, 1, &body).await.bad_fields();
    let found: Vec<_> = found.iter().map(|(pointer, code)| (pointer.as_str(), code.as_str())).collect();
    let expected = [
        ("/code", "immutable"),
        ("/name", "length"),
        ("/breaks/0", "outside_shift"),
        ("/breaks/1", "overlap"),
        ("/grace_in", "out_of_range"),
        ("/valid_from", "date_out_of_range"),
    ];
    assert_eq!(found, expected);
    // Whether there is such a shift comes before what is wrong with it, and whether one may change it before both.
    let unknown = format!("/shifts/{}", rollcall_ids::ShiftId::generate());
    f.put_at(owner, &unknown, 1, &body).await.refused(404, "not_found");
    for (path, body) in [(&path, &body), (&unknown, &body), (&path, &json!({"code": 7}))] {
        f.put_at(manager, path, 1, body).await.refused(403, "forbidden");
    }
}

#[tokio::test]
async fn a_version_for_a_later_date_stays_until_one_for_that_date_or_a_later_one_is_made() {
    let f = Fixture::that_tells().await;
    let (owner, worker) = (f.world.owner.clone(), f.world.worker.clone());
    f.set_clock("2026-06-01T07:00:00Z");
    let id = f.day_shift().await;
    f.plan_team(&id, "2026-06-01", "2026-07-31").await;
    let change = async |version: i64, change: Value| {
        let mut body = json!({
            "code": "DAY", "name": "Day", "start": "09:00", "end": "18:00", "breaks": [{"start": "12:00", "end": "13:00"}],
        });
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        f.put_at(&owner, &format!("/shifts/{id}"), version, &body).await.must(200)
    };
    let told = || {
        let mut of_worker = f.told("attendance.roster.changed.v1");
        of_worker.retain(|data| data["employee_id"] == json!(worker.employee_id));
        let last = of_worker.last().unwrap().clone();
        (of_worker.len(), ["from", "to", "days"].map(|field| last[field].clone()))
    };
    let starts = async || {
        let days = f.workdays(&worker, "from=2026-06-14&to=2026-07-01").await;
        let roster = f.get(&worker, "/roster?from=2026-06-14&to=2026-07-01").await.must(200);
        [0, 1, 16, 17].map(|n: usize| {
            let wall = roster["items"][n]["start"].as_str().unwrap().to_owned();
            // Berlin is two hours ahead.
            let hour: u32 = wall[..2].parse().unwrap();
            let planned = days[n]["planned_start"].as_str().unwrap();
            assert!(planned.ends_with(&format!("T{:02}:00:00Z", hour - 2)), "{planned} is not {wall}");
            wall
        })
    };

    change(1, json!({"start": "10:00", "end": "19:00", "valid_from": "2026-07-01"})).await;
    let (before, _) = told();
    // Without a date it holds from today on: other rules, of which nobody is told.
    assert_eq!(change(2, json!({"grace_in": 5})).await["valid_from"], "2026-06-01");
    assert_eq!(starts().await, ["09:00", "09:00", "09:00", "10:00"]);
    assert_eq!(told().0, before);
    change(3, json!({"start": "08:00", "valid_from": "2026-06-15"})).await;
    assert_eq!(starts().await, ["09:00", "08:00", "08:00", "10:00"]);
    assert_eq!(told(), (before + 1, [json!("2026-06-15"), json!("2026-06-30"), json!(16)]));
    change(4, json!({"start": "11:00", "end": "20:00", "valid_from": "2026-07-01"})).await;
    assert_eq!(starts().await, ["09:00", "08:00", "08:00", "11:00"]);

    let path = format!("/shifts/{id}/versions");
    let first = f.get(&worker, &format!("{path}?limit=3")).await.must(200);
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = f.get(&worker, &format!("{path}?limit=3&cursor={cursor}")).await.must(200);
    assert!(second["next_cursor"].is_null());
    let items = [first["items"].as_array().unwrap().clone(), second["items"].as_array().unwrap().clone()].concat();
    let seen: Vec<_> = items.iter().map(|one| (one["version"].as_i64().unwrap(), one["valid_from"].as_str())).collect();
    let july = Some("2026-07-01");
    assert_eq!(seen, [(5, july), (2, july), (4, Some("2026-06-15")), (3, Some("2026-06-01")), (1, None)]);
    assert_eq!(f.get(&worker, &format!("/shifts/{id}")).await.must(200), items[0], "the newest is what was made last");
    let unknown = format!("/shifts/{}/versions", rollcall_ids::ShiftId::generate());
    f.get(&worker, &unknown).await.refused(404, "not_found");
}

#[tokio::test]
async fn pages_make_up_the_list_each_shift_once_in_its_newest_version() {
    let f = Fixture::start().await;
    for code in ["C", "A", "B"] {
        let body = json!({"code": code, "name": code, "start": "09:00", "end": "17:00"});
        let made = f.post(&f.world.owner, "/shifts", &body).await.must(201);
        let change = json!({"code": code, "name": "New", "start": "08:00", "end": "16:00"});
        let path = f.world.path(&format!("/shifts/{}", made["shift_id"].as_str().unwrap()));
        send(f.by(&f.world.owner).put(&path).header("if-match", "\"1\"").json(&change)).await.must(200);
    }
    let first = f.get(&f.world.worker, "/shifts?limit=2").await.must(200);
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = f.get(&f.world.worker, &format!("/shifts?limit=2&cursor={cursor}")).await.must(200);
    let items = [first["items"].as_array().unwrap().clone(), second["items"].as_array().unwrap().clone()].concat();
    let seen: Vec<_> = items.iter().map(|s| (s["code"].as_str().unwrap(), s["version"].as_i64().unwrap())).collect();
    assert_eq!(seen, [("A", 2), ("B", 2), ("C", 2)]);
    assert!(second["next_cursor"].is_null());
}

#[tokio::test]
async fn a_shift_may_be_split_at_midnight() {
    let f = Fixture::start().await;
    let (owner, worker) = (f.world.owner.clone(), f.world.worker.clone());
    let body = json!({"code": "NIGHT", "name": "Night", "start": "22:00", "end": "06:00", "split_at_midnight": true});
    let made = f.post(&owner, "/shifts", &body).await.must(201);
    assert_eq!(made["split_at_midnight"], true);
    f.plan_team(made["shift_id"].as_str().unwrap(), "2026-06-01", "2026-06-01").await;
    for (clock, key) in [("2026-06-01T20:00:00Z", "in"), ("2026-06-02T04:30:00Z", "out")] {
        f.set_clock(clock);
        f.punch(&worker, key, &json!({})).await.must(201);
    }
    f.set_clock("2026-06-03T12:00:00Z");
    let days = f.workdays(&worker, "from=2026-06-01&to=2026-06-02").await;
    let minutes =
        |n: usize| ["planned_minutes", "worked_minutes", "overtime_minutes"].map(|field| days[n][field].clone());
    assert_eq!((minutes(0), &days[0]["status"]), ([120, 120, 0].map(|m| json!(m)), &json!("present")));
    assert_eq!((minutes(1), &days[1]["status"]), ([360, 390, 30].map(|m| json!(m)), &json!("rest_day")));
}
