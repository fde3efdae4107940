//! Failed attempts are slowed down, and nobody is locked out.

use crate::support::{Client, Fixture, PASSWORD, Reply};
use jiff::SignedDuration;
use rollcall_stack::testing::set;
use rollcall_user::passwords::domain::Password;
use serde_json::json;
use std::sync::mpsc;
use std::time::Duration;

const SESSIONS: &str = "/api/user/v1/sessions";

async fn attempt(client: &Client, email: &str, password: &str, address: &str) -> Reply {
    let body = json!({"email": email, "password": password});
    client.send(client.request("POST", SESSIONS).header("X-Forwarded-For", address).json(&body)).await
}

#[tokio::test]
async fn guesses_at_one_account_are_slowed_down_from_wherever_they_come() {
    let fixture = Fixture::start().await;
    fixture.sign_up("ada@example.org").await;
    for email in ["ada@example.org", "nobody@example.org"] {
        for guess in 0..6 {
            let reply = attempt(&fixture, email, "wrong horse", &format!("198.{guess}.100.7")).await;
            assert_eq!(reply.status, 401, "{email}: guess {guess}");
        }
        let reply = attempt(&fixture, email, "wrong horse", "203.0.113.9").await;
        assert_eq!(
            (reply.status, reply.code(), reply.header("retry-after")),
            (429, "too_many_attempts", "1"),
            "{email}"
        );
    }
    fixture.advance(SignedDuration::from_secs(1));
    let reply = attempt(&fixture, "ada@example.org", PASSWORD, "203.0.113.9").await;
    assert_eq!(reply.status, 201, "a second later the owner is let in, and the count begins anew");
    assert_eq!(attempt(&fixture, "ada@example.org", "wrong horse", "198.0.100.7").await.status, 401);
}

#[tokio::test]
async fn what_strangers_try_does_not_slow_down_the_owner_where_they_are_known() {
    let fixture = Fixture::start().await;
    fixture.sign_up("ada@example.org").await;
    assert_eq!(attempt(&fixture, "ada@example.org", PASSWORD, "203.0.113.9").await.status, 201);
    while attempt(&fixture, "ada@example.org", "wrong horse", "198.51.100.7").await.status != 429 {}
    assert_eq!(attempt(&fixture, "ada@example.org", PASSWORD, "203.0.113.9").await.status, 201);
}

#[tokio::test]
async fn guesses_from_one_address_are_slowed_down_whatever_the_account() {
    let fixture = Fixture::with(|settings| set(settings, "throttling.address.free", 5)).await;
    fixture.sign_up("ada@example.org").await;
    for guess in 0..6 {
        let reply = attempt(&fixture, &format!("eve{guess}@example.org"), "wrong horse", "198.51.100.7").await;
        assert_eq!(reply.status, 401);
    }
    assert_eq!(attempt(&fixture, "eve@example.org", "wrong horse", "198.51.100.7").await.status, 429);
    assert_eq!(attempt(&fixture, "ada@example.org", PASSWORD, "203.0.113.9").await.status, 201, "others go on");
    for _ in 0..20 {
        let reply = attempt(&fixture, "ada@example.org", PASSWORD, "203.0.113.9").await;
        assert_eq!(reply.status, 201, "successes do not count");
    }
}

#[tokio::test]
async fn a_thousand_guesses_at_once_are_not_a_thousand_free_ones() {
    let fixture = Fixture::start().await;
    fixture.sign_up("ada@example.org").await;
    let guesses = (0..60).map(|_| attempt(&fixture, "ada@example.org", "wrong horse", "198.51.100.7"));
    let replies = futures_util::future::join_all(guesses).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 401).count(), 6);
    assert!(replies.iter().all(|reply| reply.status == 401 || !reply.header("retry-after").is_empty()));
}

/// A service that looks at one password at a time, while others wait for the rest of the places.
async fn with_places(places: i64) -> Fixture {
    Fixture::with(|settings| {
        set(settings, "passwords.workers", 1);
        set(settings, "passwords.queue", places - 1);
    })
    .await
}

/// Has the one worker busy until what it answers is dropped.
fn occupy(fixture: &Fixture) -> mpsc::Sender<()> {
    let (held, release) = mpsc::channel::<()>();
    let (begun, has_begun) = mpsc::channel();
    let passwords = fixture.app().passwords.clone();
    tokio::spawn(async move {
        let look = move || {
            begun.send(()).unwrap();
            release.recv().unwrap_err();
        };
        passwords.verify(Password::presented("x"), None, look).await.unwrap();
    });
    tokio::task::block_in_place(|| has_begun.recv()).unwrap();
    held
}

/// Until no attempt is counted for anybody.
async fn nothing_is_counted(fixture: &Fixture) {
    let counted = "SELECT failures::text AS value FROM throttles WHERE failures > 0";
    let waited = tokio::time::timeout(Duration::from_secs(10), async {
        while !fixture.sql(counted).await.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    waited.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_finds_no_place_has_not_failed() {
    let fixture = with_places(1).await;
    fixture.sign_up("ada@example.org").await;
    let held = occupy(&fixture);
    for _ in 0..10 {
        let reply = attempt(&fixture, "ada@example.org", PASSWORD, "203.0.113.9").await;
        assert_eq!((reply.status, reply.code()), (503, "unavailable"));
    }
    nothing_is_counted(&fixture).await;
    drop(held);
    while attempt(&fixture, "ada@example.org", PASSWORD, "203.0.113.9").await.status == 503 {}
    assert_eq!(attempt(&fixture, "ada@example.org", PASSWORD, "203.0.113.9").await.status, 201);
    fixture.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_that_finds_no_place_is_no_failure_either() {
    let fixture = with_places(1).await;
    let token = fixture.log_in("ada@example.org").await.text("access_token").to_owned();
    let change = || async {
        let body = json!({"current_password": PASSWORD, "new_password": "another horse, another stable"});
        let request = fixture.request("PUT", "/api/user/v1/users/me/password").bearer_auth(&token);
        fixture.send(request.json(&body)).await.status
    };
    let held = occupy(&fixture);
    for _ in 0..10 {
        assert_eq!(change().await, 503);
    }
    nothing_is_counted(&fixture).await;
    drop(held);
    while change().await == 503 {}
    assert_eq!(change().await, 422, "it is the new one now");
    fixture.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_time_is_over_before_it_is_their_turn_has_not_failed() {
    let fixture = with_places(2).await;
    fixture.sign_up("ada@example.org").await;
    let held = occupy(&fixture);
    for _ in 0..3 {
        let body = json!({"email": "ada@example.org", "password": PASSWORD});
        let request = fixture.request("POST", SESSIONS).header("Request-Deadline-Ms", "500").json(&body);
        assert_eq!(fixture.send(request).await.code(), "deadline_exceeded");
    }
    nothing_is_counted(&fixture).await;
    drop(held);
    fixture.stop().await;
}
