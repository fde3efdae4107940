//! Failed attempts are slowed down, and nobody is locked out.

use crate::support::{Client, Fixture, PASSWORD, Reply};
use jiff::SignedDuration;
use serde_json::json;

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
    let fixture = Fixture::with(|settings| rollcall_stack::testing::set(settings, "throttling.address.free", 5)).await;
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
