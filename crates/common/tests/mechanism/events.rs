//! Events in and out.

use crate::probe::{self, Probe};
use crate::{Stage, eventually};
use jiff::SignedDuration;
use rollcall_common::events::CloudEvent;
use rollcall_common::restored::{Restored, apply};
use rollcall_common::server::Service as _;
use rollcall_ids::EventId;
use rollcall_stack::testing::set;
use serde_json::{Value, json};
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

const INTAKE: &str = "/internal/v1/events";
const BATCH: &str = "application/cloudevents-batch+json";

pub fn event(stage: &Stage, text: &str) -> Value {
    json!({
        "specversion": "1.0", "id": EventId::generate(), "source": "/rollcall/user", "type": "user.thing.v1",
        "subject": "x", "time": stage.service.clock.now(), "datacontenttype": "application/json",
        "orgid": stage.org, "data": text,
    })
}

pub async fn send(stage: &Stage, events: &[Value]) -> Value {
    let token = stage.service.keys.service_token("user", "org").unwrap();
    let request = stage.service.post(INTAKE).bearer_auth(token).header("content-type", BATCH);
    let answer = request.body(serde_json::to_vec(events).unwrap()).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.json().await.unwrap()
}

#[actix_web::test]
async fn an_event_has_its_effect_once_however_often_it_comes() {
    let stage = Stage::set().await;
    let one = event(&stage, "one");
    assert_eq!(send(&stage, std::slice::from_ref(&one)).await["results"][0]["verdict"], "applied");
    assert_eq!(send(&stage, &[one.clone(), one]).await["results"][1]["verdict"], "duplicate");
    assert_eq!(stage.listed().await, ["one"]);
}

#[actix_web::test]
async fn a_bad_event_holds_up_no_good_one_and_leaves_nothing_behind() {
    let stage = Stage::set().await;
    let mut forged = event(&stage, "forged");
    forged["source"] = "/rollcall/attendance".into();
    let mut odd = event(&stage, "odd");
    odd["data"] = json!({ "not": "text" });
    let answer = send(&stage, &[event(&stage, "poison"), forged, odd, event(&stage, "good")]).await;
    let verdicts: Vec<_> =
        answer["results"].as_array().unwrap().iter().map(|r| r["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["failed", "failed", "failed", "applied"]);
    assert_eq!(stage.listed().await, ["good"]);
}

#[actix_web::test]
async fn only_services_may_send_events() {
    let stage = Stage::set().await;
    let request = stage.service.as_user(stage.user).post(INTAKE).header("content-type", BATCH);
    assert_eq!(request.body("[]").send().await.unwrap().status(), 401);
}

/// A probe whose events go to `subscriber`, and to `other` if there is one.
async fn with_subscribers(subscriber: &MockServer, other: Option<&MockServer>) -> Stage {
    let url = subscriber.uri();
    Stage::with(|settings| {
        set(settings, "events.poll_ms", 50);
        set(settings, "events.subscribers.notification", "org.");
        set(settings, "peers.notification.url", url);
        if let Some(other) = other {
            set(settings, "events.subscribers.attendance", "org.");
            set(settings, "peers.attendance.url", other.uri());
        }
    })
    .await
}

async fn with_subscriber(subscriber: &MockServer) -> Stage {
    with_subscribers(subscriber, None).await
}

/// Takes every event but those whose text is `poison`.
fn take(request: &Request) -> ResponseTemplate {
    let events: Vec<CloudEvent> = serde_json::from_slice(&request.body).unwrap();
    let results: Vec<Value> = events
        .iter()
        .map(|event| match event.data.as_str() {
            Some("poison") => json!({ "id": event.id, "verdict": "failed", "code": "forbidden" }),
            _ => json!({ "id": event.id, "verdict": "applied" }),
        })
        .collect();
    ResponseTemplate::new(200).set_body_json(json!({ "results": results }))
}

async fn received(subscriber: &MockServer) -> Vec<CloudEvent> {
    let requests = subscriber.received_requests().await.unwrap();
    requests.iter().flat_map(|request| serde_json::from_slice::<Vec<CloudEvent>>(&request.body).unwrap()).collect()
}

async fn texts(subscriber: &MockServer) -> Vec<String> {
    received(subscriber).await.iter().map(|event| event.data.as_str().unwrap().to_owned()).collect()
}

#[actix_web::test]
async fn what_was_committed_is_sent_and_what_was_refused_is_not() {
    let subscriber = MockServer::start().await;
    Mock::given(path(INTAKE)).respond_with(take).mount(&subscriber).await;
    let stage = with_subscriber(&subscriber).await;
    stage.add("a", "key-1").await;
    stage.add("b", "key-1").await;
    stage.add("c", "key-2").await;
    eventually("both events", || async { (texts(&subscriber).await == ["a", "c"]).then_some(()) }).await;
    let request = &subscriber.received_requests().await.unwrap()[0];
    let events: Vec<CloudEvent> = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(
        (events[0].source.as_str(), events[0].orgid, events[0].aggregateversion),
        ("/rollcall/org", Some(stage.org), Some(1))
    );
}

#[actix_web::test]
async fn what_is_told_through_a_lane_is_sent_at_once_too() {
    let subscriber = MockServer::start().await;
    Mock::given(path(INTAKE)).respond_with(take).mount(&subscriber).await;
    let url = subscriber.uri();
    let stage = Stage::with(|settings| {
        set(settings, "events.poll_ms", 600_000);
        set(settings, "events.subscribers.notification", "org.");
        set(settings, "peers.notification.url", url);
    })
    .await;
    stage.add("first", "key-1").await;
    eventually("the first event", || async { (texts(&subscriber).await == ["first"]).then_some(()) }).await;
    stage.service.app().tell_beside("beside").await;
    eventually("what was told beside", || async { (texts(&subscriber).await == ["first", "beside"]).then_some(()) })
        .await;
}

#[actix_web::test]
async fn many_events_are_written_at_once_and_sent_in_their_order_to_those_who_want_them() {
    let subscriber = MockServer::start().await;
    Mock::given(path(INTAKE)).respond_with(take).mount(&subscriber).await;
    let stage = with_subscriber(&subscriber).await;
    let heard: Vec<String> = (0..2100).map(|number| format!("note {number}")).collect();
    let mut all = heard.clone();
    all.insert(7, "unheard".to_owned());
    let request = stage.service.as_user(stage.user).post(&format!("{}/batch", stage.notes()));
    let answer = request.json(&json!({ "texts": all })).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let ids: Vec<EventId> = answer.json().await.unwrap();
    let events =
        eventually("all", || async { Some(received(&subscriber).await).filter(|all| all.len() >= 2100) }).await;
    let sent: Vec<_> = events.iter().map(|event| event.data.as_str().unwrap()).collect();
    assert_eq!(sent, heard);
    let sent: Vec<_> = events.iter().map(|event| event.id).collect();
    assert_eq!([&ids[..7], &ids[8..]].concat(), sent, "the answered ids are those that are sent, in order");
}

#[actix_web::test]
async fn a_subscriber_that_was_away_gets_everything_in_order_once_it_is_back() {
    let subscriber = MockServer::start().await;
    Mock::given(path(INTAKE)).respond_with(ResponseTemplate::new(503)).up_to_n_times(3).mount(&subscriber).await;
    Mock::given(path(INTAKE)).respond_with(take).mount(&subscriber).await;
    let stage = with_subscriber(&subscriber).await;
    for text in ["1", "2", "3"] {
        stage.add(text, text).await;
    }
    let all = eventually("all events after the failures", || async {
        let all = texts(&subscriber).await;
        let last: Vec<_> = all.iter().rev().take(3).rev().cloned().collect();
        let requests = subscriber.received_requests().await.unwrap().len();
        (requests > 3 && last == ["1", "2", "3"]).then_some(all)
    })
    .await;
    assert!(all.len() >= 3);
}

#[actix_web::test]
async fn what_was_written_while_the_clock_was_ahead_is_sent_when_it_has_gone_back() {
    let subscriber = MockServer::start().await;
    Mock::given(path(INTAKE)).respond_with(ResponseTemplate::new(503)).up_to_n_times(1).mount(&subscriber).await;
    Mock::given(path(INTAKE)).respond_with(take).mount(&subscriber).await;
    let stage = with_subscriber(&subscriber).await;
    let ahead = SignedDuration::from_mins(10);
    stage.service.clock.advance(ahead);
    stage.add("early", "key").await;
    eventually("a refusal", || async { (!texts(&subscriber).await.is_empty()).then_some(()) }).await;
    stage.service.clock.advance(-ahead);
    // As an instance leaves it that dies while it sends.
    execute(&stage, "UPDATE outbox_deliveries SET leased_until = next_attempt_at").unwrap();
    let left = "DO $$ BEGIN ASSERT (SELECT count(*) FROM outbox_deliveries) = 0; END $$";
    eventually("taken", || async { execute(&stage, left).is_ok().then_some(()) }).await;
}

#[actix_web::test]
async fn an_event_that_cannot_be_applied_waits_alone_and_is_dead_after_three_days() {
    let subscriber = MockServer::start().await;
    Mock::given(path(INTAKE)).respond_with(take).mount(&subscriber).await;
    let stage = with_subscriber(&subscriber).await;
    stage.add("poison", "key-1").await;
    stage.add("after", "key-2").await;
    eventually("the good one", || async { texts(&subscriber).await.contains(&"after".to_owned()).then_some(()) }).await;
    let dead = "SELECT 1 / count(*) FROM outbox_deliveries WHERE state = 'dead' AND last_error = 'forbidden'";
    assert!(execute(&stage, dead).is_err(), "not dead at once");
    // Time alone does not kill it, refusals over three days do.
    stage.service.clock.advance(SignedDuration::from_hours(200));
    let again = "SELECT 1 / count(*) FROM outbox_deliveries WHERE state = 'pending' AND attempts = 2";
    eventually("a second refusal", || async { execute(&stage, again).is_ok().then_some(()) }).await;
    execute(&stage, "UPDATE outbox_deliveries SET attempts = 103").unwrap();
    stage.service.clock.advance(SignedDuration::from_hours(1));
    eventually("dead", || async { execute(&stage, dead).is_ok().then_some(()) }).await;
    execute(&stage, "SELECT 1 / count(*) FROM outbox").unwrap();
}

/// How many rows there are, of the outbox and of what is still to be delivered.
fn rows(stage: &Stage, outbox: usize, deliveries: usize) -> bool {
    let sql = format!(
        "DO $$ BEGIN ASSERT (SELECT count(*) FROM outbox) = {outbox} \
         AND (SELECT count(*) FROM outbox_deliveries) = {deliveries}; END $$"
    );
    execute(stage, &sql).is_ok()
}

#[actix_web::test]
async fn what_all_have_taken_is_kept_for_a_week_and_sent_again_to_a_subscriber_that_was_put_back() {
    let (one, other) = (MockServer::start().await, MockServer::start().await);
    for subscriber in [&one, &other] {
        Mock::given(path(INTAKE)).respond_with(take).mount(subscriber).await;
    }
    let stage = with_subscribers(&one, Some(&other)).await;
    for number in 0..60 {
        assert_eq!(stage.add("event", &number.to_string()).await.status(), 201);
    }
    eventually("all taken", || async { rows(&stage, 60, 0).then_some(()) }).await;
    assert_eq!((texts(&one).await.len(), texts(&other).await.len()), (60, 60));

    let core = stage.service.app().core().clone();
    let mut base = (*core.base).clone();
    base.database.owner_url = Some(stage.service.admin_url.parse().unwrap());
    let now = stage.service.clock.now();
    let mut put_back =
        Restored { services: ["notification".to_owned()].into(), lost_at: now, end_api_tokens: false, now };
    let done = apply::<Probe>(&base, &put_back).unwrap();
    assert_eq!(done, ["60 events are sent to notification again"]);
    eventually("all taken again", || async { (texts(&one).await.len() == 120 && rows(&stage, 60, 0)).then_some(()) })
        .await;
    let (before, again) = (received(&one).await[..60].to_vec(), received(&one).await[60..].to_vec());
    assert_eq!(before, again, "the same events, in the same order");
    assert_eq!(texts(&other).await.len(), 60, "the other one lacks nothing");
    // Put back together they agree: nothing is sent again.
    put_back.services.insert("org".to_owned());
    assert!(apply::<Probe>(&base, &put_back).unwrap().is_empty());
    assert!(rows(&stage, 60, 0));

    stage.service.clock.advance(SignedDuration::from_hours(7 * 24));
    core.forget_old().await;
    assert!(rows(&stage, 60, 0), "a week is not over before it is over");
    stage.service.clock.advance(SignedDuration::from_secs(1));
    core.forget_old().await;
    assert!(rows(&stage, 0, 0));
}

#[actix_web::test]
async fn what_holds_a_secret_leaves_the_outbox_with_the_last_who_takes_it() {
    let (one, other) = (MockServer::start().await, MockServer::start().await);
    Mock::given(path(INTAKE)).respond_with(take).mount(&one).await;
    let away = Mock::given(path(INTAKE)).respond_with(ResponseTemplate::new(503)).mount_as_scoped(&other).await;
    let stage = with_subscribers(&one, Some(&other)).await;
    let mut told: Vec<String> = (0..60).map(|number| format!("secret {number}")).collect();
    told.push("plain".to_owned());
    let request = stage.service.as_user(stage.user).post(&format!("{}/batch", stage.notes()));
    let answer = request.json(&json!({ "texts": told })).send().await.unwrap();
    let ids: Vec<EventId> = answer.json().await.unwrap();
    eventually("the first has taken all", || async { rows(&stage, 61, 61).then_some(()) }).await;
    assert_eq!(texts(&one).await, told, "and one is left to be told of them");

    // Given up is over, too.
    let first = ids[0].to_string();
    execute(&stage, &format!("UPDATE outbox_deliveries SET state = 'dead' WHERE event_id = '{first}'")).unwrap();
    assert_eq!(command(&stage, &["discard", &first]).await, "1 discarded");
    assert!(rows(&stage, 60, 60), "it is gone with its last letter");

    drop(away);
    Mock::given(path(INTAKE)).respond_with(take).mount(&other).await;
    eventually("what is no secret is kept", || async { rows(&stage, 1, 0).then_some(()) }).await;
    let core = stage.service.app().core().clone();
    let mut base = (*core.base).clone();
    base.database.owner_url = Some(stage.service.admin_url.parse().unwrap());
    let now = stage.service.clock.now();
    let put_back = Restored { services: ["notification".to_owned()].into(), lost_at: now, end_api_tokens: false, now };
    assert_eq!(apply::<Probe>(&base, &put_back).unwrap(), ["1 events are sent to notification again"]);
    eventually("taken again", || async { rows(&stage, 1, 0).then_some(()) }).await;

    // What a release left that kept it.
    let left = "INSERT INTO outbox (event_id, kind, subject, data, occurred_at)
        SELECT gen_random_uuid(), 'org.secret.told.v1', 'note', '\"secret\"', occurred_at FROM outbox";
    execute(&stage, left).unwrap();
    assert!(rows(&stage, 2, 0));
    core.forget_old().await;
    assert!(rows(&stage, 1, 0));
}

#[actix_web::test]
async fn of_two_who_take_a_secret_side_by_side_one_is_the_last() {
    let (one, other) = (MockServer::start().await, MockServer::start().await);
    for subscriber in [&one, &other] {
        Mock::given(path(INTAKE)).respond_with(take).mount(subscriber).await;
    }
    let stage = with_subscribers(&one, Some(&other)).await;
    for round in 0..20 {
        let texts: Vec<String> = (0..5).map(|number| format!("secret {round} {number}")).collect();
        let request = stage.service.as_user(stage.user).post(&format!("{}/batch", stage.notes()));
        assert_eq!(request.json(&json!({ "texts": texts })).send().await.unwrap().status(), 200);
        eventually("nothing is left", || async { rows(&stage, 0, 0).then_some(()) }).await;
    }
}

#[actix_web::test]
async fn what_the_mechanism_keeps_ends() {
    let stage = Stage::set().await;
    stage.add("kept", "key").await;
    send(&stage, &[event(&stage, "heard")]).await;
    let of_both = "DO $$ BEGIN ASSERT (SELECT count(*) FROM idempotency_keys) = 1
         AND (SELECT count(*) FROM consumed_events) = 1 AND (SELECT count(*) FROM revocations) = 1; END $$";
    let later = SignedDuration::from_hours(24) - SignedDuration::from_secs(1);
    let revocation = format!(
        "INSERT INTO revocations VALUES ('session', gen_random_uuid(), gen_random_uuid(), now(), '{}', now())",
        stage.service.clock.now() + later + SignedDuration::from_secs(1)
    );
    execute(&stage, &revocation).unwrap();
    let core = stage.service.app().core().clone();
    stage.service.clock.advance(later);
    core.forget_old().await;
    execute(&stage, of_both).unwrap();
    stage.service.clock.advance(SignedDuration::from_secs(2));
    core.forget_old().await;
    let no_keys = of_both.replace("idempotency_keys) = 1", "idempotency_keys) = 0");
    execute(&stage, &no_keys).unwrap();
    // Ended sessions stay a day longer than their tokens: the clock may have been ahead.
    stage.service.clock.advance(SignedDuration::from_hours(24));
    core.forget_old().await;
    let none_but_ids = no_keys.replace("revocations) = 1", "revocations) = 0");
    execute(&stage, &none_but_ids).unwrap();
    stage.service.clock.advance(SignedDuration::from_hours(30 * 24));
    core.forget_old().await;
    execute(&stage, &none_but_ids.replace("consumed_events) = 1", "consumed_events) = 0")).unwrap();
}

#[actix_web::test]
async fn a_batch_that_is_refused_as_a_whole_is_taken_apart() {
    let subscriber = MockServer::start().await;
    let picky = |request: &Request| match serde_json::from_slice::<Vec<CloudEvent>>(&request.body).unwrap() {
        events if events.iter().any(|event| event.data == "odd") => ResponseTemplate::new(400),
        _ => take(request),
    };
    Mock::given(path(INTAKE)).respond_with(ResponseTemplate::new(503)).up_to_n_times(1).mount(&subscriber).await;
    Mock::given(path(INTAKE)).respond_with(picky).mount(&subscriber).await;
    let stage = with_subscriber(&subscriber).await;
    for text in ["1", "odd", "2", "3"] {
        stage.add(text, text).await;
    }
    let only_odd = "DO $$ BEGIN ASSERT (SELECT array_agg(data #>> '{}') FROM outbox JOIN outbox_deliveries \
        USING (event_id)) = '{odd}'; END $$";
    eventually("all but the odd one taken", || async { execute(&stage, only_odd).is_ok().then_some(()) }).await;
}

#[actix_web::test]
async fn a_service_speaks_for_itself_alone() {
    let stage = Stage::set().await;
    let mut borrowed = event(&stage, "borrowed");
    borrowed["type"] = "attendance.thing.v1".into();
    assert_eq!(send(&stage, &[borrowed]).await["results"][0]["verdict"], "failed");
    assert!(stage.listed().await.is_empty());
}

pub fn execute(stage: &Stage, sql: &str) -> Result<(), diesel::result::Error> {
    use diesel::connection::SimpleConnection as _;
    use diesel::{Connection as _, PgConnection};
    PgConnection::establish(&stage.service.admin_url).unwrap().batch_execute(sql)
}

#[actix_web::test]
async fn what_hangs_at_the_subscriber_waits_alone_in_the_end() {
    let subscriber = MockServer::start().await;
    // A batch with the poison in it never gets an answer that says anything of the others.
    let choking = |request: &Request| match serde_json::from_slice::<Vec<CloudEvent>>(&request.body).unwrap() {
        events if events.iter().any(|event| event.data == "poison") => ResponseTemplate::new(500),
        _ => take(request),
    };
    Mock::given(path(INTAKE)).respond_with(choking).mount(&subscriber).await;
    let ready =
        Mock::given(path("/readyz")).respond_with(ResponseTemplate::new(503)).mount_as_scoped(&subscriber).await;
    let stage = with_subscriber(&subscriber).await;
    let texts = ["1", "2", "poison", "3", "poison", "4"];
    let request = stage.service.as_user(stage.user).post(&format!("{}/batch", stage.notes()));
    assert_eq!(request.json(&json!({ "texts": texts })).send().await.unwrap().status(), 200);
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    let accused =
        "DO $$ BEGIN ASSERT (SELECT count(*) FROM outbox_deliveries WHERE last_error IS NOT NULL) = 0; END $$";
    execute(&stage, accused).unwrap();
    drop(ready);
    Mock::given(path("/readyz")).respond_with(ResponseTemplate::new(200)).mount(&subscriber).await;
    let left =
        "DO $$ BEGIN ASSERT (SELECT array_agg(last_error) FROM outbox_deliveries) = '{no_answer,no_answer}'; END $$";
    eventually("only the poison is left", || async { execute(&stage, left).is_ok().then_some(()) }).await;
}

#[actix_web::test]
async fn a_subscriber_that_says_not_now_or_not_you_has_accused_nobody() {
    // Overloaded; its clock or its keys differ; a release without the path.
    for status in [503, 401, 404] {
        let subscriber = MockServer::start().await;
        let away = Mock::given(path(INTAKE)).respond_with(ResponseTemplate::new(status)).mount_as_scoped(&subscriber);
        let away = away.await;
        Mock::given(path("/readyz")).respond_with(ResponseTemplate::new(200)).mount(&subscriber).await;
        let stage = with_subscriber(&subscriber).await;
        stage.add("innocent", "key").await;
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        let asked = away.received_requests().await.len();
        assert!((2..10).contains(&asked), "{status}: {asked} requests in two seconds");
        let clean =
            "DO $$ BEGIN ASSERT (SELECT bool_and(attempts <= 1 AND last_error IS NULL) FROM outbox_deliveries); END $$";
        execute(&stage, clean).unwrap();
        drop(away);
        Mock::given(path(INTAKE)).respond_with(take).mount(&subscriber).await;
        let left = "DO $$ BEGIN ASSERT (SELECT count(*) FROM outbox_deliveries) = 0; END $$";
        eventually("taken", || async { execute(&stage, left).is_ok().then_some(()) }).await;
    }
}

#[actix_web::test]
async fn a_batch_that_the_database_gave_up_is_taken_one_by_one() {
    let stage = Stage::set().await;
    let events = ["one", "quarrel", "three"].map(|text| event(&stage, text));
    let answer = send(&stage, &events).await;
    let verdicts = answer["results"].as_array().unwrap().iter().filter(|result| result["verdict"] == "applied");
    assert_eq!(verdicts.count(), 3);
    assert_eq!(stage.listed().await.len(), 3);
}

#[actix_web::test]
async fn an_event_that_takes_longer_than_a_statement_may_is_judged_by_itself_alone() {
    let stage = Stage::with(|settings| set(settings, "database.statement_timeout_ms", 300)).await;
    let (good, endless) = (event(&stage, "good"), event(&stage, "endless"));
    let answer = send(&stage, std::slice::from_ref(&endless)).await;
    assert_eq!(answer["results"][0]["verdict"], "failed");
    let token = stage.service.keys.service_token("user", "org").unwrap();
    let request = stage.service.post(INTAKE).bearer_auth(token).header("content-type", BATCH);
    let answer = request.body(serde_json::to_vec(&[endless, good.clone()]).unwrap()).send().await.unwrap();
    assert_eq!(answer.status(), 503, "among others it says nothing");
    send(&stage, &[good]).await;
    assert_eq!(stage.listed().await, ["good"]);
}

#[actix_web::test]
async fn two_instances_share_the_sending_and_send_nothing_twice() {
    let subscriber = MockServer::start().await;
    Mock::given(path(INTAKE)).respond_with(take).mount(&subscriber).await;
    let stage = with_subscriber(&subscriber).await;
    let other = stage.service.another_instance().await;
    for batch in 0..20 {
        let texts: Vec<String> = (0..50).map(|number| format!("{batch}-{number}")).collect();
        let request = stage.service.as_user(stage.user).post(&format!("{}/batch", stage.notes()));
        assert_eq!(request.json(&json!({ "texts": texts })).send().await.unwrap().status(), 200);
    }
    let left = "DO $$ BEGIN ASSERT (SELECT count(*) FROM outbox_deliveries) = 0; END $$";
    eventually("all taken", || async { execute(&stage, left).is_ok().then_some(()) }).await;
    let sent = texts(&subscriber).await;
    let different: std::collections::BTreeSet<_> = sent.iter().collect();
    assert_eq!((sent.len(), different.len()), (1000, 1000), "each was claimed by one of them");
    other.stop().await.unwrap();
}

#[actix_web::test]
async fn batches_that_come_at_the_same_time_and_overlap_have_their_effect_once() {
    let stage = Stage::set().await;
    let events: Vec<Value> = (0..60).map(|number| event(&stage, &format!("{number:02}"))).collect();
    let reversed: Vec<Value> = events.iter().rev().cloned().collect();
    let sends = [&events[..40], &events[20..], &reversed[..40], &reversed[..], &events[..]];
    let answers = futures_util::future::join_all(sends.map(|batch| send(&stage, batch))).await;
    let verdicts = answers.iter().flat_map(|answer| answer["results"].as_array().unwrap());
    assert_eq!(verdicts.filter(|result| result["verdict"] == "applied").count(), 60);
    let mut listed = stage.listed().await;
    listed.sort();
    let expected: Vec<String> = (0..60).map(|number| format!("{number:02}")).collect();
    assert_eq!(listed, expected);
}

/// What `events …` answers.
async fn command(stage: &Stage, arguments: &[&str]) -> String {
    use rollcall_common::cli::events;
    use rollcall_common::server::Service as _;
    let core = stage.service.app().core();
    let options = events::command().try_get_matches_from([&["events"], arguments].concat()).unwrap();
    events::answer(&core.db, &core.clock, &[probe::SECRET], &options).await.unwrap_or_else(|error| error.to_string())
}

#[actix_web::test]
async fn a_dead_event_is_listed_shown_and_sent_again() {
    let subscriber = MockServer::start().await;
    let refusing = Mock::given(path(INTAKE)).respond_with(take).mount_as_scoped(&subscriber).await;
    let stage = with_subscriber(&subscriber).await;
    assert!(command(&stage, &["list"]).await.contains("0 events"));
    stage.add("poison", "key-1").await;
    let refused = "SELECT 1 / count(*) FROM outbox_deliveries WHERE attempts = 1 AND last_error = 'forbidden'";
    eventually("refused", || async { execute(&stage, refused).is_ok().then_some(()) }).await;
    assert!(command(&stage, &["list"]).await.contains("0 events"), "it is tried again");
    execute(&stage, "UPDATE outbox_deliveries SET attempts = 103").unwrap();
    stage.service.clock.advance(SignedDuration::from_hours(2));
    eventually("dead", || async { command(&stage, &["list"]).await.contains("1 events").then_some(()) }).await;
    let listed: Value = serde_json::from_str(&command(&stage, &["list", "--json"]).await).unwrap();
    assert_eq!((&listed[0]["state"], &listed[0]["last_error"]), (&json!("dead"), &json!("forbidden")));
    assert_eq!((&listed[0]["subscriber"], &listed[0]["data"]), (&json!("notification"), &Value::Null));
    let id = listed[0]["event_id"].as_str().unwrap();
    let shown = command(&stage, &["show", id]).await;
    assert!(shown.contains("org.note.added.v1") && shown.contains("\"poison\""), "{shown}");
    let metrics = eventually("told", || async {
        let metrics = stage.service.get("/internal/metrics").send().await.unwrap().text().await.unwrap();
        metrics.contains("event_deliveries_dead{subscriber=\"notification\"} 1").then_some(metrics)
    })
    .await;
    assert!(metrics.contains("event_delivery_lag_seconds{subscriber=\"notification\"} 0"), "{metrics}");
    drop(refusing);
    let taking = |request: &Request| {
        let events: Vec<CloudEvent> = serde_json::from_slice(&request.body).unwrap();
        let results: Vec<_> = events.iter().map(|event| json!({ "id": event.id, "verdict": "applied" })).collect();
        ResponseTemplate::new(200).set_body_json(json!({ "results": results }))
    };
    Mock::given(path(INTAKE)).respond_with(taking).mount(&subscriber).await;
    assert_eq!(command(&stage, &["replay", "--all", "--subscriber", "org", "--json"]).await, "{\"replayed\":0}");
    assert_eq!(command(&stage, &["replay", id]).await, "1 to be sent again");
    eventually("taken", || async { command(&stage, &["show", id]).await.contains("no such event").then_some(()) })
        .await;
}
