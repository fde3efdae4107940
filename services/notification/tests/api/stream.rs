//! The stream of a user.

use crate::support::{Events, Heard, World, number};
use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, PgConnection};
use jiff::SignedDuration;
use rollcall_common::db::Unscoped;
use rollcall_common::fault::Fault;
use rollcall_common::server::{self, Environment, Running, Service as _};
use rollcall_common::settings::{Sources, load};
use rollcall_ids::UserId;
use rollcall_notification::App;
use rollcall_notification::stream::store;
use rollcall_stack::testing::set;
use serde_json::json;
use std::collections::HashMap;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

#[tokio::test]
async fn a_message_reaches_an_open_stream_within_a_second_with_the_count_after_it() {
    // Nothing but the wake-up after the commit can be that quick here.
    let world = World::with(|settings| set(settings, "stream.poll_ms", 60_000)).await;
    world.tell_manager(&["Ada"]).await;
    let mut stream = world.listen(world.manager.user_id, None).await;
    assert!(matches!(stream.next().await, Heard::Retry(1_000..=3_000)));
    let (start, count) = stream.next_named("unread_count").await;
    assert_eq!(count, json!({ "unread": 1 }));

    let sent = Instant::now();
    world.send("attendance", &[world.outside_geofence()]).await;
    let (id, data) = stream.next_named("notification").await;
    assert!(sent.elapsed() < Duration::from_secs(1), "{:?}", sent.elapsed());
    assert_eq!(number(&id), number(&start) + 1);
    assert_eq!(stream.next_named("unread_count").await, (id, json!({ "unread": 2 })));
    let stored = world.inbox(world.manager.user_id, "").await;
    assert_eq!(data, serde_json::to_value(&stored.items[0]).unwrap(), "the stream says what the inbox says");
}

#[tokio::test]
async fn a_client_that_comes_back_gets_exactly_what_it_missed_in_order() {
    let world = World::start().await;
    let manager = world.manager.user_id;
    let mut stream = world.listen(manager, None).await;
    world.tell_manager(&["Ada", "Bob"]).await;
    let seen = stream.next_titles(2).await;
    drop(stream);

    let names: Vec<String> = (1..=100).map(|n| format!("Nr {n}")).collect();
    for names in names.chunks(50) {
        world.tell_manager(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    }
    let mut back = world.listen(manager, Some(&seen[1].0)).await;
    let missed = back.next_titles(100).await;
    let titles: Vec<_> = missed.iter().map(|(_, title)| title.clone()).collect();
    assert_eq!(titles, names.iter().map(|name| format!("{name} joined Nordlicht")).collect::<Vec<_>>());
    let numbers: Vec<_> = missed.iter().map(|(id, _)| number(id)).collect();
    assert_eq!(numbers, (3..=102).collect::<Vec<_>>());
    assert!(back.stays_silent().await, "and nothing twice");
}

#[tokio::test]
async fn the_position_of_an_inbox_page_continues_exactly_after_it() {
    let world = World::start().await;
    let manager = world.manager.user_id;
    world.tell_manager(&["Ada"]).await;
    let page = world.inbox(manager, "").await;
    world.tell_manager(&["Bob"]).await;
    let path = format!("/api/notification/v1/stream?last_event_id={}", page.stream_position);
    let mut stream = Events::of(world.service.as_user(manager).get(&path).send().await.unwrap());
    assert_eq!(stream.next_titles(1).await[0].1, "Bob joined Nordlicht");
    // An `EventSource` keeps its first URL and sends a newer header.
    let newer = world.inbox(manager, "").await.stream_position;
    let request = world.service.as_user(manager).get(&path).header("last-event-id", newer);
    assert!(Events::of(request.send().await.unwrap()).stays_silent().await);
}

#[tokio::test]
async fn a_position_that_proves_nothing_is_answered_with_reset_and_what_comes_after() {
    let world = World::start().await;
    let manager = world.manager.user_id;
    world.tell_manager(&["Ada"]).await;
    let here = world.inbox(manager, "").await.stream_position;
    let (epoch, _) = here.split_once(':').unwrap();
    for foreign in ["1:0", "nonsense", "\u{fc}", &format!("{epoch}:2"), &format!("{epoch}:-1")] {
        let mut stream = world.listen(manager, Some(foreign)).await;
        assert!(matches!(stream.next().await, Heard::Retry(_)));
        let (id, data) = stream.next_named("reset").await;
        assert_eq!((id, data), (here.clone(), json!({ "reason": "unknown_position" })), "{foreign}");
        assert_eq!(stream.next_named("unread_count").await.1, json!({ "unread": 1 }));
    }
    let mut stream = world.listen(manager, Some("1:0")).await;
    stream.next_named("reset").await;
    world.tell_manager(&["Bob"]).await;
    assert_eq!(stream.next_titles(1).await[0].1, "Bob joined Nordlicht");
}

#[tokio::test]
async fn what_is_no_longer_kept_is_not_passed_over_in_silence() {
    let world = World::start().await;
    let manager = world.manager.user_id;
    world.tell_manager(&["Ada", "Bob"]).await;
    let then = world.service.clock.now();
    world.service.clock.advance(SignedDuration::from_hours(1));
    world.tell_manager(&["Cem"]).await;
    let here = world.inbox(manager, "").await.stream_position;
    let (epoch, _) = here.split_once(':').unwrap();
    for dropped in [1, 1, 0] {
        let before = then + SignedDuration::from_secs(1);
        let prune = move |conn: &mut _| Ok::<_, Fault>(store::prune(conn, before, 1)?);
        assert_eq!(world.service.app().core.db.transaction(Unscoped, prune).await.unwrap(), dropped);
    }
    let mut stream = world.listen(manager, Some(&format!("{epoch}:1"))).await;
    let (id, data) = stream.next_named("reset").await;
    assert_eq!((&id, data), (&here, json!({ "reason": "too_old" })));
    assert_eq!(stream.next().await, Heard::End);
    assert!(world.listen(manager, Some(&id)).await.stays_silent().await, "it can go on from the reset");
    let mut kept = world.listen(manager, Some(&format!("{epoch}:2"))).await;
    assert_eq!(kept.next_titles(1).await[0].1, "Cem joined Nordlicht");
}

#[tokio::test]
async fn more_than_is_worth_replaying_is_a_reset() {
    let world = World::with(|settings| set(settings, "stream.replayed_entries", 2)).await;
    let manager = world.manager.user_id;
    let start = world.inbox(manager, "").await.stream_position;
    world.tell_manager(&["Ada", "Bob", "Cem"]).await;
    let mut stream = world.listen(manager, Some(&start)).await;
    assert_eq!(stream.next_named("reset").await.1, json!({ "reason": "too_much" }));
}

#[tokio::test]
async fn every_stream_of_a_user_hears_the_same_and_what_is_read_elsewhere() {
    let world = World::start().await;
    let manager = world.manager.user_id;
    let mut windows = [world.listen(manager, None).await, world.listen(manager, None).await];
    world.tell_manager(&["Ada", "Bob"]).await;
    let ada = world.inbox(manager, "").await.items[1].notification_id;
    world.read(manager, ada).await;
    world.service.as_user(manager).post("/api/notification/v1/read-all").send().await.unwrap();
    let now = world.service.clock.now();
    for window in &mut windows {
        assert_eq!(window.next_titles(2).await.len(), 2);
        let (id, read) = window.next_named("read").await;
        assert_eq!((number(&id), read), (3, json!({ "notification_id": ada, "read_at": now })));
        let (id, read) = window.next_named("read").await;
        assert_eq!((number(&id), read), (4, json!({ "notification_id": null, "read_at": now })));
        assert_eq!(window.next_named("unread_count").await.1, json!({ "unread": 0 }));
    }
}

#[tokio::test]
async fn a_quiet_stream_has_a_heartbeat() {
    let world = World::start().await;
    let mut stream = world.listen(world.manager.user_id, None).await;
    stream.next_named("unread_count").await;
    for _ in 0..3 {
        // The watch has to have seen that what came before was taken.
        tokio::time::sleep(Duration::from_millis(300)).await;
        world.service.clock.advance(SignedDuration::from_secs(21));
        assert_eq!(stream.next().await, Heard::Comment("heartbeat".to_owned()));
    }
}

#[tokio::test]
async fn a_database_that_hangs_holds_up_no_heartbeat_and_no_end() {
    let world = World::start().await;
    let mut stream = world.listen(world.manager.user_id, None).await;
    stream.next_named("unread_count").await;
    let mut blocker = PgConnection::establish(&world.service.admin_url).unwrap();
    blocker.batch_execute("BEGIN; LOCK TABLE user_streams").unwrap();
    // Whoever asks the database now waits for the lock, for seconds.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let since = Instant::now();
    world.service.clock.advance(SignedDuration::from_secs(21));
    assert_eq!(stream.next().await, Heard::Comment("heartbeat".to_owned()));
    world.service.clock.advance(SignedDuration::from_secs(300));
    assert!(matches!(stream.next().await, Heard::Retry(_)));
    assert_eq!(stream.next().await, Heard::End);
    assert!(since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
}

#[tokio::test]
async fn a_stream_ends_with_the_token_that_opened_it() {
    let world = World::start().await;
    let mut stream = world.listen(world.manager.user_id, None).await;
    stream.next_named("unread_count").await;
    world.service.clock.advance(SignedDuration::from_secs(300));
    assert!(matches!(stream.next().await, Heard::Retry(100..=1_000)));
    assert_eq!(stream.next().await, Heard::End);
}

#[tokio::test]
async fn draining_ends_streams_cleanly_and_tells_when_to_come_back() {
    let world = World::start().await;
    let mut streams = Vec::new();
    for user in [world.manager, world.owner] {
        let mut stream = world.listen(user.user_id, None).await;
        stream.next_named("unread_count").await;
        streams.push(stream);
    }
    let stopping = Instant::now();
    world.service.stop().await;
    assert!(stopping.elapsed() < Duration::from_secs(5), "{:?}", stopping.elapsed());
    for mut stream in streams {
        assert!(matches!(stream.next().await, Heard::Retry(100..=1_000)));
        assert_eq!(stream.next().await, Heard::End);
    }
}

#[tokio::test]
async fn one_person_has_a_bounded_number_of_streams_and_the_oldest_makes_room() {
    let world = World::with(|settings| set(settings, "stream.most_per_user", 2)).await;
    let manager = world.manager.user_id;
    let mut oldest = world.listen(manager, None).await;
    let mut others = [world.listen(manager, None).await, world.listen(manager, None).await];
    oldest.next_named("unread_count").await;
    assert_eq!(oldest.next_after_counts().await, Heard::Retry(60_000));
    assert_eq!(oldest.next().await, Heard::End);
    world.tell_manager(&["Ada"]).await;
    for other in &mut others {
        assert_eq!(other.next_titles(1).await[0].1, "Ada joined Nordlicht");
    }
}

#[tokio::test]
async fn everybody_can_come_back_at_once() {
    // One connection, and hardly any patience: with a transaction for each most would be refused.
    let world = World::with(|settings| {
        set(settings, "database.max_connections", 1);
        set(settings, "database.acquire_timeout_ms", 100);
    })
    .await;
    let users: Vec<_> = (0..300).map(|_| UserId::generate()).collect();
    let streams = users.iter().map(|user| world.listen(*user, None));
    for mut stream in futures_util::future::join_all(streams).await {
        assert_eq!(stream.next_named("unread_count").await.1, json!({ "unread": 0 }));
    }
}

#[tokio::test]
async fn a_client_that_is_gone_is_forgotten_after_heartbeats_it_did_not_take() {
    let world = World::start().await;
    let mut stream = world.listen(world.manager.user_id, None).await;
    stream.next_named("unread_count").await;
    drop(stream);
    let hub = &world.service.app().hub;
    let forgotten = tokio::time::timeout(crate::support::PATIENCE, async {
        while !hub.is_empty() {
            world.service.clock.advance(SignedDuration::from_secs(21));
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    });
    assert!(forgotten.await.is_ok(), "{} streams", hub.len());
}

#[tokio::test]
async fn a_message_stored_by_one_instance_reaches_a_stream_on_another() {
    let world = World::start().await;
    let manager = world.manager.user_id;
    let second = second_instance(&world).await;
    let request = world.service.http.get(format!("http://{}/api/notification/v1/stream", second.address()));
    let token = world.service.keys.access_token(manager).unwrap();
    let mut stream = Events::of(request.bearer_auth(token).send().await.unwrap());
    stream.next_named("unread_count").await;
    world.tell_manager(&["Ada", "Bob"]).await;
    let titles: Vec<_> = stream.next_titles(2).await.into_iter().map(|(_, title)| title).collect();
    assert_eq!(titles, ["Ada joined Nordlicht", "Bob joined Nordlicht"]);
    second.stop().await.unwrap();
    assert!(matches!(stream.next_after_counts().await, Heard::Retry(_)));
}

#[tokio::test]
async fn other_instances_are_told_and_do_not_have_to_look() {
    let world = World::with(|settings| set(settings, "stream.poll_ms", 60_000)).await;
    let manager = world.manager.user_id;
    let second = second_instance(&world).await;
    let request = world.service.http.get(format!("http://{}/api/notification/v1/stream", second.address()));
    let token = world.service.keys.access_token(manager).unwrap();
    let mut stream = Events::of(request.bearer_auth(token).send().await.unwrap());
    stream.next_named("unread_count").await;
    for name in ["Ada", "Bob"] {
        world.tell_manager(&[name]).await;
        assert_eq!(stream.next_titles(1).await[0].1, format!("{name} joined Nordlicht"));
    }
    world.service.as_user(manager).post("/api/notification/v1/read-all").send().await.unwrap();
    assert_eq!(stream.next_named("read").await.1["notification_id"], json!(null));
    second.stop().await.unwrap();
}

/// Another instance on the same database.
pub(crate) async fn second_instance(world: &World) -> Running<App> {
    let file = world.service.directory.join("settings.toml");
    let loaded = load(&Sources {
        service: App::NAME,
        defaults: App::DEFAULTS,
        topology: None,
        file: Some(&file),
        environment: Some(HashMap::new()),
    });
    let environment = Environment { clock: world.service.clock.clock(), keys: Some(world.service.keys.jwks()) };
    server::start::<App>(loaded.unwrap(), environment).await.unwrap()
}

#[tokio::test]
async fn messages_stored_at_the_same_time_are_numbered_without_a_gap_and_none_is_lost() {
    let world = World::start().await;
    let manager = world.manager.user_id;
    world.tell_manager(&["first"]).await;
    let mut stream = world.listen(manager, None).await;
    let events: Vec<_> = (0..40).map(|_| [world.outside_geofence()]).collect();
    let sends = events.iter().map(|event| world.send("attendance", event));
    futures_util::future::join_all(sends).await;
    let numbers: Vec<_> = stream.next_titles(40).await.iter().map(|(id, _)| number(id)).collect();
    assert_eq!(numbers, (2..=41).collect::<Vec<_>>());
    assert_eq!(world.unread(manager).await, 41);
    assert_eq!(
        world.count("SELECT count(*) FROM notifications WHERE read_at IS NULL"),
        41,
        "the count beside them agrees"
    );
    assert!(stream.stays_silent().await);
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut_off_and_can_come_back_to_where_the_reset_says() {
    let world = World::start().await;
    let manager = world.manager.user_id;
    world.tell_manager(&["Ada"]).await;
    let address = world.service.base_url.strip_prefix("http://").unwrap();
    let token = world.service.keys.access_token(manager).unwrap();
    let mut slow = TcpStream::connect(address).await.unwrap();
    let request =
        format!("GET /api/notification/v1/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n");
    slow.write_all(request.as_bytes()).await.unwrap();
    while world.service.app().hub.is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }

    // More than all buffers on the way hold: 800 events of 40 KB.
    world.sql(
        "INSERT INTO stream_entries SELECT user_id, s, NULL, 'read', '\"' || repeat('x', 40000) || '\"', 1, now() \
         FROM user_streams, generate_series(2, 801) s WHERE last_seq = 1",
    );
    world.sql("UPDATE user_streams SET last_seq = 801 WHERE last_seq = 1");
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    world.service.clock.advance(SignedDuration::from_secs(61));
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(world.service.app().hub.is_empty(), "it is not kept until it reads");

    let mut heard = String::new();
    let mut buffer = vec![0; 1 << 16];
    while !heard.ends_with("0\r\n\r\n") {
        let read = tokio::time::timeout(crate::support::PATIENCE, slow.read(&mut buffer)).await.unwrap().unwrap();
        heard.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
    }
    let sent = heard.matches("event: read").count();
    assert!((1..800).contains(&sent), "{sent} events were buffered");
    assert!(heard.contains("event: reset\ndata: {\"reason\":\"too_slow\"}"), "{}", &heard[heard.len() - 300..]);
    let (_, reset) = heard.rsplit_once("id: ").unwrap();
    let mut back = world.listen(manager, reset.lines().next()).await;
    let (id, _) = back.next_named("read").await;
    assert!(number(&id) > i64::try_from(sent).unwrap(), "what waited in memory is not told again");
}
