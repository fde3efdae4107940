//! `/punches`.

use crate::support::{Fixture, send};
use diesel::prelude::*;
use diesel::sql_types::{Jsonb, Text};
use jiff::SignedDuration;
use rollcall_stack::testing::{TestService, set};
use serde_json::{Value, json};

#[tokio::test]
async fn a_punch_is_one_s_own_and_now_unless_said() {
    let f = Fixture::start().await;
    let punch = f.punch(&f.world.worker, "k", &json!({})).await.must(201);
    assert_eq!(punch["employee_id"], json!(f.world.worker.employee_id));
    assert_eq!(punch["at"], "2026-06-01T09:00:00Z");
    assert_eq!(
        (&punch["direction"], &punch["source"], &punch["offline"]),
        (&json!("auto"), &json!("web"), &json!(false))
    );
    assert_eq!(punch["site_id"], json!(f.world.berlin.site_id));
    assert_eq!(punch["exceptions"], json!([]));
}

#[tokio::test]
async fn a_key_holds_for_ever() {
    let f = Fixture::start().await;
    let worker = f.world.worker.clone();
    let body = json!({"at": "2026-06-01T08:59:59.123456789Z", "direction": "in", "note": "front door"});
    let first = f.punch(&worker, "k", &body).await.must(201);
    assert_eq!(first["at"], "2026-06-01T08:59:59.123456Z");
    // Long after the hour in which it would be accepted, in another order of fields.
    f.service.clock.advance(SignedDuration::from_hours(24 * 365));
    let same = json!({"note": "front door", "direction": "in", "at": "2026-06-01T10:59:59.123456789+02:00"});
    let again = f.punch(&worker, "k", &same).await;
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.must(200), first);
    f.punch(&worker, "k", &json!({"direction": "out"})).await.refused(422, "idempotency_key_reused");
    // The key of somebody else is another key.
    f.punch(&f.world.manager, "k", &json!({"direction": "out"})).await.must(201);
    assert_eq!(f.get(&worker, "/punches").await.must(200)["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_a_member_repeats_without_a_time_is_the_same_punch_however_late() {
    let f = Fixture::start().await;
    let (manager, worker) = (f.world.manager.clone(), f.world.worker.clone());
    let first = f.punch(&worker, "k", &json!({"direction": "in"})).await.must(201);
    let for_worker = json!({"employee_id": worker.employee_id});
    let other = f.punch(&manager, "for the worker", &for_worker).await.must(201);
    let item = json!({"idempotency_key": "k", "direction": "in"});
    // An app that was stored on Monday and was not told so, and is opened again on Friday or next year.
    for hours in [72, 1, 24 * 365] {
        f.service.clock.advance(SignedDuration::from_hours(hours));
        assert_eq!(f.punch(&worker, "k", &json!({"direction": "in"})).await.must(200), first);
        assert_eq!(f.punch(&manager, "for the worker", &for_worker).await.must(200), other);
        let answer = f.post(&worker, "/punches/batch", &json!({"punches": [item]})).await.must(200);
        assert_eq!((&answer["items"][0]["verdict"], &answer["items"][0]["punch"]), (&json!("duplicate"), &first));
    }
    f.punch(&worker, "k", &json!({"direction": "out"})).await.refused(422, "idempotency_key_reused");
    assert_eq!(f.get(&worker, "/punches").await.must(200)["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn the_same_punch_sent_many_times_at_once_is_stored_once() {
    let f = Fixture::start().await;
    let body = json!({"direction": "in"});
    let replies = futures_util::future::join_all((0..12).map(|_| f.punch(&f.world.worker, "k", &body))).await;
    let created = replies.iter().filter(|reply| reply.status == 201).count();
    let replayed = replies.iter().filter(|reply| reply.status == 200).count();
    assert_eq!((created, replayed), (1, 11));
    let ids: std::collections::HashSet<_> = replies.iter().map(|reply| reply.body["punch_id"].to_string()).collect();
    assert_eq!(ids.len(), 1);
}

#[tokio::test]
async fn a_punch_may_lie_72_hours_back_and_two_minutes_ahead() {
    let f = Fixture::start().await;
    let now = f.service.clock.now();
    let (worker, owner) = (f.world.worker.clone(), f.world.owner.clone());
    let minutes = SignedDuration::from_mins;
    let import = json!("import");
    for (who, source, at, status, offline) in [
        (&worker, json!("web"), now - minutes(1), 201, json!(false)),
        (&worker, json!("web"), now - minutes(3), 201, json!(true)),
        (&worker, json!("mobile"), now - minutes(72 * 60), 201, json!(true)),
        (&worker, json!("mobile"), now - minutes(72 * 60 + 1), 422, Value::Null),
        (&worker, json!("web"), now + minutes(2), 201, json!(false)),
        (&worker, json!("web"), now + minutes(3), 422, Value::Null),
        (&owner, import.clone(), now - minutes(400 * 24 * 60), 201, json!(false)),
        (&owner, import.clone(), now - minutes(400 * 24 * 60 + 1), 422, Value::Null),
        (&owner, import.clone(), now + minutes(3), 422, Value::Null),
    ] {
        let reply = f.post(who, "/punches", &json!({"at": at, "source": source})).await;
        assert_eq!((reply.status, reply.body["offline"].clone()), (status, offline), "{source} {at}: {:#}", reply.body);
        if status == 422 {
            assert_eq!(reply.body["errors"][0]["code"], "at_out_of_window");
        }
    }
}

#[tokio::test]
async fn on_behalf_it_says_who_recorded_it() {
    let f = Fixture::start().await;
    let body = json!({"employee_id": f.world.worker.employee_id, "at": "2026-06-01T06:00:00Z"});
    let punch = f.punch(&f.world.manager, "k", &body).await.must(201);
    assert_eq!(punch["employee_id"], json!(f.world.worker.employee_id));
    assert_eq!(punch["recorded_by"], json!(f.world.manager.employee_id));
    assert_eq!(f.get(&f.world.worker, "/punches").await.must(200)["items"][0], punch);
}

#[derive(QueryableByName)]
struct Outgoing {
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Jsonb)]
    data: Value,
}

#[tokio::test]
async fn outside_the_geofence_it_is_accepted_noted_and_told_once() {
    let service = TestService::with(|settings| {
        set(settings, "events.subscribers.notification", vec!["attendance.".to_owned()]);
        set(settings, "peers.notification.url", "http://127.0.0.1:9");
        set(settings, "peers.notification.public_key", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    });
    let f = Fixture::on(service.await).await;
    let inside = json!({"latitude": 52.5201, "longitude": 13.4050});
    let outside = json!({"latitude": 52.53, "longitude": 13.404_954});
    let near = f.punch(&f.world.worker, "near", &inside).await.must(201);
    assert_eq!(near["exceptions"], json!([]));
    for status in [201, 200] {
        let far = f.punch(&f.world.worker, "far", &outside).await.must(status);
        assert_eq!(far["exceptions"], json!([{"code": "outside_geofence", "distance_m": 1111}]));
    }
    let day = &f.workdays(&f.world.worker, "from=2026-06-01&to=2026-06-01").await[0];
    assert_eq!(day["exceptions"][0]["code"], "outside_geofence");

    let mut admin = PgConnection::establish(&f.service.admin_url).unwrap();
    let told: Vec<Outgoing> = diesel::sql_query("SELECT kind, data FROM outbox").load(&mut admin).unwrap();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].kind, "attendance.punch.outside_geofence.v1");
    let data = &told[0].data;
    assert_eq!(data["employee_name"], "Employee 3");
    assert_eq!(data["manager_id"], json!(f.world.manager.employee_id));
    assert_eq!((&data["site_name"], &data["time_zone"]), (&json!("Berlin"), &json!("Europe/Berlin")));
    assert_eq!(data["distance_m"], 1111);
}

#[tokio::test]
async fn a_bad_item_of_a_batch_does_not_hold_back_a_good_one() {
    let f = Fixture::start().await;
    let owner = f.world.owner.clone();
    let worker = f.world.worker.employee_id;
    f.punch(&owner, "stored", &json!({"direction": "in"})).await.must(201);
    let batch = json!({"punches": [
        {"idempotency_key": "a", "employee_id": worker, "at": "2026-06-01T07:00:00Z", "source": "import"},
        {"idempotency_key": "b", "at": "2020-01-01T00:00:00Z"},
        {"idempotency_key": "c", "direction": "sideways"},
        {"at": "2026-06-01T07:00:00Z"},
        7,
        {"idempotency_key": "stored", "direction": "in"},
        {"idempotency_key": "stored", "direction": "out"},
        {"idempotency_key": "a", "employee_id": worker, "at": "2026-06-01T07:00:00Z", "source": "import"},
        {"idempotency_key": "d", "colour": "red"},
        {"idempotency_key": "e", "employee_id": worker, "at": "2025-06-01T07:00:00Z", "source": "import"},
    ]});
    let answer = f.post(&owner, "/punches/batch", &batch).await.must(200);
    let verdict = |item: &Value| {
        let problem = &item["problem"];
        let pointer = problem["errors"][0]["pointer"].as_str().unwrap_or("");
        format!("{} {} {pointer}", item["verdict"].as_str().unwrap(), problem["code"].as_str().unwrap_or("-"))
    };
    let verdicts: Vec<_> = answer["items"].as_array().unwrap().iter().map(verdict).collect();
    assert_eq!(
        verdicts,
        [
            "created - ",
            "rejected invalid_input /at",
            "rejected malformed_input /direction",
            "rejected malformed_input /idempotency_key",
            "rejected malformed_input /idempotency_key",
            "duplicate - ",
            "rejected idempotency_key_reused ",
            "duplicate - ",
            "rejected malformed_input /colour",
            "created - ",
        ]
    );
    assert_eq!(answer["items"][0]["punch"], answer["items"][7]["punch"]);
    let again = f.post(&owner, "/punches/batch", &batch).await.must(200);
    assert_eq!(again["items"][0]["verdict"], "duplicate");
    assert_eq!(f.get(&f.world.worker, "/punches").await.must(200)["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn an_item_about_somebody_else_or_nobody_holds_back_no_item_of_ones_own() {
    // Org is away: who is not known here cannot be asked for.
    let f = Fixture::start().await;
    let own = json!({"idempotency_key": "own", "direction": "in"});
    let foreign = json!({"idempotency_key": "foreign", "employee_id": f.world.owner.employee_id});
    let zero = json!({"idempotency_key": "a\u{0}b"});
    let unknown = json!({"idempotency_key": "unknown", "employee_id": rollcall_ids::EmployeeId::generate()});
    let verdicts = |answer: &Value| {
        let items = answer["items"].as_array().unwrap().iter();
        items.map(|item| format!("{} {}", item["verdict"], item["problem"]["status"])).collect::<Vec<_>>()
    };
    let batch = json!({"punches": [own, foreign, zero]});
    let answer = f.post(&f.world.worker, "/punches/batch", &batch).await.must(200);
    assert_eq!(verdicts(&answer), ["\"created\" null", "\"rejected\" 403", "\"rejected\" 400"]);
    let batch = json!({"punches": [own, unknown]});
    let answer = f.post(&f.world.owner, "/punches/batch", &batch).await.must(200);
    assert_eq!(verdicts(&answer), ["\"created\" null", "\"rejected\" 503"]);
}

#[tokio::test]
async fn a_batch_holds_500_and_no_more() {
    let f = Fixture::start().await;
    let owner = f.world.owner.clone();
    let batch = |items: u32| {
        let at = |n: u32| jiff::Timestamp::from_second(1_780_000_000 + i64::from(n) * 60).unwrap();
        let item = |n| json!({"idempotency_key": format!("k{n}"), "at": at(n), "source": "import"});
        json!({"punches": (0..items).map(item).collect::<Vec<_>>()})
    };
    let answer = f.post(&owner, "/punches/batch", &batch(500)).await.must(200);
    assert!(answer["items"].as_array().unwrap().iter().all(|item| item["verdict"] == "created"));
    for wrong in [0, 501] {
        let found = f.post(&owner, "/punches/batch", &batch(wrong)).await.bad_fields();
        assert_eq!(found, [("/punches".to_owned(), "length".to_owned())], "{wrong}");
    }
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = f.get(&owner, &format!("/punches?limit=200{cursor}")).await.must(200);
        seen.extend(page["items"].as_array().unwrap().iter().map(|punch| punch["at"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), 500);
    assert!(seen.is_sorted_by(|earlier, later| earlier > later), "newest first");
}

#[tokio::test]
async fn dates_of_the_list_are_those_of_the_site() {
    let f = Fixture::start().await;
    // In Berlin it is 23:30 on the 31st of May and 00:30 on the first of June.
    for at in ["2026-05-31T21:30:00Z", "2026-05-31T22:30:00Z"] {
        f.post(&f.world.worker, "/punches", &json!({"at": at})).await.must(201);
    }
    let count = async |query: &str| {
        f.get(&f.world.worker, &format!("/punches?{query}")).await.must(200)["items"].as_array().unwrap().len()
    };
    assert_eq!(count("from=2026-06-01&to=2026-06-01").await, 1);
    assert_eq!(count("from=2026-05-31&to=2026-05-31").await, 1);
    assert_eq!(count("from=2026-06-02").await, 0);
}

#[tokio::test]
async fn a_key_that_is_none_is_refused() {
    let f = Fixture::start().await;
    let request = f.by(&f.world.worker).post(&f.world.path("/punches"));
    let long = request.header("idempotency-key", "x".repeat(201)).json(&json!({}));
    let problem = send(long).await.refused(400, "malformed_input");
    assert_eq!(problem["errors"][0]["pointer"], "Idempotency-Key");
}

/// Of one person three punches are stored at once from one device or from none, and one more each hour.
pub(crate) async fn three_at_once() -> Fixture {
    let service = TestService::with(|settings| {
        set(settings, "punches.person_at_once", 3);
        set(settings, "punches.person_per_day", 24);
    });
    Fixture::on(service.await).await
}

#[tokio::test]
async fn of_one_person_so_many_are_stored_and_repetitions_are_answered_all_the_same() {
    let f = three_at_once().await;
    let (owner, manager, worker) = (&f.world.owner, &f.world.manager, &f.world.worker);
    let first = f.punch(worker, "0", &json!({})).await.must(201);
    // What was there before takes nothing.
    for _ in 0..5 {
        f.punch(worker, "0", &json!({})).await.must(200);
        f.punch(worker, "0", &json!({"direction": "in"})).await.refused(422, "idempotency_key_reused");
    }
    for key in ["1", "2"] {
        f.punch(worker, key, &json!({})).await.must(201);
    }
    let refused = f.punch(worker, "3", &json!({})).await;
    assert_eq!(refused.header("retry-after"), "3601");
    refused.refused(429, "too_many_requests");
    let for_worker = json!({"employee_id": worker.employee_id});
    f.post(manager, "/punches", &for_worker).await.refused(429, "too_many_requests");
    assert_eq!(f.punch(worker, "0", &json!({})).await.must(200), first);
    f.punch(worker, "0", &json!({"direction": "in"})).await.refused(422, "idempotency_key_reused");
    // Nobody else pays for it, and who may import brings what there is.
    f.punch(manager, "0", &json!({})).await.must(201);
    for n in 0..5 {
        let at = format!("2026-05-0{}T07:00:00Z", n + 1);
        let import = json!({"employee_id": worker.employee_id, "at": at, "source": "import"});
        f.punch(owner, &format!("import-{n}"), &import).await.must(201);
    }
    f.service.clock.advance(SignedDuration::from_hours(1));
    f.punch(worker, "3", &json!({})).await.must(201);
    f.punch(worker, "4", &json!({})).await.refused(429, "too_many_requests");
}

#[tokio::test]
async fn in_a_batch_what_is_too_much_is_rejected_by_itself_and_repetitions_take_no_room() {
    let f = three_at_once().await;
    let (manager, worker) = (&f.world.manager, &f.world.worker);
    let item = |whose: &rollcall_org_api::facts::EmployeeFact, key: &str| json!({"idempotency_key": key, "employee_id": whose.employee_id});
    for key in ["a", "b"] {
        f.punch(manager, key, &json!({"employee_id": worker.employee_id})).await.must(201);
    }
    let batch = json!({"punches": [
        item(worker, "a"), item(worker, "b"), item(worker, "c"), item(worker, "d"), item(manager, "own"),
    ]});
    let verdicts = async || {
        let answer = f.post(manager, "/punches/batch", &batch).await.must(200);
        let of = |item: &Value| item["problem"]["status"].as_u64().map_or(item["verdict"].clone(), Value::from);
        answer["items"].as_array().unwrap().iter().map(of).collect::<Vec<_>>()
    };
    let (stored, new, much) = (json!("duplicate"), json!("created"), json!(429));
    assert_eq!(verdicts().await, [stored.clone(), stored.clone(), new.clone(), much.clone(), new.clone()]);
    assert_eq!(verdicts().await, [stored.clone(), stored.clone(), stored.clone(), much, stored.clone()]);
    f.service.clock.advance(SignedDuration::from_hours(1));
    assert_eq!(verdicts().await, [stored.clone(), stored.clone(), stored.clone(), new, stored]);
}
