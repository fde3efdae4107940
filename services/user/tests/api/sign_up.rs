//! Making an account.

use crate::support::{Fixture, PASSWORD, ada};
use serde_json::json;

const USERS: &str = "/api/user/v1/users";

#[tokio::test]
async fn an_account_is_made_and_shown_without_its_password() {
    let fixture = Fixture::start().await;
    let reply = fixture.post(USERS, &ada()).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    assert_eq!(reply.header("location"), "/api/user/v1/users/me");
    assert_eq!(reply.header("etag"), "\"1\"");
    let mut fields: Vec<_> = reply.body.as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["created_at", "email", "locale", "name", "time_zone", "user_id", "version"]);
    assert_eq!(reply.body["email"], "Ada@example.org");
    assert_eq!(reply.body["locale"], "en");
    assert_eq!(reply.body["time_zone"], "Europe/London");
}

#[tokio::test]
async fn language_and_zone_have_defaults_and_are_put_in_canonical_form() {
    let fixture = Fixture::start().await;
    let plain = json!({"email": "a@example.org", "password": PASSWORD, "name": "A"});
    let reply = fixture.post(USERS, &plain).await;
    assert_eq!((&reply.body["locale"], &reply.body["time_zone"]), (&json!("en"), &json!("UTC")));
    let chinese = json!({"email": "b@example.org", "password": PASSWORD, "name": "张伟", "locale": "zh-cn", "time_zone": "asia/shanghai"});
    let reply = fixture.post(USERS, &chinese).await;
    assert_eq!((&reply.body["locale"], &reply.body["time_zone"]), (&json!("zh-CN"), &json!("Asia/Shanghai")));
}

#[tokio::test]
async fn an_address_is_taken_in_any_case() {
    let fixture = Fixture::start().await;
    fixture.post(USERS, &ada()).await;
    let mut again = ada();
    again["email"] = "aDA@EXAMPLE.org".into();
    let reply = fixture.post(USERS, &again).await;
    assert_eq!((reply.status, reply.code()), (409, "email_taken"));
}

#[tokio::test]
async fn of_many_who_want_one_address_at_once_one_gets_it() {
    let fixture = Fixture::start().await;
    let body = ada();
    let replies = futures_util::future::join_all((0..8).map(|_| fixture.post(USERS, &body))).await;
    let mut statuses: Vec<_> = replies.iter().map(|reply| reply.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409]);
}

#[tokio::test]
async fn a_repetition_with_the_same_key_gets_the_same_account() {
    let fixture = Fixture::start().await;
    let send = |body| fixture.send(fixture.request("POST", USERS).header("Idempotency-Key", "k-1").json(&body));
    let first = send(ada()).await;
    let second = send(ada()).await;
    assert_eq!((first.status, second.status), (201, 201), "{second:?}");
    assert_eq!(first.body, second.body);
    assert_eq!(first.headers.get("idempotency-replayed"), None);
    assert_eq!(second.header("idempotency-replayed"), "true");

    for (field, other) in [("email", "eve@example.org"), ("password", "another horse"), ("name", "Eve")] {
        let mut changed = ada();
        changed[field] = other.into();
        let reply = send(changed).await;
        assert_eq!((reply.status, reply.code()), (422, "idempotency_key_reused"), "another {field}");
    }
    let reply = fixture.post(USERS, &ada()).await;
    assert_eq!(reply.code(), "email_taken", "without the key it is another request");
}

#[tokio::test]
async fn of_repetitions_at_once_one_makes_the_account_and_all_get_it() {
    let fixture = Fixture::start().await;
    let send = || fixture.send(fixture.request("POST", USERS).header("Idempotency-Key", "k-1").json(&ada()));
    let replies = futures_util::future::join_all((0..5).map(|_| send())).await;
    assert!(replies.iter().all(|reply| reply.status == 201 && reply.body == replies[0].body), "{replies:?}");
    assert_eq!(replies.iter().filter(|reply| reply.header("idempotency-replayed") == "true").count(), 4);
}

#[tokio::test]
async fn every_bad_field_is_named_at_once() {
    let fixture = Fixture::start().await;
    let bad = json!({"email": "ada", "password": "short", "name": " ", "locale": "english please", "time_zone": "Mars/Olympus"});
    let reply = fixture.post(USERS, &bad).await;
    assert_eq!((reply.status, reply.code()), (422, "invalid_input"));
    let expected = [
        ("/email", "invalid_email"),
        ("/password", "password_length"),
        ("/name", "length"),
        ("/locale", "invalid_locale"),
        ("/time_zone", "unknown_time_zone"),
    ];
    assert_eq!(reply.errors(), expected.map(|(pointer, code)| (pointer.to_owned(), code.to_owned())));
}

#[tokio::test]
async fn a_password_that_everybody_knows_is_refused() {
    let fixture = Fixture::start().await;
    let mut body = ada();
    body["password"] = "iLoveYou".into();
    let reply = fixture.post(USERS, &body).await;
    assert_eq!(reply.errors(), [("/password".to_owned(), "password_common".to_owned())]);
}

#[tokio::test]
async fn the_database_has_neither_the_password_nor_the_key_in_clear() {
    let fixture = Fixture::start().await;
    fixture.send(fixture.request("POST", USERS).header("Idempotency-Key", "my-own-key").json(&ada())).await;
    let dump = fixture.sql("SELECT u::text AS value FROM users u").await;
    assert_eq!(dump.len(), 1);
    assert!(dump[0].contains("$argon2id$v=19$m=19456,t=2,p=1$"), "{dump:?}");
    assert!(!dump[0].contains(PASSWORD) && !dump[0].contains("my-own-key"));
    assert!(fixture.sql("SELECT k::text AS value FROM idempotency_keys k").await.is_empty());
}
