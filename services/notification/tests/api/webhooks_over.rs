//! Webhooks that are changed, switched or removed while something waits for them or is under way.

use crate::endpoint::{Behaviour, Endpoint};
use crate::support::{PATIENCE, World};
use crate::webhooks::{create, deliveries, delivery, path, read, tried, world};
use jiff::SignedDuration;
use rollcall_notification::deliveries::jobs;
use rollcall_notification_api::webhooks::Webhook;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

async fn put(world: &World, webhook: &Webhook, body: &Value) {
    let version = read(world, webhook).await.version;
    let rest = path(world, &format!("/{}", webhook.webhook_id));
    let owner = world.service.as_user(world.owner.user_id);
    let request = owner.put(&rest).header("if-match", format!("\"{version}\"")).json(body);
    assert_eq!(request.send().await.unwrap().status(), 200);
}

async fn until_count(world: &World, query: &str, wanted: i64) {
    let started = Instant::now();
    while world.count(query) != wanted {
        assert!(started.elapsed() < PATIENCE, "{query}: {}", world.count(query));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn two_failures_with_quiet_days_between_them_do_not_switch_a_webhook_off() {
    let world = world(5).await;
    let endpoint = Endpoint::start(Behaviour::Answers(500, "")).await;
    let webhook = create(&world, &endpoint.url, &[]).await;
    world.send("org", &[world.accepted()]).await;
    delivery(&world, &webhook, tried(1)).await;
    world.sql("UPDATE webhook_deliveries SET state = 'dead', finished_at = now()");
    world.service.clock.advance(SignedDuration::from_hours(24 * 6));
    world.send("org", &[world.accepted()]).await;
    until_count(&world, "SELECT count(*) FROM webhook_deliveries WHERE answer IS NOT NULL", 2).await;
    let after = read(&world, &webhook).await;
    assert!(after.enabled, "a blip is a blip");
    assert_eq!(after.failing_since, Some(world.service.clock.clock().now()));
}

#[tokio::test]
async fn what_the_old_address_answers_does_nothing_to_a_webhook_that_leads_elsewhere_by_then() {
    let world = world(5).await;
    let old = Endpoint::start(Behaviour::AnswersLate(410, Duration::from_millis(900))).await;
    let new = Endpoint::start(Behaviour::Answers(200, "")).await;
    let webhook = create(&world, &old.url, &[]).await;
    world.send("org", &[world.accepted()]).await;
    old.wait_for(1).await;
    put(&world, &webhook, &json!({ "url": new.url })).await;
    let done = delivery(&world, &webhook, |delivery| delivery.state == "delivered").await;
    assert_eq!((done.attempts, old.taken()[0].id()), (1, new.taken()[0].id()));
    let after = read(&world, &webhook).await;
    assert!(after.enabled && after.failing_since.is_none(), "{after:?}");
}

#[tokio::test]
async fn what_waited_when_a_webhook_was_off_is_not_sent_when_it_is_on_again() {
    let world = world(5).await;
    let endpoint = Endpoint::start(Behaviour::Answers(500, "")).await;
    let webhook = create(&world, &endpoint.url, &[]).await;
    world.send("org", &[world.accepted()]).await;
    delivery(&world, &webhook, tried(1)).await;
    // An instance that took it and died: its lease outlives the switch.
    let until = world.service.clock.clock().now() + SignedDuration::from_mins(1);
    world.sql(&format!("UPDATE webhook_deliveries SET leased_until = '{until}'"));
    put(&world, &webhook, &json!({ "url": endpoint.url, "enabled": false })).await;
    let queued = "SELECT count(*) FROM webhook_deliveries WHERE state = 'queued'";
    assert_eq!(world.count(queued), 1, "it is under way");
    put(&world, &webhook, &json!({ "url": endpoint.url })).await;
    endpoint.now(Behaviour::Answers(200, ""));
    world.service.clock.advance(SignedDuration::from_mins(10));
    world.send("org", &[world.accepted()]).await;
    delivery(&world, &webhook, |delivery| delivery.state == "delivered").await;
    assert_eq!(endpoint.taken().len(), 2, "the first attempt and the new event");
    jobs::prune_some(world.service.app()).await.unwrap();
    assert_eq!(world.count(queued), 0, "given up");
    let found = deliveries(&world, &webhook).await;
    assert_eq!(found[1].error.as_deref(), Some("the webhook was switched off"));
}

#[tokio::test]
async fn a_webhook_with_much_that_waits_is_switched_and_removed_at_once_and_the_rest_goes_in_portions() {
    let world = world(5).await;
    let endpoint = Endpoint::start(Behaviour::Answers(200, "")).await;
    let webhook = create(&world, &endpoint.url, &["org.unit.changed.v1"]).await;
    world.sql("UPDATE webhooks SET paused_until = '2030-01-01T00:00:00Z'");
    world.sql("INSERT INTO webhook_deliveries (org_id, delivery_id, webhook_id, event_id, event_type, payload, next_attempt_at, created_at, era)
        SELECT org_id, gen_random_uuid(), webhook_id, gen_random_uuid(), 'x', '{}', '2026-06-01T08:00:00Z', '2026-06-01T08:00:00Z', era
        FROM webhooks, generate_series(1, 6500)");
    let queued = "SELECT count(*) FROM webhook_deliveries WHERE state = 'queued'";
    put(&world, &webhook, &json!({ "url": endpoint.url, "enabled": false })).await;
    assert_eq!(world.count(queued), 5_500, "a portion");
    let app = world.service.app();
    assert!(jobs::prune_some(app).await.unwrap(), "there is more");
    assert!(!jobs::prune_some(app).await.unwrap());
    assert_eq!(world.count(queued), 0);

    let owner = world.service.as_user(world.owner.user_id);
    let rest = path(&world, &format!("/{}", webhook.webhook_id));
    assert_eq!(owner.delete(&rest).send().await.unwrap().status(), 204);
    let rows = "SELECT count(*) FROM webhook_deliveries";
    assert_eq!((world.count(rows), world.count("SELECT count(*) FROM webhook_secrets")), (6_500, 0));
    assert_eq!(owner.get(&rest).send().await.unwrap().status(), 404, "gone for everybody at once");
    assert_eq!(owner.delete(&rest).send().await.unwrap().status(), 404);
    let page: Value = owner.get(&path(&world, "")).send().await.unwrap().json().await.unwrap();
    assert_eq!(page["items"], json!([]));
    assert!(jobs::prune_some(app).await.unwrap(), "there is more");
    assert!(!jobs::prune_some(app).await.unwrap());
    assert_eq!((world.count(rows), world.count("SELECT count(*) FROM webhooks")), (0, 0));
}
