//! What another service does with the tokens of this one.

use crate::neighbour::Street;
use crate::support::PASSWORD;
use jiff::SignedDuration;
use rollcall_user::accounts;
use rollcall_user::users::domain::EmailAddress;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const CURRENT: &str = "/api/user/v1/sessions/current";

#[tokio::test]
async fn a_session_that_ends_is_refused_by_the_neighbour_within_two_seconds() {
    let street = Street::build().await;
    let here = street.user.log_in("ada@example.org").await;
    let there = street.user.log_in_again("ada@example.org").await;
    let (here, there) = (here.text("access_token"), there.text("access_token"));
    assert_eq!((street.status(here).await, street.status(there).await), (200, 200));
    let ended = street.user.send(street.user.request("DELETE", CURRENT).bearer_auth(here)).await;
    assert_eq!(ended.status, 204);
    street.refused_within_two_seconds(here).await;
    assert_eq!(street.status(there).await, 200);
    assert_eq!(street.user.get_as(here, "/api/user/v1/users/me").await.status, 401, "and here at once");
}

#[tokio::test]
async fn a_neighbour_that_was_down_when_a_session_ended_refuses_it_from_its_first_request_on() {
    let mut tokens = Vec::new();
    let street = Street::build_after(async |user| {
        let ended = user.log_in("ada@example.org").await.text("access_token").to_owned();
        let lives = user.log_in_again("ada@example.org").await.text("access_token").to_owned();
        assert_eq!(user.send(user.request("DELETE", CURRENT).bearer_auth(&ended)).await.status, 204);
        tokens.extend([ended, lives]);
    })
    .await;
    assert_eq!((street.status(&tokens[0]).await, street.status(&tokens[1]).await), (401, 200));
}

#[tokio::test]
async fn a_disabled_account_is_refused_everywhere_within_two_seconds_until_it_is_enabled() {
    let street = Street::build().await;
    let session = street.user.log_in("ada@example.org").await;
    let token = session.text("access_token");
    let made = street.user.make_api_token(token, &["org:read"]).await;
    let api_token = made.text("token");
    assert_eq!((street.status(token).await, street.status(api_token).await), (200, 200));
    let email = || EmailAddress::parse("ADA@example.org").unwrap();
    accounts::disable(street.user.app(), email()).await.unwrap();
    street.refused_within_two_seconds(token).await;
    street.refused_within_two_seconds(api_token).await;
    assert_eq!(street.user.refresh(session.text("refresh_token")).await.code(), "session_ended");
    let login = json!({"email": "ada@example.org", "password": PASSWORD});
    let reply = street.user.post("/api/user/v1/sessions", &login).await;
    assert_eq!((reply.status, reply.code()), (403, "account_disabled"));
    let wrong = json!({"email": "ada@example.org", "password": "wrong horse"});
    assert_eq!(street.user.post("/api/user/v1/sessions", &wrong).await.code(), "invalid_credentials");

    accounts::enable(street.user.app(), email()).await.unwrap();
    street.advance(SignedDuration::from_secs(2));
    let again = street.user.log_in_again("ada@example.org").await;
    assert_eq!(street.status(again.text("access_token")).await, 200);
    assert_eq!((street.status(token).await, street.status(api_token).await), (401, 401), "what was ended stays ended");
}

#[tokio::test]
async fn an_api_token_works_at_the_neighbour_within_its_scopes_until_it_is_revoked() {
    let street = Street::build().await;
    let session = street.user.log_in("ada@example.org").await;
    let made = street.user.make_api_token(session.text("access_token"), &["org:read"]).await;
    let token = made.text("token");
    assert_eq!((street.status(token).await, street.status_of_act(token).await), (200, 403));
    let path = format!("/api/user/v1/api-tokens/{}", made.text("api_token_id"));
    let revoked =
        street.user.send(street.user.request("DELETE", &path).bearer_auth(session.text("access_token"))).await;
    assert_eq!(revoked.status, 204);
    street.refused_within_two_seconds(token).await;
}

#[tokio::test]
async fn with_user_stopped_for_an_hour_the_signed_in_keep_working_until_their_token_ends() {
    let street = Street::build().await;
    let session = street.user.log_in("ada@example.org").await;
    let token = session.text("access_token").to_owned();
    let made = street.user.make_api_token(&token, &["org:read"]).await;
    let api_token = made.text("token").to_owned();
    let refresh = session.text("refresh_token").to_owned();
    assert_eq!((street.status(&token).await, street.status(&api_token).await), (200, 200));
    // Its settings, keys and database stay, as with a service that is down.
    let Street { user, probe } = street;
    let stopped = user.stop().await;
    let ask = async |token: &str| {
        let answer = probe.get("/who").bearer_auth(token).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    for minute in 0..60 {
        let (status, body) = ask(&token).await;
        assert_eq!(status, if minute <= 5 { 200 } else { 401 }, "minute {minute}");
        assert!(status == 200 || !body.contains("user"), "{body}");
        assert_eq!(ask(&api_token).await.0, 200, "minute {minute}: a time clock works on");
        probe.clock.advance(SignedDuration::from_mins(1));
        stopped.clock.advance(SignedDuration::from_mins(1));
    }
    let back = stopped.start_again().await;
    let next = back.refresh(&refresh).await;
    assert_eq!(next.status, 200, "{next:?}");
}

#[tokio::test]
async fn keys_rotated_twice_under_load_make_no_valid_token_refused() {
    let street = Arc::new(Street::build().await);
    street.user.sign_up("ada@example.org").await;
    let done = Arc::new(AtomicBool::new(false));
    let load: Vec<_> = (0..3)
        .map(|_| {
            let (street, done) = (Arc::clone(&street), Arc::clone(&done));
            tokio::spawn(async move {
                let mut checked = 0;
                let mut session = street.user.log_in_again("ada@example.org").await;
                while !done.load(Ordering::Relaxed) {
                    session = street.user.refresh(session.text("refresh_token")).await;
                    assert_eq!(session.status, 200, "{session:?}");
                    for _ in 0..3 {
                        let asked_at = street.probe.clock.now();
                        let status = street.status(session.text("access_token")).await;
                        // The clock is moved by minutes: a token may expire between two lines.
                        let aged = street.probe.clock.now().duration_since(asked_at) > SignedDuration::ZERO;
                        assert!(status == 200 || aged, "a valid token was refused: {status}");
                        checked += 1;
                    }
                }
                checked
            })
        })
        .collect();
    let mut names = std::collections::BTreeSet::new();
    for _ in 0..2 {
        let next = street.user.app().rotate_keys().await.unwrap();
        assert!(next.made && names.insert(next.kid.clone()));
        assert!(!street.user.app().rotate_keys().await.unwrap().made, "one waits already");
        let published = street.user.get("/.well-known/jwks.json").await;
        assert!(published.body["keys"].as_array().unwrap().iter().any(|key| key["kid"] == next.kid.as_str()));
        // The neighbour reads the keys once a second here, and once in five minutes by default: both well before.
        tokio::time::sleep(std::time::Duration::from_millis(1_300)).await;
        for _ in 0..20 {
            street.advance(SignedDuration::from_secs(54));
            tokio::time::sleep(std::time::Duration::from_millis(60)).await;
        }
        street.user.app().read_keys().await.unwrap();
    }
    done.store(true, Ordering::Relaxed);
    for task in load {
        assert!(task.await.unwrap() > 10);
    }
    let published = street.user.get("/.well-known/jwks.json").await;
    assert!(published.body["keys"].as_array().unwrap().len() <= 2, "the first key is retired");
    let wiped = "SELECT count(*)::text AS value FROM signing_keys WHERE octet_length(sealed_private_key) = 0";
    assert_ne!(street.user.sql(wiped).await, ["0"], "what is retired cannot sign again");
}
