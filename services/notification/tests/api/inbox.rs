//! The inbox of a user.

use crate::support::World;
use rollcall_ids::{NotificationId, UserId};
use rollcall_notification_api::inbox::Notification;
use serde_json::Value;

#[tokio::test]
async fn pages_are_newest_first_and_make_up_the_inbox() {
    let world = World::start().await;
    let names: Vec<String> = (1..=7).map(|n| format!("Nr {n}")).collect();
    world.tell_manager(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let (mut titles, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = world.inbox(world.manager.user_id, &format!("?limit=3{cursor}")).await;
        assert!(page.items.len() <= 3);
        titles.extend(page.items.into_iter().map(|item| item.title));
        match page.next_cursor {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let expected: Vec<_> = (1..=7).rev().map(|n| format!("Nr {n} joined Nordlicht")).collect();
    assert_eq!(titles, expected);
}

#[tokio::test]
async fn the_last_page_has_no_cursor_at_all() {
    let world = World::start().await;
    world.tell_manager(&["Ada", "Bob"]).await;
    let user = world.service.as_user(world.manager.user_id);
    for (limit, has_next) in [(1, true), (2, false)] {
        let answer = user.get(&format!("/api/notification/v1/notifications?limit={limit}")).send().await.unwrap();
        let page: Value = answer.json().await.unwrap();
        assert_eq!(page.get("next_cursor").is_some(), has_next, "{page}");
    }
}

#[tokio::test]
async fn a_category_that_a_later_release_stored_is_shown_as_it_is() {
    let world = World::start().await;
    let manager = world.manager.user_id;
    world.tell_manager(&["Ada"]).await;
    world.sql("UPDATE notifications SET category = 'weather', about = '{\"cloud_id\": 7}'");
    let items = world.inbox(manager, "").await.items;
    assert_eq!(items[0].category, "weather");
    let read: Notification = world.read(manager, items[0].notification_id).await.json().await.unwrap();
    assert_eq!(read.category, "weather");
}

#[tokio::test]
async fn reading_a_message_counts_once_however_often_it_is_done() {
    let world = World::start().await;
    let manager = world.manager.user_id;
    world.tell_manager(&["Ada", "Bob", "Cem"]).await;
    let bob = world.inbox(manager, "").await.items[1].notification_id;
    for _ in 0..3 {
        let answer = world.read(manager, bob).await;
        assert_eq!(answer.status(), 200);
        let read: Notification = answer.json().await.unwrap();
        assert_eq!(read.read_at, Some(world.service.clock.now()));
    }
    assert_eq!(world.unread(manager).await, 2);
    for query in ["?unread", "?unread=true", "?unread=true&limit=200"] {
        let titles: Vec<_> = world.inbox(manager, query).await.items.into_iter().map(|item| item.title).collect();
        assert_eq!(titles, ["Cem joined Nordlicht", "Ada joined Nordlicht"], "{query}");
    }
    assert_eq!(world.inbox(manager, "?unread=false").await.items.len(), 3);
}

#[tokio::test]
async fn everything_can_be_read_at_once() {
    let world = World::start().await;
    let manager = world.manager.user_id;
    let read_all = || world.service.as_user(manager).post("/api/notification/v1/read-all").send();
    assert_eq!(read_all().await.unwrap().status(), 204, "nothing to read is fine");
    world.tell_manager(&["Ada", "Bob"]).await;
    assert_eq!(read_all().await.unwrap().status(), 204);
    assert_eq!(world.unread(manager).await, 0);
    assert!(world.inbox(manager, "").await.items.iter().all(|item| item.read_at.is_some()));
    assert_eq!(world.inbox(manager, "?unread").await.items, []);
}

#[tokio::test]
async fn two_users_do_not_see_each_other() {
    let world = World::start().await;
    world.tell_manager(&["Ada"]).await;
    let theirs = world.inbox(world.manager.user_id, "").await.items[0].notification_id;
    let other = world.owner.user_id;
    assert_eq!(world.inbox(other, "").await.items, []);
    assert_eq!(world.unread(other).await, 0);
    for id in [theirs, NotificationId::generate()] {
        let answer = world.read(other, id).await;
        assert_eq!(answer.status(), 404);
        assert_eq!(answer.json::<Value>().await.unwrap()["code"], "not_found");
    }
    let mut stream = world.listen(other, None).await;
    world.tell_manager(&["Bob"]).await;
    assert!(stream.stays_silent().await);
    assert_eq!(world.unread(world.manager.user_id).await, 2, "nobody else has read it");
}

#[tokio::test]
async fn bad_parameters_are_named() {
    let world = World::start().await;
    let user = world.service.as_user(UserId::generate());
    for (query, status, pointer) in [
        ("?limit=0", 422, "?limit"),
        ("?limit=201", 422, "?limit"),
        ("?limit=many", 400, "?limit"),
        ("?limit=-1", 400, "?limit"),
        ("?unread=maybe", 400, "?unread"),
        ("?cursor=%00%ff", 422, "?cursor"),
        ("?cursor=e30", 422, "?cursor"),
    ] {
        let answer = user.get(&format!("/api/notification/v1/notifications{query}")).send().await.unwrap();
        assert_eq!(answer.status(), status, "{query}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{query}: {problem}");
    }
    let answer = user.post("/api/notification/v1/notifications/not-an-id/read").send().await.unwrap();
    assert_eq!(answer.status(), 404);
}
