//! `/devices`, and what they punch.

use crate::support::{Fixture, Reply, assignment, employee, event, send, site};
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::Text;
use jiff::civil::date;
use rollcall_org_api::events::SITE_CHANGED;
use rollcall_org_api::facts::EmployeeFact;
use serde_json::{Value, json};

/// A device and its secret.
struct Terminal {
    id: String,
    secret: String,
}

#[derive(QueryableByName)]
struct StoredKey {
    #[diesel(sql_type = Text)]
    key: String,
}

async fn add(f: &Fixture, change: Value) -> Terminal {
    let mut body = json!({"name": "Door", "kind": "terminal", "site_id": f.world.berlin.site_id});
    body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    let made = f.post(&f.world.owner, "/devices", &body).await.must(201);
    let text = |field: &str| made[field].as_str().unwrap().to_owned();
    Terminal { id: text("device_id"), secret: text("secret") }
}

async fn post(f: &Fixture, secret: &str, suffix: &str, body: &Value) -> Reply {
    send(f.service.with_token(secret).post(&f.world.path(suffix)).json(body)).await
}

async fn beat(f: &Fixture, terminal: &Terminal) -> Value {
    post(f, &terminal.secret, "/devices/current/heartbeat", &json!({})).await.must(200)
}

/// The status of the worker's first of June.
async fn status(f: &Fixture) -> String {
    let days = f.workdays(&f.world.worker, "from=2026-06-01&to=2026-06-01").await;
    days[0]["status"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_device_punches_for_the_people_of_its_site_and_for_nobody_else() {
    let f = Fixture::start().await;
    let munich = site("Munich", "Europe/Berlin");
    f.tell(&[event(f.world.org.org_id, SITE_CHANGED, 1, &munich)]).await;
    let stranger = employee("9", f.world.team.unit_id, munich.site_id, vec![]);
    f.tell_employee(&stranger).await;
    let terminal = add(&f, json!({})).await;
    assert!(terminal.secret.starts_with("rcd_"));
    let of = |who: &EmployeeFact| json!({"employee_id": who.employee_id, "source": "web"});
    let made = post(&f, &terminal.secret, "/punches", &of(&f.world.worker)).await.must(201);
    assert_eq!((&made["source"], &made["device_id"]), (&json!("device"), &json!(terminal.id)));
    assert_eq!(made["recorded_by"], json!(f.world.worker.employee_id));
    let field = |code: &str| [("/employee_id".to_owned(), code.to_owned())];
    assert_eq!(post(&f, &terminal.secret, "/punches", &of(&stranger)).await.bad_fields(), field("not_on_device"));
    assert_eq!(post(&f, &terminal.secret, "/punches", &json!({})).await.bad_fields(), field("required"));

    // On the list is who may, wherever they work; off it is who may not.
    let kiosk = add(&f, json!({"kind": "kiosk", "allowed_employees": [stranger.employee_id]})).await;
    let made = post(&f, &kiosk.secret, "/punches", &of(&stranger)).await.must(201);
    assert_eq!(made["source"], "kiosk");
    let refused = post(&f, &kiosk.secret, "/punches", &of(&f.world.worker)).await;
    assert_eq!(refused.bad_fields(), field("not_on_device"));
    let nobody = add(&f, json!({"allowed_employees": []})).await;
    let refused = post(&f, &nobody.secret, "/punches", &of(&f.world.worker)).await;
    assert_eq!(refused.bad_fields(), field("not_on_device"));
}

#[tokio::test]
async fn beside_whose_punch_it_is_a_device_is_told_all_else_that_is_wrong() {
    let f = Fixture::start().await;
    let w = &f.world;
    let mut berlin = w.berlin.clone();
    (berlin.allowed_networks, berlin.version) = (vec!["203.0.113.0/24".to_owned()], 2);
    let munich = site("Munich", "Europe/Berlin");
    f.tell(&[event(w.org.org_id, SITE_CHANGED, 2, &berlin), event(w.org.org_id, SITE_CHANGED, 1, &munich)]).await;
    let rules = format!("/sites/{}/punch-rules", berlin.site_id);
    f.put_at(&w.owner, &rules, 0, &json!({"networks": "refuse"})).await.must(200);
    let stranger = employee("9", w.team.unit_id, munich.site_id, vec![]);
    f.tell_employee(&stranger).await;
    let terminal = add(&f, json!({})).await;
    let stranger = json!(stranger.employee_id);
    for (whose, code) in [(Some(&stranger), "not_on_device"), (None, "required")] {
        let mut wrong = json!({"at": "2026-06-01T09:03:00Z", "latitude": 91, "longitude": 13, "note": " "});
        wrong.as_object_mut().unwrap().extend(whose.map(|id| ("employee_id".to_owned(), id.clone())));
        let found = post(&f, &terminal.secret, "/punches", &wrong).await.bad_fields();
        let expected = [
            ("/employee_id", code),
            ("/at", "at_out_of_window"),
            ("/latitude", "out_of_range"),
            ("/note", "length"),
            ("", "outside_network"),
        ];
        assert_eq!(found, expected.map(|(pointer, code)| (pointer.to_owned(), code.to_owned())));
        wrong["idempotency_key"] = json!("1");
        let answer = post(&f, &terminal.secret, "/punches/batch", &json!({"punches": [wrong]})).await.must(200);
        let errors = answer["items"][0]["problem"]["errors"].as_array().unwrap();
        let pointers: Vec<_> = errors.iter().map(|error| error["pointer"].as_str().unwrap()).collect();
        assert_eq!(pointers, expected.map(|(pointer, _)| pointer));
    }
}

#[tokio::test]
async fn the_going_of_a_last_night_is_taken_where_the_night_was_worked() {
    let f = Fixture::start().await;
    let terminal = add(&f, json!({})).await;
    let leaves = |number: &str, last: jiff::civil::Date| {
        let mut person = employee(number, f.world.team.unit_id, f.world.berlin.site_id, vec![]);
        person.left_on = Some(last);
        person
    };
    let today = f.service.clock.now().to_zoned(jiff::tz::TimeZone::get("Europe/Berlin").unwrap()).date();
    let yesterday = leaves("10", today.yesterday().unwrap());
    let before = leaves("11", today.yesterday().unwrap().yesterday().unwrap());
    f.tell_employee(&yesterday).await;
    f.tell_employee(&before).await;
    let of = |who: &EmployeeFact| json!({"employee_id": who.employee_id, "direction": "out"});
    post(&f, &terminal.secret, "/punches", &of(&yesterday)).await.must(201);
    let refused = post(&f, &terminal.secret, "/punches", &of(&before)).await;
    assert_eq!(refused.bad_fields(), [("/employee_id".to_owned(), "not_on_device".to_owned())]);
}

#[tokio::test]
async fn a_punch_at_a_device_is_judged_by_the_site_where_the_device_hangs() {
    let f = Fixture::start().await;
    let mut munich = site("Munich", "Europe/Berlin");
    munich.allowed_networks = vec!["203.0.113.0/24".to_owned()];
    f.tell(&[event(f.world.org.org_id, SITE_CHANGED, 1, &munich)]).await;
    let rules = format!("/sites/{}/punch-rules", munich.site_id);
    f.put_at(&f.world.owner, &rules, 0, &json!({"networks": "refuse"})).await.must(200);
    let guest = employee("9", f.world.team.unit_id, munich.site_id, vec![]);
    f.tell_employee(&guest).await;
    let kiosk = add(&f, json!({"kind": "kiosk", "allowed_employees": [guest.employee_id]})).await;
    let made = post(&f, &kiosk.secret, "/punches", &json!({"employee_id": guest.employee_id})).await.must(201);
    assert_eq!(made["site_id"], json!(f.world.berlin.site_id));
    assert_eq!(made["exceptions"], json!([]));
}

#[tokio::test]
async fn a_device_may_do_nothing_else_and_its_secret_is_worth_nothing_once_it_is_replaced_or_switched_off() {
    let f = Fixture::start().await;
    let owner = &f.world.owner;
    let terminal = add(&f, json!({})).await;
    let with = f.service.with_token(&terminal.secret);
    for path in ["/punches", "/workdays?from=2026-06-01&to=2026-06-01", "/devices", "/shifts"] {
        send(with.get(&f.world.path(path))).await.refused(401, "not_signed_in");
    }
    let elsewhere = format!("/api/attendance/v1/orgs/{}/punches", rollcall_ids::OrgId::generate());
    send(with.post(&elsewhere).json(&json!({}))).await.refused(401, "not_signed_in");
    let people = f.by(owner).post(&f.world.path("/devices/current/heartbeat"));
    send(people).await.refused(401, "not_signed_in");

    let path = format!("/devices/{}", terminal.id);
    let read = f.get(owner, &path).await;
    assert_eq!(read.header("etag"), "\"1\"");
    assert!(!read.body.to_string().contains("secret"), "{:#}", read.body);
    let rotate = f.by(owner).post(&f.world.path(&format!("{path}/rotate-secret")));
    send(rotate).await.refused(428, "if_match_required");
    let rotate = f.by(owner).post(&f.world.path(&format!("{path}/rotate-secret"))).header("if-match", "\"1\"");
    let fresh = send(rotate).await.must(200)["secret"].as_str().unwrap().to_owned();
    let punch = json!({"employee_id": f.world.worker.employee_id});
    post(&f, &terminal.secret, "/punches", &punch).await.refused(401, "not_signed_in");
    post(&f, &fresh, "/punches", &punch).await.must(201);
    let off = json!({"name": "Door", "site_id": f.world.berlin.site_id, "disabled": true});
    f.put_at(owner, &path, 1, &off).await.refused(412, "version_mismatch");
    assert_eq!(f.put_at(owner, &path, 2, &off).await.must(200)["disabled"], true);
    post(&f, &fresh, "/punches", &punch).await.refused(401, "not_signed_in");
    for who in [&f.world.manager, &f.world.worker] {
        f.get(who, "/devices").await.refused(403, "forbidden");
        f.put_at(who, &path, 3, &off).await.refused(403, "forbidden");
    }
}

#[tokio::test]
async fn a_device_sends_what_it_kept_while_offline_in_one_batch_and_again_without_harm() {
    let f = Fixture::start().await;
    let terminal = add(&f, json!({})).await;
    let id = f.world.worker.employee_id;
    let item = |key: &str, at: &str| json!({"idempotency_key": key, "employee_id": id, "at": at});
    let batch = json!({"punches": [
        item("1", "2026-05-31T16:00:00Z"), item("2", "2026-05-31T07:00:00Z"), item("3", "2026-05-01T07:00:00Z"),
        {"idempotency_key": "4", "employee_id": rollcall_ids::EmployeeId::generate()},
    ]});
    // Org is away: whether it knows the fourth cannot be said, and the others do not wait for that.
    for verdict in ["created", "duplicate"] {
        let answer = post(&f, &terminal.secret, "/punches/batch", &batch).await.must(200);
        let seen: Vec<_> = answer["items"].as_array().unwrap().iter().map(|item| item["verdict"].clone()).collect();
        assert_eq!(seen, [verdict, verdict, "rejected", "rejected"].map(|v| json!(v)), "{answer:#}");
        assert_eq!(answer["items"][0]["punch"]["offline"], true);
    }
}

/// Sends one punch of the worker, whose time is left to the server, under a key.
async fn keyed(f: &Fixture, terminal: &Terminal, key: &str) -> Reply {
    let request = f.service.with_token(&terminal.secret).post(&f.world.path("/punches")).header("idempotency-key", key);
    send(request.json(&json!({"employee_id": f.world.worker.employee_id}))).await
}

/// The same in a batch: the verdicts, of rejected ones the codes, and the punches.
async fn in_a_batch(f: &Fixture, terminal: &Terminal, keys: &[&str]) -> Vec<(String, Value)> {
    let item = |key: &&str| json!({"idempotency_key": key, "employee_id": f.world.worker.employee_id});
    let batch = json!({"punches": keys.iter().map(item).collect::<Vec<_>>()});
    let answer = post(f, &terminal.secret, "/punches/batch", &batch).await.must(200);
    let items = answer["items"].as_array().unwrap().iter();
    let told = |item: &Value| item["problem"]["code"].as_str().or(item["verdict"].as_str()).unwrap().to_owned();
    items.map(|item| (told(item), item["punch"]["punch_id"].clone())).collect()
}

async fn punches_of_the_worker(f: &Fixture) -> usize {
    f.get(&f.world.worker, "/punches?limit=200").await.must(200)["items"].as_array().unwrap().len()
}

#[tokio::test]
async fn terminals_that_count_alike_have_a_punch_each_and_a_repetition_is_known_by_its_terminal() {
    let f = Fixture::start().await;
    let [one, other] = [add(&f, json!({})).await, add(&f, json!({"name": "Back"})).await];
    let first = keyed(&f, &one, "17").await.must(201)["punch_id"].clone();
    f.set_clock("2026-06-01T16:00:00Z");
    let second = keyed(&f, &other, "17").await.must(201)["punch_id"].clone();
    assert_ne!(first, second);
    // What a member chose is a key of theirs.
    f.punch(&f.world.worker, "17", &json!({})).await.must(201);
    for (terminal, punch) in [(&one, &first), (&other, &second)] {
        let again = keyed(&f, terminal, "17").await;
        assert_eq!(again.header("idempotency-replayed"), "true");
        assert_eq!(&again.must(200)["punch_id"], punch);
        let [again, new] = &in_a_batch(&f, terminal, &["17", "18"]).await[..] else { panic!("two items") };
        assert_eq!((again.0.as_str(), &again.1, new.0.as_str()), ("duplicate", punch, "created"));
    }
    assert_eq!(punches_of_the_worker(&f).await, 5);
}

#[tokio::test]
async fn a_terminal_that_loops_leaves_the_person_every_other_way_to_punch() {
    let f = crate::punches::three_at_once().await;
    let [loops, other] = [add(&f, json!({})).await, add(&f, json!({"name": "Back"})).await];
    for key in ["0", "1", "2"] {
        keyed(&f, &loops, key).await.must(201);
    }
    keyed(&f, &loops, "3").await.refused(429, "too_many_requests");
    let verdicts = async |terminal: &Terminal, keys: &[&str]| {
        let told = in_a_batch(&f, terminal, keys).await;
        told.into_iter().map(|(verdict, _)| verdict).collect::<Vec<_>>()
    };
    assert_eq!(verdicts(&loops, &["4", "0", "5"]).await, ["too_many_requests", "duplicate", "too_many_requests"]);
    let colleague = json!({"employee_id": f.world.manager.employee_id});
    post(&f, &loops.secret, "/punches", &colleague).await.must(201);
    // With a telephone, by the manager, and at the next door, which has an allowance of its own and no more.
    f.punch(&f.world.worker, "telephone", &json!({})).await.must(201);
    f.punch(&f.world.manager, "in their place", &json!({"employee_id": f.world.worker.employee_id})).await.must(201);
    let told = verdicts(&other, &["0", "1", "2", "3"]).await;
    assert_eq!(told, ["created", "created", "created", "too_many_requests"]);
    assert_eq!(punches_of_the_worker(&f).await, 3 + 2 + 3);
}

#[tokio::test]
async fn a_terminal_that_counts_anew_is_refused_by_name_where_the_server_says_the_time() {
    let f = Fixture::start().await;
    let terminal = add(&f, json!({})).await;
    let punch = keyed(&f, &terminal, "1").await.must(201)["punch_id"].clone();
    let dated = json!({"punches": [{"idempotency_key": "2", "employee_id": f.world.worker.employee_id,
        "at": "2026-06-01T08:59:00Z"}]});
    post(&f, &terminal.secret, "/punches/batch", &dated).await.must(200);
    // It may have been without a line for so long.
    f.set_clock("2026-06-04T09:00:00Z");
    assert_eq!(keyed(&f, &terminal, "1").await.must(200)["punch_id"], punch);
    f.set_clock("2026-06-04T09:00:01Z");
    keyed(&f, &terminal, "1").await.refused(422, "idempotency_key_reused");
    f.set_clock("2026-09-01T07:00:00Z");
    keyed(&f, &terminal, "1").await.refused(422, "idempotency_key_reused");
    let told = in_a_batch(&f, &terminal, &["1", "3"]).await;
    assert_eq!([told[0].0.as_str(), told[1].0.as_str()], ["idempotency_key_reused", "created"]);
    // What says its time is the same one for ever.
    let again = post(&f, &terminal.secret, "/punches/batch", &dated).await.must(200);
    assert_eq!(again["items"][0]["verdict"], "duplicate");
    assert_eq!(punches_of_the_worker(&f).await, 3);
}

#[tokio::test]
async fn a_punch_that_was_stored_before_devices_stood_in_keys_is_known_to_its_device_alone() {
    let f = Fixture::start().await;
    let [one, other] = [add(&f, json!({})).await, add(&f, json!({"name": "Back"})).await];
    let punch = keyed(&f, &one, "17").await.must(201)["punch_id"].clone();
    let mut admin = PgConnection::establish(&f.service.admin_url).unwrap();
    admin.batch_execute("UPDATE punches SET idempotency_key = '17'").unwrap();
    assert_eq!(keyed(&f, &one, "17").await.must(200)["punch_id"], punch);
    let told = in_a_batch(&f, &one, &["17", "18", "17"]).await;
    let verdicts: Vec<_> = told.iter().map(|(verdict, _)| verdict.as_str()).collect();
    assert_eq!(verdicts, ["duplicate", "created", "duplicate"]);
    assert_eq!((&told[0].1, &told[2].1), (&punch, &punch));
    let told = in_a_batch(&f, &other, &["17", "17"]).await;
    assert_eq!([told[0].0.as_str(), told[1].0.as_str()], ["created", "duplicate"]);
    assert_ne!(told[0].1, punch);
    f.set_clock("2026-09-01T07:00:00Z");
    keyed(&f, &one, "17").await.refused(422, "idempotency_key_reused");
}

#[tokio::test]
async fn nobody_makes_up_the_key_of_a_device() {
    let f = Fixture::start().await;
    let terminal = add(&f, json!({})).await;
    keyed(&f, &terminal, "1").await.must(201);
    let mut admin = PgConnection::establish(&f.service.admin_url).unwrap();
    let stored = "SELECT idempotency_key AS key FROM punches";
    let stored = diesel::sql_query(stored).get_result::<StoredKey>(&mut admin).unwrap().key;
    assert!(stored.starts_with(&terminal.id) && stored.ends_with('1'), "{stored:?}");
    let next = stored.strip_suffix('1').unwrap().to_owned() + "2";
    let batch = json!({"punches": [{"idempotency_key": next}]});
    let answer = f.post(&f.world.worker, "/punches/batch", &batch).await.must(200);
    assert_eq!(answer["items"][0]["problem"]["errors"][0]["code"], "malformed_key");
    reqwest::header::HeaderValue::from_str(&next).unwrap_err();
    let visible: String = next.chars().map(|c| if c.is_control() { ':' } else { c }).collect();
    f.punch(&f.world.worker, &visible, &json!({})).await.must(201);
    keyed(&f, &terminal, "2").await.must(201);
}

#[tokio::test]
async fn a_day_waits_until_every_device_of_the_site_has_reported() {
    let f = Fixture::start().await;
    let shift = f.day_shift().await;
    f.plan_team(&shift, "2026-05-01", "2026-06-30").await;
    let (owner, worker) = (f.world.owner.clone(), f.world.worker.clone());
    let [first, second] = [add(&f, json!({})).await, add(&f, json!({"name": "Back"})).await];
    // Days that were over before there was a device do not wait for it.
    let before = f.workdays(&worker, "from=2026-05-28&to=2026-05-28").await;
    assert_eq!(before[0]["status"], "absent");
    f.set_clock("2026-06-02T10:00:00Z");
    assert_eq!(status(&f).await, "pending");
    assert_eq!(beat(&f, &first).await["time_zone"], "Europe/Berlin");
    assert_eq!(status(&f).await, "pending", "the other one is silent");
    // It comes back with what it kept: known up to the newest of it, which is before the window's end.
    let late = json!({"punches": [{"idempotency_key": "1", "employee_id": worker.employee_id,
        "at": "2026-06-01T07:00:00Z"}]});
    post(&f, &second.secret, "/punches/batch", &late).await.must(200);
    assert_eq!(status(&f).await, "pending");
    beat(&f, &second).await;
    assert_eq!(status(&f).await, "incomplete");
    let read = f.get(&owner, &format!("/devices/{}", second.id)).await.must(200);
    assert_eq!(
        (&read["last_seen_at"], &read["reported_until"]),
        (&json!("2026-06-02T10:00:00Z"), &json!("2026-06-02T10:00:00Z"))
    );
    // One that is switched off is not waited for.
    f.set_clock("2026-06-03T10:00:00Z");
    beat(&f, &first).await;
    let second_of_june = async || {
        let days = f.workdays(&worker, "from=2026-06-02&to=2026-06-02").await;
        days[0]["status"].as_str().unwrap().to_owned()
    };
    assert_eq!(second_of_june().await, "pending");
    let off = json!({"name": "Back", "site_id": f.world.berlin.site_id, "disabled": true});
    f.put_at(&owner, &format!("/devices/{}", second.id), 1, &off).await.must(200);
    assert_eq!(second_of_june().await, "absent");
}

#[tokio::test]
async fn a_punch_that_is_sent_again_says_nothing_of_what_came_after_it() {
    let f = Fixture::start().await;
    let shift = f.day_shift().await;
    f.plan_team(&shift, "2026-05-01", "2026-06-30").await;
    f.set_clock("2026-06-01T07:00:00Z");
    let terminal = add(&f, json!({})).await;
    // Written down every two seconds.
    let reported_once_seen = async |at: &str| {
        for _ in 0..100 {
            let read = f.get(&f.world.owner, &format!("/devices/{}", terminal.id)).await.must(200);
            if read["last_seen_at"] == at {
                return read["reported_until"].clone();
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("nobody wrote down that it was heard of at {at}")
    };
    let punch = json!({"idempotency_key": "1", "employee_id": f.world.worker.employee_id, "direction": "in"});
    let batch = json!({"punches": [punch]});
    let first = post(&f, &terminal.secret, "/punches/batch", &batch).await.must(200);
    assert_eq!(first["items"][0]["punch"]["offline"], false, "{first:#}");
    assert_eq!(reported_once_seen("2026-06-01T07:00:00Z").await, "2026-06-01T07:00:00Z");
    // It starts anew with what it has kept, from the oldest on: the going of that evening is still to come.
    f.set_clock("2026-06-02T10:00:00Z");
    let again = post(&f, &terminal.secret, "/punches/batch", &batch).await.must(200);
    assert_eq!(again["items"][0]["verdict"], "duplicate");
    assert_eq!(reported_once_seen("2026-06-02T10:00:00Z").await, "2026-06-01T07:00:00Z");
    assert_eq!(status(&f).await, "pending");
}

#[tokio::test]
async fn what_is_wrong_with_a_device_is_named_and_pages_make_up_the_list() {
    let f = Fixture::start().await;
    let owner = &f.world.owner;
    let body = json!({"name": " ", "kind": "terminal", "site_id": rollcall_ids::SiteId::generate()});
    let found = f.post(owner, "/devices", &body).await.bad_fields();
    let expected = [("/name", "length"), ("/site_id", "unknown_site")];
    assert_eq!(found, expected.map(|(pointer, code)| (pointer.to_owned(), code.to_owned())));
    let body = json!({"name": "A", "kind": "toaster", "site_id": f.world.berlin.site_id});
    f.post(owner, "/devices", &body).await.refused(400, "malformed_input");
    for name in ["A", "B", "C"] {
        add(&f, json!({"name": name})).await;
    }
    let first = f.get(owner, "/devices?limit=2").await.must(200);
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = f.get(owner, &format!("/devices?limit=2&cursor={cursor}")).await.must(200);
    let items = [first["items"].as_array().unwrap().clone(), second["items"].as_array().unwrap().clone()].concat();
    let names: Vec<_> = items.iter().map(|device| device["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["A", "B", "C"]);
    assert!(items.iter().all(|device| device["time_zone"] == "Europe/Berlin" && device["last_seen_at"].is_null()));
}

#[tokio::test]
async fn whoever_moves_to_another_site_punches_there() {
    let f = Fixture::start().await;
    let munich = site("Munich", "Europe/Berlin");
    f.tell(&[event(f.world.org.org_id, SITE_CHANGED, 1, &munich)]).await;
    let terminal = add(&f, json!({"site_id": munich.site_id})).await;
    let mut worker = f.world.worker.clone();
    let punch = json!({"employee_id": worker.employee_id});
    post(&f, &terminal.secret, "/punches", &punch).await.refused(422, "invalid_input");
    worker.version = 2;
    worker.assignments[0].valid_to = Some(date(2026, 5, 31));
    worker.assignments.push(assignment(f.world.team.unit_id, munich.site_id, date(2026, 6, 1), None));
    f.tell_employee(&worker).await;
    post(&f, &terminal.secret, "/punches", &punch).await.must(201);
}

#[tokio::test]
async fn a_device_that_moves_reopens_no_day_of_the_site_it_moves_to() {
    let f = Fixture::start().await;
    let shift = f.day_shift().await;
    f.plan_team(&shift, "2026-05-01", "2026-06-30").await;
    let munich = site("Munich", "Europe/Berlin");
    f.tell(&[event(f.world.org.org_id, SITE_CHANGED, 1, &munich)]).await;
    f.set_clock("2026-05-20T08:00:00Z");
    let terminal = add(&f, json!({"site_id": munich.site_id})).await;
    f.set_clock("2026-06-03T08:00:00Z");
    assert_eq!(status(&f).await, "absent");
    let moved = json!({"name": "Door", "site_id": f.world.berlin.site_id});
    let path = format!("/devices/{}", terminal.id);
    let read = f.put_at(&f.world.owner, &path, 1, &moved).await.must(200);
    assert_eq!(read["reported_until"], "2026-06-03T08:00:00Z");
    assert_eq!(status(&f).await, "absent", "it ended before the device hung here");
    // From now on it is waited for, and a new name is no move.
    f.set_clock("2026-06-04T08:00:00Z");
    let named = json!({"name": "Front", "site_id": f.world.berlin.site_id});
    let read = f.put_at(&f.world.owner, &path, 2, &named).await.must(200);
    assert_eq!(read["reported_until"], "2026-06-03T08:00:00Z");
    let third = f.workdays(&f.world.worker, "from=2026-06-03&to=2026-06-03").await;
    assert_eq!(third[0]["status"], "pending");
    beat(&f, &terminal).await;
    let third = f.workdays(&f.world.worker, "from=2026-06-03&to=2026-06-03").await;
    assert_eq!(third[0]["status"], "absent");
}

#[tokio::test]
async fn two_thousand_devices_are_switched_on_at_most() {
    let f = Fixture::start().await;
    let spare = add(&f, json!({})).await;
    let with = |disabled: bool| json!({"name": "Spare", "site_id": f.world.berlin.site_id, "disabled": disabled});
    let at = format!("/devices/{}", spare.id);
    f.put_at(&f.world.owner, &at, 1, &with(true)).await.must(200);
    let mut admin = PgConnection::establish(&f.service.admin_url).unwrap();
    let many =
        "INSERT INTO devices (org_id, device_id, name, kind, site_id, secret_hash, version, created_at, created_by,
            reported_until)
        SELECT org_id, gen_random_uuid(), name, kind, site_id, sha256(n::text::bytea), 1, now(), created_by, now()
        FROM devices, generate_series(1, 1999) AS n";
    admin.batch_execute(many).unwrap();
    add(&f, json!({})).await;
    let too_many = |pointer: &str| [(pointer.to_owned(), "too_many".to_owned())];
    let body = json!({"name": "Door", "kind": "terminal", "site_id": f.world.berlin.site_id});
    assert_eq!(f.post(&f.world.owner, "/devices", &body).await.bad_fields(), too_many("/name"));
    assert_eq!(f.put_at(&f.world.owner, &at, 2, &with(false)).await.bad_fields(), too_many("/disabled"));
    f.put_at(&f.world.owner, &at, 2, &with(true)).await.must(200);
    admin.batch_execute("UPDATE devices SET disabled = true WHERE name = 'Door'").unwrap();
    f.put_at(&f.world.owner, &at, 3, &with(false)).await.must(200);
}
