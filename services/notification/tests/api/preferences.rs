//! What people want to be told, by which ways, and when.

use crate::mail::{files, wait_for_count};
use crate::support::World;
use diesel::{Connection as _, PgConnection, RunQueryDsl as _};
use jiff::SignedDuration;
use rollcall_ids::UserId;
use rollcall_notification::owed::release;
use serde_json::{Value, json};
use std::time::Duration;
use wiremock::matchers::{method, path_regex};
use wiremock::{Mock, ResponseTemplate};

const PATH: &str = "/api/notification/v1/preferences";
const OWED: &str = "SELECT count(*) FROM owed_messages";
const MAILS: &str = "SELECT count(*) FROM mail_deliveries";
const SENT: &str = "SELECT count(*) FROM mail_deliveries WHERE state = 'sent'";

async fn read(world: &World, user: UserId) -> (String, Value) {
    let answer = world.service.as_user(user).get(PATH).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    (answer.headers()["etag"].to_str().unwrap().to_owned(), answer.json().await.unwrap())
}

async fn put(world: &World, user: UserId, if_match: Option<&str>, body: &Value) -> reqwest::Response {
    let mut request = world.service.as_user(user).put(PATH).json(body);
    if let Some(tag) = if_match {
        request = request.header("if-match", tag);
    }
    request.send().await.unwrap()
}

async fn wants(world: &World, body: Value) {
    assert_eq!(put(world, world.manager.user_id, None, &body).await.status(), 200);
}

fn ways(email: bool) -> Value {
    json!({ "inbox": true, "email": email, "web_push": true, "webhook": false })
}

/// The manager is told so many things about punches, and has them in the inbox at once.
async fn punched(world: &World, times: usize) {
    let before = world.unread(world.manager.user_id).await;
    let events: Vec<_> = (0..times).map(|_| world.outside_geofence()).collect();
    world.send("attendance", &events).await;
    world.wait_for_unread(world.manager.user_id, before + i64::try_from(times).unwrap()).await;
}

fn mail_directory(world: &World) -> std::path::PathBuf {
    world.service.directory.join("mail")
}

#[tokio::test]
async fn who_has_said_nothing_has_defaults_and_what_was_said_is_replaced_whole() {
    let world = World::start().await;
    let user = UserId::generate();
    let (tag, defaults) = read(&world, user).await;
    assert_eq!((tag.as_str(), &defaults["version"], &defaults["digest"]), ("\"0\"", &json!(0), &json!("off")));
    assert_eq!(defaults["quiet_hours"], Value::Null);
    assert_eq!(defaults["categories"].as_object().unwrap().len(), 9);
    assert_eq!(
        (&defaults["categories"]["account"], &defaults["categories"]["membership"]),
        (&ways(true), &ways(false))
    );
    let said = json!({ "categories": { "leave": ways(false) }, "digest": "daily",
                       "quiet_hours": { "start": "22:00", "end": "07:00" } });
    let answer = put(&world, user, Some(&tag), &said).await;
    assert_eq!((answer.status().as_u16(), answer.headers()["etag"].to_str().unwrap()), (200, "\"1\""));
    let (tag, now) = read(&world, user).await;
    assert_eq!(
        (&now["categories"]["leave"], &now["digest"], &now["version"]),
        (&ways(false), &json!("daily"), &json!(1))
    );
    assert_eq!(now["quiet_hours"], said["quiet_hours"]);
    let late = put(&world, user, Some("\"0\""), &json!({})).await;
    assert_eq!(
        (late.status().as_u16(), late.json::<Value>().await.unwrap()["code"].clone()),
        (412, json!("version_mismatch"))
    );
    assert_eq!(put(&world, user, Some(&tag), &json!({})).await.status(), 200);
    let (_, again) = read(&world, user).await;
    assert_eq!((&again["categories"], &again["version"]), (&defaults["categories"], &json!(2)));
    assert_eq!(read(&world, UserId::generate()).await.1, defaults, "of nobody else");
}

#[tokio::test]
async fn what_cannot_be_had_is_refused_with_every_field_named() {
    let world = World::start().await;
    let off = json!({ "inbox": false, "email": false, "web_push": true, "webhook": false });
    for (body, status, pointers) in [
        (
            json!({ "categories": { "account": off } }),
            422,
            vec!["/categories/account/inbox", "/categories/account/email"],
        ),
        (
            json!({ "quiet_hours": { "start": "25:00", "end": "7" } }),
            422,
            vec!["/quiet_hours/start", "/quiet_hours/end"],
        ),
        (json!({ "quiet_hours": { "start": "07:00", "end": "07:00" } }), 422, vec!["/quiet_hours/end"]),
        (json!({ "digest": "weekly" }), 400, vec!["/digest"]),
        (json!({ "channels": [] }), 400, vec!["/channels"]),
        (json!([]), 400, vec![""]),
    ] {
        let answer = put(&world, world.manager.user_id, None, &body).await;
        assert_eq!(answer.status(), status, "{body}");
        let problem: Value = answer.json().await.unwrap();
        let named: Vec<_> =
            problem["errors"].as_array().unwrap().iter().map(|e| e["pointer"].as_str().unwrap()).collect();
        assert_eq!(named, pointers, "{problem}");
    }
    for tag in ["seven", "\"-\""] {
        assert_eq!(put(&world, world.manager.user_id, Some(tag), &json!({})).await.status(), 400);
    }
    assert_eq!(read(&world, world.manager.user_id).await.1["version"], 0);
}

#[tokio::test]
async fn a_message_is_in_the_inbox_and_by_mail_unless_its_reader_does_not_want_that() {
    let world = World::start().await;
    punched(&world, 1).await;
    // That somebody has joined is no mail by default.
    world.tell_manager(&["Ada"]).await;
    let mails = files(&mail_directory(&world), 1).await;
    assert!(mails[0].contains("To: X <x@example.org>"), "{}", mails[0]);
    assert!(mails[0].contains("Subject: Li Wei punched 320 m from Hafen"), "{}", mails[0]);
    wants(&world, json!({ "categories": { "attendance": ways(false), "membership": ways(true) } })).await;
    punched(&world, 1).await;
    world.tell_manager(&["Bob"]).await;
    let mails = files(&mail_directory(&world), 2).await;
    assert!(mails.iter().any(|mail| mail.contains("Subject: Bob joined Nordlicht")));
    wait_for_count(&world, SENT.to_owned(), 2).await;
    assert_eq!((world.count(MAILS), world.count(OWED)), (2, 0));
}

#[tokio::test]
async fn quiet_hours_hold_mail_back_until_they_end_and_neither_the_inbox_nor_account_mail() {
    let world = World::start().await;
    let manager = world.manager.user_id;
    wants(&world, json!({ "quiet_hours": { "start": "08:30", "end": "10:15" } })).await;
    let mut stream = world.listen(manager, None).await;
    stream.next_named("unread_count").await;
    punched(&world, 1).await;
    stream.next_named("notification").await;
    let mut reset = json!({
        "user_id": manager, "email": "x@example.org", "name": "X", "locale": "en", "time_zone": "UTC",
        "token": "sesame", "expires_at": "2026-06-01T09:30:00Z",
    });
    reset = world.event("user", "user.password_reset.requested.v1", &reset);
    reset.as_object_mut().unwrap().remove("orgid");
    world.send("user", &[reset]).await;
    let critical = files(&mail_directory(&world), 1).await;
    assert!(critical[0].contains("Reset your Rollcall password"), "{}", critical[0]);
    // It is 09:00; the clock of their account is UTC.
    world.service.clock.set("2026-06-01T10:14:59Z".parse().unwrap());
    release::round(world.service.app()).await.unwrap();
    assert_eq!((world.count(OWED), world.count(MAILS)), (1, 1));
    world.service.clock.set("2026-06-01T10:15:00Z".parse().unwrap());
    let mails = files(&mail_directory(&world), 2).await;
    assert!(mails.iter().any(|mail| mail.contains("Li Wei punched")), "deferred, not dropped");
    assert_eq!(world.count(OWED), 0);
}

#[tokio::test]
async fn what_is_switched_off_while_it_waits_does_not_come() {
    let world = World::start().await;
    wants(&world, json!({ "digest": "hourly" })).await;
    punched(&world, 1).await;
    assert_eq!(world.count(OWED), 1);
    wants(&world, json!({ "digest": "hourly", "categories": { "attendance": ways(false) } })).await;
    world.service.clock.advance(SignedDuration::from_hours(1));
    wait_for_count(&world, OWED.to_owned(), 0).await;
    assert_eq!(world.count(MAILS), 0);
}

#[tokio::test]
async fn a_digest_that_was_killed_between_reading_and_marking_comes_once_and_whole() {
    let world = World::start().await;
    wants(&world, json!({ "digest": "daily" })).await;
    punched(&world, 3).await;
    assert_eq!((world.count(OWED), world.count(MAILS)), (3, 0));
    // The digest's row is written and its mail is not: so far and no further.
    let mut admin = PgConnection::establish(&world.service.admin_url).unwrap();
    diesel::sql_query("BEGIN").execute(&mut admin).unwrap();
    diesel::sql_query("LOCK TABLE mail_deliveries IN SHARE MODE").execute(&mut admin).unwrap();
    world.service.clock.set("2026-06-02T08:00:00Z".parse().unwrap());
    let blocked = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                   AND wait_event_type = 'Lock' AND query LIKE '%mail_deliveries%' AND query LIKE 'INSERT%'";
    wait_for_count(&world, blocked.to_owned(), 1).await;
    let killed = world.count(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() \
         AND wait_event_type = 'Lock' AND query LIKE 'INSERT%'",
    );
    assert_eq!(killed, 1);
    assert_eq!(world.count("SELECT count(*) FROM digests"), 0, "what was begun is as if it had not been");
    diesel::sql_query("ROLLBACK").execute(&mut admin).unwrap();
    // It is tried again in half a minute, and is still the digest of eight o'clock.
    let put_off = "SELECT count(*) FROM owed_messages WHERE next_attempt_at > due_at";
    wait_for_count(&world, put_off.to_owned(), 3).await;
    world.service.clock.advance(SignedDuration::from_secs(31));
    let mails = files(&mail_directory(&world), 1).await;
    assert!(mails[0].contains("Subject: 3 new messages, 2 Jun 2026"), "{}", mails[0]);
    // What a second instance would do at the same moment.
    let app = world.service.app();
    let (a, b) = tokio::join!(release::round(app), release::round(app));
    assert!(a.is_ok() && b.is_ok());
    wait_for_count(&world, SENT.to_owned(), 1).await;
    assert_eq!((world.count(OWED), world.count(MAILS)), (0, 1));
    assert_eq!(world.count("SELECT count(*) FROM digests WHERE cardinality(notification_ids) = 3"), 1);
}

#[tokio::test]
async fn several_who_hand_over_at_once_hand_over_once() {
    let world = World::start().await;
    wants(&world, json!({ "digest": "hourly" })).await;
    punched(&world, 5).await;
    let app = world.service.app();
    world.service.clock.advance(SignedDuration::from_hours(1));
    let rounds = futures_util::future::join_all((0..4).map(|_| release::round(app))).await;
    assert!(rounds.iter().all(Result::is_ok));
    wait_for_count(&world, SENT.to_owned(), 1).await;
    assert_eq!((world.count(MAILS), world.count("SELECT count(*) FROM digests")), (1, 1));
}

#[tokio::test]
async fn a_message_that_comes_after_the_digest_of_its_period_is_in_the_next() {
    let world = World::start().await;
    wants(&world, json!({ "digest": "hourly" })).await;
    punched(&world, 1).await;
    world.service.clock.set("2026-06-01T10:00:00Z".parse().unwrap());
    files(&mail_directory(&world), 1).await;
    // Stored a moment before ten by another instance, and committed only now.
    world.service.clock.set("2026-06-01T09:59:59Z".parse().unwrap());
    punched(&world, 1).await;
    world.service.clock.set("2026-06-01T10:00:01Z".parse().unwrap());
    let moved = "SELECT count(*) FROM owed_messages WHERE due_at = '2026-06-01T11:00:00Z' AND gathered";
    wait_for_count(&world, moved.to_owned(), 1).await;
    world.service.clock.set("2026-06-01T11:00:00Z".parse().unwrap());
    let mails = files(&mail_directory(&world), 2).await;
    assert!(mails.iter().all(|mail| mail.contains("Subject: 1 new message, 1 Jun 2026")));
    assert_eq!(world.count("SELECT count(*) FROM digests"), 2);
}

#[tokio::test]
async fn whose_address_is_not_to_be_had_now_gets_the_mail_once_it_is() {
    let world = World::empty(|_| {}).await;
    let away =
        Mock::given(method("GET")).and(path_regex("^/internal/v1/users/")).respond_with(ResponseTemplate::new(503));
    let away = away.mount_as_scoped(&world.peers).await;
    world.send("org", &[world.org(1, "en"), world.is(world.manager, 1, true, &[])]).await;
    punched(&world, 1).await;
    let put_off = "SELECT count(*) FROM owed_messages WHERE next_attempt_at > due_at";
    wait_for_count(&world, put_off.to_owned(), 1).await;
    drop(away);
    world.everybody_reads("en").await;
    let mail = tokio::time::timeout(crate::support::PATIENCE, async {
        while world.count(SENT) == 0 {
            world.service.clock.advance(SignedDuration::from_secs(10));
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    });
    assert!(mail.await.is_ok(), "it never came");
    assert_eq!((world.count(OWED), world.count(MAILS)), (0, 1));
}

#[tokio::test]
async fn an_announcement_is_owed_by_mail_after_it_is_in_every_inbox() {
    let world = World::start().await;
    let mut owner = world.employee_fact(world.owner, 2, true, &[]);
    owner["grants"] = json!([{ "role": "custom", "permissions": ["announcements.write"], "scope": { "kind": "org" } }]);
    world.send("org", &[world.event("org", "org.employee.changed.v1", &owner)]).await;
    world.sql(&format!("INSERT INTO whole_copies VALUES ('{}', 9, now(), now())", world.org_id));
    wants(&world, json!({ "categories": { "announcements": ways(false) } })).await;
    let at = format!("/api/notification/v1/orgs/{}/announcements", world.org_id);
    let body = json!({ "title": "Canteen", "body": "Closed.\nOn Friday.", "audience": { "kind": "everyone" } });
    let made = world.service.as_user(world.owner.user_id).post(&at).json(&body).send().await.unwrap();
    assert_eq!(made.status(), 201);
    for who in [world.owner, world.manager, world.employee] {
        assert_eq!(world.unread(who.user_id).await, 1);
    }
    let mails = files(&mail_directory(&world), 2).await;
    assert!(mails.iter().all(|mail| mail.contains("Subject: Canteen") && mail.contains("On Friday.")));
    wait_for_count(&world, SENT.to_owned(), 2).await;
    wait_for_count(&world, "SELECT count(*) FROM announcements WHERE owed_at IS NOT NULL".to_owned(), 1).await;
    assert_eq!((world.count(OWED), world.count(MAILS)), (0, 2));
}
