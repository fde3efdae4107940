//! Events that wait for a fact, above all while those who know it hang.

use crate::support::{PATIENCE, World};
use diesel::{Connection as _, PgConnection, RunQueryDsl as _};
use jiff::SignedDuration;
use rollcall_ids::OrgId;
use std::time::{Duration, Instant};
use wiremock::matchers::{method, path_regex};
use wiremock::{Mock, ResponseTemplate};

/// A process that was stopped takes connections and answers nothing.
async fn hangs(world: &World, path: &str) {
    let never = ResponseTemplate::new(200).set_delay(Duration::from_mins(1));
    Mock::given(method("GET")).and(path_regex(path)).respond_with(never).with_priority(1).mount(&world.peers).await;
}

async fn wait_until(world: &World, query: &str) {
    let waited = tokio::time::timeout(PATIENCE, async {
        while world.count(query) == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    assert!(waited.await.is_ok(), "{query}");
}

#[tokio::test]
async fn a_language_that_is_old_holds_up_no_message_and_is_asked_for_anew_behind_its_back() {
    let world = World::start().await;
    world.tell_manager(&["Ada"]).await;
    world.service.clock.advance(SignedDuration::from_mins(61));
    world.peers.reset().await;
    hangs(&world, "^/internal/v1/users/").await;
    let events = [world.accepted_by("Bob", Some(world.manager.employee_id)), world.accepted()];
    world.send("org", &events).await;
    // Told by the intake itself: nobody has waited for anything.
    assert_eq!(world.unread(world.manager.user_id).await, 3);

    world.peers.reset().await;
    world.everybody_reads("zh-CN").await;
    let renewed = tokio::time::timeout(PATIENCE, async {
        // User is not asked for some seconds after it was away.
        while world.inbox(world.manager.user_id, "?limit=1").await.items[0].title != "Dan 已加入 Nordlicht" {
            world.send("org", &[world.accepted_by("Dan", Some(world.manager.employee_id))]).await;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    assert!(renewed.await.is_ok(), "it was never asked for anew");
}

#[tokio::test]
async fn while_user_hangs_messages_come_in_order_within_seconds_in_the_language_of_the_organisation() {
    let world = World::empty(|_| {}).await;
    hangs(&world, "^/internal/v1/users/").await;
    let (manager, owner) = (world.manager, world.owner);
    world
        .send("org", &[world.org(1, "zh"), world.is(manager, 1, true, &[]), world.is(owner, 1, true, &["owner"])])
        .await;
    let names: Vec<String> = (1..=5).map(|n| format!("Nr {n}")).collect();
    let events: Vec<_> = names.iter().map(|name| world.accepted_by(name, Some(manager.employee_id))).collect();
    let since = Instant::now();
    world.send("org", &events).await;
    world.wait_for_unread(manager.user_id, 5).await;
    assert!(since.elapsed() < Duration::from_secs(3), "{:?}", since.elapsed());
    let titles: Vec<_> =
        world.inbox(manager.user_id, "").await.items.into_iter().rev().map(|item| item.title).collect();
    assert_eq!(titles, names.iter().map(|name| format!("{name} 已加入 Nordlicht")).collect::<Vec<_>>());
    // That user is away is known by now: nobody waits for it again.
    let since = Instant::now();
    world.send("org", &[world.accepted_by("Nr 6", None)]).await;
    world.wait_for_unread(owner.user_id, 1).await;
    assert!(since.elapsed() < Duration::from_millis(900), "{:?}", since.elapsed());
}

#[tokio::test]
async fn an_organisation_whose_facts_are_not_to_be_had_holds_up_no_other() {
    let world = World::empty(|_| {}).await;
    world.everybody_reads("en").await;
    hangs(&world, "^/internal/v1/orgs/").await;
    let mut elsewhere = world.accepted();
    elsewhere["orgid"] = serde_json::to_value(OrgId::generate()).unwrap();
    world.send("org", &[elsewhere]).await;
    wait_until(&world, "SELECT count(*) FROM deferred_events WHERE leased_until IS NOT NULL").await;
    let since = Instant::now();
    world.send("org", &[world.org(1, "en"), world.is(world.manager, 1, true, &[]), world.accepted()]).await;
    world.wait_for_unread(world.manager.user_id, 1).await;
    assert!(since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
}

#[tokio::test]
async fn what_is_in_hand_when_the_service_drains_is_given_back_for_another_instance_to_try_at_once() {
    let world = World::empty(|_| {}).await;
    hangs(&world, "^/internal/v1/orgs/").await;
    let mut admin = PgConnection::establish(&world.service.admin_url).unwrap();
    world.send("org", &[world.accepted(), world.accepted()]).await;
    wait_until(&world, "SELECT count(*) FROM deferred_events WHERE leased_until IS NOT NULL").await;
    assert_eq!(world.count("SELECT count(*) FROM deferred_events WHERE attempts > 0"), 1, "one at a time");
    let since = Instant::now();
    let now = world.service.clock.now();
    world.service.stop().await;
    assert!(since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
    let free = format!(
        "SELECT 1 FROM deferred_events WHERE leased_until IS NULL AND attempts = 0 AND next_attempt_at <= '{now}'"
    );
    assert_eq!(diesel::sql_query(free).execute(&mut admin).unwrap(), 2);
}
