//! What an operator sees of deliveries, and what becomes of old ones.

use crate::endpoint::{Behaviour, Endpoint};
use crate::support::World;
use crate::webhooks::{create, delivery, world};
use clap::Command;
use jiff::SignedDuration;
use rollcall_notification::deliveries::store::Channel;
use rollcall_notification::deliveries::{commands, jobs, store};
use serde_json::Value;

async fn run(world: &World, line: &str) -> anyhow::Result<String> {
    let program = Command::new("rollcall-notification").subcommands(commands::commands());
    let matches = program.try_get_matches_from(line.split_whitespace())?;
    let (name, options) = matches.subcommand().unwrap();
    commands::run(world.service.app(), name, options).await
}

#[tokio::test]
async fn what_was_given_up_is_listed_shown_and_sent_again() {
    let world = world(5).await;
    let endpoint = Endpoint::start(Behaviour::Answers(500, "")).await;
    let webhook = create(&world, &endpoint.url, &["org.invitation.accepted.v1"]).await;
    world.send("org", &[world.accepted(), world.invited("no address", "en", "token")]).await;
    delivery(&world, &webhook, |delivery| delivery.error.is_some()).await;
    world.sql("UPDATE webhook_deliveries SET state = 'dead', finished_at = now(), leased_until = NULL");
    let started = std::time::Instant::now();
    while world.count("SELECT count(*) FROM mail_deliveries WHERE state = 'dead'") == 0 {
        assert!(started.elapsed() < crate::support::PATIENCE);
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }

    let text = run(&world, "x deliveries list").await.unwrap();
    assert!(text.ends_with("dead: 1 mail, 1 webhook; 2 shown") && text.contains("answered 500"), "{text}");
    assert!(!text.contains("no address"), "a list names nobody: {text}");
    let json = |text: String| serde_json::from_str::<Value>(&text).unwrap();
    let list = json(run(&world, "x deliveries list --channel webhook --json").await.unwrap());
    assert_eq!((&list["counts"]["webhook"], &list["counts"]["mail"]), (&1.into(), &Value::Null));
    let id = list["items"][0]["delivery_id"].as_str().unwrap().to_owned();
    let shown = json(run(&world, &format!("x deliveries show {id} --json")).await.unwrap());
    assert_eq!((&shown["reason"], &shown["details"]["answer"]["status"]), (&"answered 500".into(), &500.into()));
    assert!(run(&world, &format!("x deliveries show {id}")).await.unwrap().contains("org.invitation.accepted.v1"));
    let nothing = uuid_of_nothing();
    assert!(run(&world, &format!("x deliveries show {nothing}")).await.is_err());
    assert!(run(&world, "x deliveries replay").await.is_err(), "not everything by accident");

    endpoint.now(Behaviour::Answers(200, ""));
    let told = run(&world, &format!("x deliveries replay {id} {nothing}")).await.unwrap();
    assert!(told.starts_with("1 queued again\n") && told.contains(&nothing), "{told}");
    let done = delivery(&world, &webhook, |delivery| delivery.state == "delivered").await;
    assert_eq!((done.attempts, endpoint.taken().len()), (1, 2));
    let told = json(run(&world, "x deliveries replay --all --channel mail --json").await.unwrap());
    assert_eq!(told["replayed"].as_array().unwrap().len(), 1);
}

fn uuid_of_nothing() -> String {
    rollcall_ids::EventId::generate().to_string()
}

#[tokio::test]
async fn what_is_over_is_dropped_after_thirty_days_and_what_waits_is_not() {
    let world = world(5).await;
    let endpoint = Endpoint::start(Behaviour::Answers(200, "")).await;
    let webhook = create(&world, &endpoint.url, &[]).await;
    world.send("org", &[world.accepted()]).await;
    delivery(&world, &webhook, |delivery| delivery.state == "delivered").await;
    endpoint.now(Behaviour::Answers(500, ""));
    world.send("org", &[world.accepted()]).await;
    delivery(&world, &webhook, |delivery| delivery.error.is_some()).await;
    let rows = || world.count("SELECT count(*) FROM webhook_deliveries");
    let app = world.service.app();
    assert!(!jobs::prune_some(app).await.unwrap() && rows() == 2);
    // The worker leaves it alone, so that nothing but the job decides.
    world.sql("UPDATE webhooks SET paused_until = '2030-01-01T00:00:00Z'");
    world.service.clock.advance(SignedDuration::from_hours(24 * 31));
    assert!(!jobs::prune_some(app).await.unwrap());
    assert_eq!((rows(), world.count("SELECT count(*) FROM webhook_deliveries WHERE state = 'queued'")), (1, 1));
    let now = world.service.clock.clock().now();
    let look = move |conn: &mut diesel::PgConnection| {
        Ok::<_, rollcall_common::fault::Fault>(store::queue(conn, Channel::Webhook, now)?)
    };
    let queue = app.core.db.transaction(rollcall_common::db::Unscoped, look).await.unwrap();
    assert!(queue.depth == 1 && queue.age_seconds > 86_400.0 * 30.0, "{queue:?}");
}

#[tokio::test]
async fn what_was_read_leaves_the_inbox_after_its_days_and_what_was_not_stays() {
    let world = World::start().await;
    world.tell_manager(&["Ada", "Grace", "Edsger"]).await;
    let rows = || world.count("SELECT count(*) FROM notifications");
    let all = rows();
    assert_eq!(all, 3);
    // It is how old a message is that decides, not when it was read.
    world.sql("UPDATE notifications SET read_at = now() WHERE seq = 1");
    let read = world.count("SELECT count(*) FROM notifications WHERE read_at IS NOT NULL");
    let app = world.service.app();
    world.service.clock.advance(SignedDuration::from_hours(24 * 400));
    jobs::prune_some(app).await.unwrap();
    assert_eq!(rows(), all, "the days are not over before they are over");
    world.service.clock.advance(SignedDuration::from_secs(1));
    jobs::prune_some(app).await.unwrap();
    assert_eq!((rows(), world.count("SELECT count(*) FROM notifications WHERE read_at IS NOT NULL")), (all - read, 0));
}
