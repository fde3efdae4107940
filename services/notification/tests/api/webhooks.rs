//! Webhooks: what is sent, how it is signed, and what each answer leads to.

use crate::endpoint::{Behaviour, Endpoint};
use crate::support::{PATIENCE, World};
use diesel::{Connection as _, PgConnection};
use jiff::SignedDuration;
use reqwest::StatusCode;
use rollcall_notification::webhooks::queue::{self, Portion};
use rollcall_notification::webhooks::signature::Secret;
use rollcall_notification_api::webhooks::{Webhook, WebhookDelivery, WebhookSecrets};
use rollcall_stack::testing::set;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// The owner may do everything with webhooks, and endpoints on this machine are let through.
pub(crate) async fn world(timeout_seconds: i64) -> World {
    let world = World::with(|settings| {
        set(settings, "webhooks.allow_http", true);
        set(settings, "webhooks.allowed_networks", vec!["127.0.0.0/8"]);
        set(settings, "webhooks.timeout_seconds", timeout_seconds);
    })
    .await;
    admit(&world).await;
    world
}

/// Gives the owner the rights that org would.
pub(crate) async fn admit(world: &World) {
    let mut fact = world.employee_fact(world.owner, 2, true, &["owner"]);
    fact["grants"][0]["permissions"] = json!(["webhooks.read", "webhooks.write"]);
    let event = world.event("org", "org.employee.changed.v1", &fact);
    assert_eq!(world.send("org", &[event]).await.len(), 1);
}

pub(crate) fn path(world: &World, rest: &str) -> String {
    format!("/api/notification/v1/orgs/{}/webhooks{rest}", world.org_id)
}

pub(crate) async fn create(world: &World, url: &str, types: &[&str]) -> Webhook {
    let body = json!({ "url": url, "description": "Payroll", "event_types": types });
    let answer = world.service.as_user(world.owner.user_id).post(&path(world, "")).json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 201, "{}", answer.text().await.unwrap());
    answer.json().await.unwrap()
}

pub(crate) async fn read(world: &World, webhook: &Webhook) -> Webhook {
    let rest = format!("/{}", webhook.webhook_id);
    world.service.as_user(world.owner.user_id).get(&path(world, &rest)).send().await.unwrap().json().await.unwrap()
}

pub(crate) async fn post(world: &World, rest: &str, body: &Value) -> reqwest::Response {
    world.service.as_user(world.owner.user_id).post(&path(world, rest)).json(body).send().await.unwrap()
}

pub(crate) async fn secrets(world: &World, webhook: &Webhook) -> Vec<Secret> {
    let rest = format!("/{}/secrets", webhook.webhook_id);
    let answer = world.service.as_user(world.owner.user_id).get(&path(world, &rest)).send().await.unwrap();
    let secrets: WebhookSecrets = answer.json().await.unwrap();
    secrets.items.iter().map(|item| Secret::parse(&item.secret).unwrap()).collect()
}

pub(crate) async fn deliveries(world: &World, webhook: &Webhook) -> Vec<WebhookDelivery> {
    let rest = format!("/{}/deliveries", webhook.webhook_id);
    let answer = world.service.as_user(world.owner.user_id).get(&path(world, &rest)).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let page: Value = answer.json().await.unwrap();
    serde_json::from_value(page["items"].clone()).unwrap()
}

/// Waits until the newest delivery of a webhook is as wanted.
pub(crate) async fn delivery(
    world: &World,
    webhook: &Webhook,
    wanted: impl Fn(&WebhookDelivery) -> bool,
) -> WebhookDelivery {
    let started = Instant::now();
    loop {
        let found = deliveries(world, webhook).await.into_iter().next();
        match found {
            Some(found) if wanted(&found) => return found,
            other => assert!(started.elapsed() < PATIENCE, "{other:?}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub(crate) fn tried(attempts: i32) -> impl Fn(&WebhookDelivery) -> bool {
    move |delivery| delivery.attempts == attempts && delivery.request.is_some() && delivery.state != "delivered"
}

#[tokio::test]
async fn an_event_is_posted_with_a_signature_that_its_secret_verifies() {
    let world = world(5).await;
    let endpoint = Endpoint::start(Behaviour::Answers(200, "")).await;
    let webhook = create(&world, &endpoint.url, &[]).await;
    let other = create(&world, &endpoint.url, &["org.unit.changed.v1"]).await;
    let event = world.accepted();
    world.send("org", &[event.clone(), event.clone()]).await;

    let taken = endpoint.wait_for(1).await.remove(0);
    let body: Value = serde_json::from_str(&taken.body).unwrap();
    assert_eq!((&body["type"], &body["timestamp"]), (&event["type"], &event["time"]));
    assert_eq!((&body["data"]["employee_name"], &body["org_id"]), (&json!("Li Wei"), &event["orgid"]));
    assert_eq!(taken.id(), event["id"].as_str().unwrap());
    let second: i64 = taken.headers["webhook-timestamp"].parse().unwrap();
    assert_eq!(second, world.service.clock.clock().now().as_second());
    let [secret] = &secrets(&world, &webhook).await[..] else { panic!("one secret") };
    assert_eq!(taken.headers["webhook-signature"], secret.sign(taken.id(), second, taken.body.as_bytes()));

    let done = delivery(&world, &webhook, |delivery| delivery.state == "delivered").await;
    assert_eq!((done.attempts, done.payload.as_str()), (1, taken.body.as_str()));
    let (request, answer) = (done.request.unwrap(), done.answer.unwrap());
    assert_eq!(
        (request.url.as_str(), answer.status, answer.body.as_str()),
        (endpoint.url.as_str(), 200, "done\u{fffd}")
    );
    assert!(!request.headers.contains_key("webhook-signature") && !answer.headers.contains_key("set-cookie"));
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(endpoint.taken().len(), 1, "told twice, sent once");
    assert_eq!(deliveries(&world, &other).await, [], "of another type");
}

#[tokio::test]
async fn what_carries_a_secret_or_is_about_an_account_is_never_posted() {
    let world = world(5).await;
    let endpoint = Endpoint::start(Behaviour::Answers(200, "")).await;
    let webhook = create(&world, &endpoint.url, &[]).await;
    world.send("org", &[world.invited("wei@example.org", "en", "s3cret-token"), world.accepted()]).await;
    endpoint.wait_for(1).await;
    let kinds: Vec<_> = deliveries(&world, &webhook).await.into_iter().map(|delivery| delivery.event_type).collect();
    assert_eq!(kinds, ["org.invitation.accepted.v1"]);
    let sealed = format!(
        "SELECT count(*) FROM webhook_secrets WHERE position('{}'::bytea in sealed_secret) > 0",
        secrets(&world, &webhook).await[0]
            .bytes()
            .iter()
            .fold("\\x".to_owned(), |hex, byte| format!("{hex}{byte:02x}"))
    );
    assert_eq!(world.count(&sealed), 0, "secrets are sealed");
}

#[tokio::test]
async fn a_replaced_secret_signs_beside_the_new_one_for_a_day() {
    let world = world(5).await;
    let endpoint = Endpoint::start(Behaviour::Answers(204, "")).await;
    let webhook = create(&world, &endpoint.url, &[]).await;
    let rotate = format!("/{}/rotate-secret", webhook.webhook_id);
    let first = secrets(&world, &webhook).await;
    assert_eq!(post(&world, &rotate, &json!({})).await.status(), 200);
    let both = secrets(&world, &webhook).await;
    assert!(both.len() == 2 && both[1] == first[0]);

    world.send("org", &[world.accepted()]).await;
    let taken = endpoint.wait_for(1).await.remove(0);
    let second = taken.headers["webhook-timestamp"].parse().unwrap();
    let signed: Vec<_> = both.iter().map(|secret| secret.sign(taken.id(), second, taken.body.as_bytes())).collect();
    assert_eq!(taken.headers["webhook-signature"], signed.join(" "));

    world.service.clock.advance(SignedDuration::from_hours(24));
    assert!(secrets(&world, &webhook).await == both[..1], "after a day the new one alone");
    for _ in 0..4 {
        assert_eq!(post(&world, &rotate, &json!({ "overlap_seconds": 600 })).await.status(), 200);
    }
    let refused = post(&world, &rotate, &json!({})).await;
    assert_eq!(refused.status(), 409);
    assert_eq!(refused.json::<Value>().await.unwrap()["code"], "too_many_secrets");
    let own = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    assert_eq!(post(&world, &rotate, &json!({ "overlap_seconds": 0, "secret": own })).await.status(), 200);
    let left = secrets(&world, &webhook).await;
    assert!(left.len() == 1 && left[0].shown() == own, "given away: nothing before it signs any more");
}

#[tokio::test]
async fn whatever_goes_wrong_at_an_endpoint_is_a_failure_that_is_tried_again_by_the_ladder() {
    let world = world(1).await;
    let elsewhere = Endpoint::start(Behaviour::Answers(200, "")).await;
    let cases = [
        (Behaviour::Answers(500, ""), "answered 500"),
        (Behaviour::Answers(404, ""), "answered 404"),
        (Behaviour::Redirects(elsewhere.url.clone()), "answered 302"),
        (Behaviour::Closes, "the request failed"),
        (Behaviour::Hangs, "no answer within 1 s"),
    ];
    let mut webhooks = Vec::new();
    for (behaviour, error) in cases {
        let endpoint = Endpoint::start(behaviour).await;
        webhooks.push((create(&world, &endpoint.url, &[]).await, endpoint, error));
    }
    world.send("org", &[world.accepted()]).await;
    for (webhook, endpoint, error) in &webhooks {
        let failed = delivery(&world, webhook, tried(1)).await;
        assert!(failed.error.as_deref().unwrap().starts_with(error), "{failed:?}");
        assert!(!failed.error.unwrap().contains("key=s3cret"), "an error does not repeat the address");
        let wait = failed.next_attempt_at.unwrap().duration_since(world.service.clock.clock().now());
        assert!(wait >= SignedDuration::from_secs(5) && wait <= SignedDuration::from_secs(6), "{wait}");
        endpoint.now(Behaviour::Answers(200, ""));
    }
    assert_eq!(elsewhere.taken().len(), 0, "redirects are not followed");
    assert!(read(&world, &webhooks[0].0).await.failing_since.is_some());
    world.service.clock.advance(SignedDuration::from_secs(6));
    for (webhook, endpoint, _) in &webhooks {
        delivery(&world, webhook, |delivery| delivery.state == "delivered").await;
        let ids: BTreeSet<_> = endpoint.taken().iter().map(|taken| taken.id().to_owned()).collect();
        assert_eq!((endpoint.taken().len(), ids.len()), (2, 1), "again, with the same id");
        assert!(read(&world, webhook).await.failing_since.is_none());
    }
}

#[tokio::test]
async fn an_answer_of_100_mb_is_cut_after_4_kib() {
    let world = world(5).await;
    let endpoint = Endpoint::start(Behaviour::Floods).await;
    let webhook = create(&world, &endpoint.url, &[]).await;
    world.send("org", &[world.accepted()]).await;
    let done = delivery(&world, &webhook, |delivery| delivery.state == "delivered").await;
    let answer = done.answer.unwrap();
    assert_eq!((answer.status, answer.body.len(), answer.cut), (200, 4_096, true));
    assert!(endpoint.poured.load(Ordering::Relaxed) < 20_000_000, "the connection is closed");
}

#[tokio::test]
async fn retry_after_is_honoured_for_all_that_waits() {
    let world = world(5).await;
    let endpoint = Endpoint::start(Behaviour::Answers(429, "Retry-After: 600\r\n")).await;
    let webhook = create(&world, &endpoint.url, &[]).await;
    world.send("org", &[world.accepted()]).await;
    delivery(&world, &webhook, tried(1)).await;
    assert!(read(&world, &webhook).await.paused_until.is_some());
    world.send("org", &[world.accepted()]).await;
    world.service.clock.advance(SignedDuration::from_secs(599));
    tokio::time::sleep(Duration::from_millis(1_300)).await;
    assert_eq!(endpoint.taken().len(), 1, "nothing comes before");
    endpoint.now(Behaviour::Answers(200, ""));
    world.service.clock.advance(SignedDuration::from_secs(200));
    endpoint.wait_for(3).await;
    delivery(&world, &webhook, |delivery| delivery.state == "delivered").await;
}

#[tokio::test]
async fn an_endpoint_that_is_gone_is_switched_off_and_whoever_speaks_for_the_organisation_is_told() {
    let world = world(5).await;
    let endpoint = Endpoint::start(Behaviour::Answers(410, "")).await;
    let webhook = create(&world, &endpoint.url, &[]).await;
    let before = world.unread(world.owner.user_id).await;
    world.send("org", &[world.accepted()]).await;
    delivery(&world, &webhook, |delivery| delivery.state == "dead").await;
    let off = read(&world, &webhook).await;
    assert_eq!((off.enabled, off.off_reason.as_deref(), off.version), (false, Some("gone"), 2));
    world.wait_for_unread(world.owner.user_id, before + 1).await;
    let told = &world.inbox(world.owner.user_id, "").await.items[0];
    assert_eq!((told.kind.as_str(), told.category.as_str()), ("webhook_switched_off", "integrations"));
    assert!(told.title.contains("Payroll") && told.body.contains("127.0.0.1"), "{told:?}");
    assert!(!told.body.contains("s3cret"), "the address may hold a secret: {told:?}");

    world.send("org", &[world.accepted()]).await;
    let dead = deliveries(&world, &webhook).await;
    assert_eq!(dead.len(), 1, "nothing more is owed");
    let again = format!("/{}/deliveries/{}/retry", webhook.webhook_id, dead[0].delivery_id);
    assert_eq!(post(&world, &again, &json!({})).await.status(), 409);
    let on = json!({ "url": endpoint.url });
    let rest = path(&world, &format!("/{}", webhook.webhook_id));
    let owner = world.service.as_user(world.owner.user_id);
    assert_eq!(owner.put(&rest).json(&on).send().await.unwrap().status(), 428);
    assert_eq!(owner.put(&rest).header("if-match", "\"1\"").json(&on).send().await.unwrap().status(), 412);
    endpoint.now(Behaviour::Answers(200, ""));
    assert_eq!(owner.put(&rest).header("if-match", "\"2\"").json(&on).send().await.unwrap().status(), 200);
    assert_eq!(post(&world, &again, &json!({})).await.status(), 202);
    let done = delivery(&world, &webhook, |delivery| delivery.state == "delivered").await;
    assert_eq!((done.attempts, endpoint.taken().len()), (1, 2));
    assert_eq!(endpoint.taken()[0].id(), endpoint.taken()[1].id(), "a replay has the id it had");
}

#[tokio::test]
async fn after_five_days_of_failure_a_webhook_is_switched_off_and_what_waits_is_given_up() {
    let world = world(5).await;
    let endpoint = Endpoint::start(Behaviour::Answers(500, "")).await;
    let webhook = create(&world, &endpoint.url, &[]).await;
    world.send("org", &[world.accepted()]).await;
    delivery(&world, &webhook, tried(1)).await;
    for attempt in 2..=5 {
        world.service.clock.advance(SignedDuration::from_hours(24));
        let now = world.service.clock.clock().now();
        let noted = |at: jiff::Timestamp| at > now;
        let failed = |delivery: &WebhookDelivery| delivery.next_attempt_at.is_some_and(noted);
        delivery(&world, &webhook, |delivery| delivery.attempts == attempt && failed(delivery)).await;
    }
    assert!(read(&world, &webhook).await.enabled, "four days are not five");
    world.service.clock.advance(SignedDuration::from_hours(24));
    world.send("org", &[world.accepted()]).await;
    let started = Instant::now();
    while read(&world, &webhook).await.enabled {
        assert!(started.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(read(&world, &webhook).await.off_reason.as_deref(), Some("failing"));
    let queued = "SELECT count(*) FROM webhook_deliveries WHERE state = 'queued' AND leased_until IS NULL";
    assert_eq!(world.count(queued), 0);
}

#[tokio::test]
async fn a_webhook_that_hangs_does_not_delay_the_others() {
    let world = world(15).await;
    let hangs = Endpoint::start(Behaviour::Hangs).await;
    let stuck = create(&world, &hangs.url, &["org.invitation.accepted.v1"]).await;
    let events: Vec<_> = (0..50).map(|_| world.accepted()).collect();
    world.send("org", &events).await;
    hangs.wait_for(4).await;
    let good = Endpoint::start(Behaviour::Answers(200, "")).await;
    let webhook = create(&world, &good.url, &[]).await;
    let started = Instant::now();
    let events: Vec<_> = (0..50).map(|_| world.accepted()).collect();
    world.send("org", &events).await;
    good.wait_for(50).await;
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    assert_eq!(hangs.taken().len(), 4, "no more of it are under way");
    let ids: BTreeSet<_> = good.taken().iter().map(|taken| taken.id().to_owned()).collect();
    assert_eq!(ids.len(), 50);
    delivery(&world, &webhook, |delivery| delivery.state == "delivered").await;
    assert_eq!(deliveries(&world, &stuck).await.len(), 50);
}

#[tokio::test]
async fn a_release_gives_back_what_hangs() {
    let world = world(15).await;
    let hangs = Endpoint::start(Behaviour::Hangs).await;
    create(&world, &hangs.url, &[]).await;
    world.send("org", &[world.accepted()]).await;
    hangs.wait_for(1).await;
    let admin_url = world.service.admin_url.clone();
    let started = Instant::now();
    world.service.stop().await;
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    let mut admin = PgConnection::establish(&admin_url).unwrap();
    let free = diesel::sql_query(
        "SELECT 1 FROM webhook_deliveries WHERE state = 'queued' AND attempts = 0 AND leased_until IS NULL",
    );
    assert_eq!(diesel::RunQueryDsl::execute(free, &mut admin).unwrap(), 1);
}

/// Eight workers at once, as many instances: nothing is taken twice, and no webhook has more under way than it may.
#[tokio::test]
async fn instances_share_what_is_due_without_taking_anything_twice() {
    let world = world(5).await;
    let sql = |statement: &str| world.sql(statement);
    for webhook in 1..=3 {
        sql(&format!(
            "INSERT INTO webhooks (org_id, webhook_id, url, description, event_types, created_by, created_at, updated_at, paused_until)
             SELECT '{}', gen_random_uuid(), 'https://example.org/{webhook}', '', '{{}}', gen_random_uuid(), now(), now(), '2026-06-01T12:00:00Z'",
            world.org_id
        ));
    }
    sql("INSERT INTO webhook_deliveries (org_id, delivery_id, webhook_id, event_id, event_type, payload, next_attempt_at, created_at)
         SELECT org_id, gen_random_uuid(), webhook_id, gen_random_uuid(), 'x', '{}', '2026-06-01T08:00:00Z', now()
         FROM webhooks, generate_series(1, 40)");
    let now = "2026-06-01T12:00:00Z".parse().unwrap();
    let portion = Portion { most: 5, each: 4, lease: SignedDuration::from_mins(1) };
    let url = world.service.database_url.clone();
    let claims: Vec<_> = (0..8)
        .map(|_| {
            let url = url.clone();
            std::thread::spawn(move || {
                let mut conn = PgConnection::establish(&url).unwrap();
                conn.transaction(|conn| queue::claim(conn, now, portion)).unwrap()
            })
        })
        .collect();
    let taken: Vec<_> = claims.into_iter().flat_map(|claim| claim.join().unwrap()).collect();
    let ids: BTreeSet<_> = taken.iter().map(|leased| leased.delivery_id).collect();
    assert_eq!((taken.len(), ids.len()), (12, 12), "four of each of three");
    for leased in &taken {
        assert_eq!(taken.iter().filter(|other| other.webhook_id == leased.webhook_id).count(), 4);
    }
}

#[tokio::test]
async fn bad_input_is_named_and_private_addresses_are_refused() {
    let world = World::start().await;
    admit(&world).await;
    let url = "https://hooks.example.org/";
    for (body, status, pointer) in [
        (json!({}), 400, "/url"),
        (json!({ "url": 7 }), 400, "/url"),
        (json!({ "url": url, "later": 1 }), 400, "/later"),
        (json!({ "url": "x" }), 422, "/url"),
        (json!({ "url": "http://hooks.example.org/" }), 422, "/url"),
        (json!({ "url": "https://169.254.169.254/latest" }), 422, "/url"),
        (json!({ "url": "https://[::ffff:10.0.0.1]/" }), 422, "/url"),
        (json!({ "url": "https://localhost/" }), 422, "/url"),
        (json!({ "url": format!("{url}{}", "x".repeat(2_000)) }), 422, "/url"),
        (json!({ "url": url, "description": "a\u{0}b" }), 422, "/description"),
        (json!({ "url": url, "event_types": ["org.invitation.created.v1"] }), 422, "/event_types/0"),
    ] {
        let answer = post(&world, "", &body).await;
        assert_eq!(answer.status(), status, "{body}");
        let problem: Value = answer.json().await.unwrap();
        let errors = problem["errors"].as_array().unwrap();
        assert!(errors.iter().any(|error| error["pointer"] == pointer || error["pointer"] == ""), "{body}: {problem}");
    }
    let webhook = create(&world, url, &[]).await;
    let rotate = format!("/{}/rotate-secret", webhook.webhook_id);
    for body in [json!({ "overlap_seconds": 604_801 }), json!({ "secret": "whsec_c2hvcnQ=" })] {
        assert_eq!(post(&world, &rotate, &body).await.status(), 422, "{body}");
    }
    let body = json!({ "overlap_seconds": 604_801, "secret": "whsec_c2hvcnQ=" });
    let problem: Value = post(&world, &rotate, &body).await.json().await.unwrap();
    let named: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|error| &error["pointer"]).collect();
    assert_eq!(named, ["/overlap_seconds", "/secret"]);
    let owner = world.service.as_user(world.owner.user_id);
    for (query, status) in [("?limit=0", 422), ("?limit=x", 400), ("?cursor=x", 422), ("?state=lost", 400)] {
        let rest = format!("/{}/deliveries{query}", webhook.webhook_id);
        assert_eq!(owner.get(&path(&world, &rest)).send().await.unwrap().status(), status, "{query}");
    }
    for _ in 1..20 {
        create(&world, url, &[]).await;
    }
    assert_eq!(post(&world, "", &json!({ "url": url })).await.status(), StatusCode::CONFLICT, "enough");
    let page: Value = owner.get(&path(&world, "?limit=15")).send().await.unwrap().json().await.unwrap();
    let rest = format!("?limit=15&cursor={}", page["next_cursor"].as_str().unwrap());
    let last: Value = owner.get(&path(&world, &rest)).send().await.unwrap().json().await.unwrap();
    assert_eq!((page["items"].as_array().unwrap().len(), last["items"].as_array().unwrap().len()), (15, 5));
    let gone = owner.delete(&path(&world, &format!("/{}", webhook.webhook_id))).send().await.unwrap();
    assert_eq!(gone.status(), 204);
    assert_eq!(world.count("SELECT count(*) FROM webhook_secrets"), 19, "its secret went with it");
}

#[tokio::test]
async fn a_repeated_creation_makes_one_webhook_and_its_secret_is_not_kept_with_the_answer() {
    let world = world(5).await;
    let body = json!({ "url": "https://hooks.example.org/" });
    let owner = world.service.as_user(world.owner.user_id);
    let mut answers = Vec::new();
    for _ in 0..2 {
        let request = owner.post(&path(&world, "")).header("idempotency-key", "one").json(&body);
        answers.push(request.send().await.unwrap().json::<Value>().await.unwrap());
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(world.count("SELECT count(*) FROM webhooks"), 1);
    assert_eq!(world.count("SELECT count(*) FROM idempotency_keys WHERE body::text LIKE '%whsec%'"), 0);
}
