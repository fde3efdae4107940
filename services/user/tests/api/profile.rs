//! One's own profile, and what other services see of it.

use crate::support::Fixture;
use rollcall_ids::UserId;
use rollcall_user_api::internal;
use serde_json::json;

const ME: &str = "/api/user/v1/users/me";

#[tokio::test]
async fn a_profile_is_changed_in_part_and_has_a_new_version() {
    let fixture = Fixture::start().await;
    let session = fixture.log_in("ada@example.org").await;
    let token = session.text("access_token");
    let change = json!({"name": "Ada King", "locale": "zh-CN"});
    let reply =
        fixture.send(fixture.request("PATCH", ME).bearer_auth(token).header("If-Match", "\"1\"").json(&change)).await;
    assert_eq!((reply.status, reply.header("etag")), (200, "\"2\""), "{reply:?}");
    let mut expected = session.body["user"].clone();
    expected["name"] = "Ada King".into();
    expected["locale"] = "zh-CN".into();
    expected["version"] = 2.into();
    assert_eq!(reply.body, expected);
    let read = fixture.get_as(token, ME).await;
    assert_eq!((read.header("etag"), &read.body), ("\"2\"", &expected));
}

#[tokio::test]
async fn a_change_against_an_older_version_is_refused_and_changes_nothing() {
    let fixture = Fixture::start().await;
    let session = fixture.log_in("ada@example.org").await;
    let token = session.text("access_token");
    let patch = |version: &'static str, name: &'static str| {
        fixture.send(
            fixture.request("PATCH", ME).bearer_auth(token).header("If-Match", version).json(&json!({"name": name})),
        )
    };
    assert_eq!(patch("\"1\"", "First").await.status, 200);
    let late = patch("\"1\"", "Second").await;
    assert_eq!((late.status, late.code()), (412, "version_mismatch"));
    assert_eq!(fixture.get_as(token, ME).await.body["name"], "First");
    assert_eq!(patch("seven", "Third").await.status, 400);
}

#[tokio::test]
async fn a_change_of_nothing_is_no_new_version() {
    let fixture = Fixture::start().await;
    let session = fixture.log_in("ada@example.org").await;
    let request = fixture.request("PATCH", ME).bearer_auth(session.text("access_token")).json(&json!({}));
    let reply = fixture.send(request).await;
    assert_eq!((reply.status, reply.header("etag")), (200, "\"1\""));
}

#[tokio::test]
async fn what_cannot_stand_in_a_profile_is_named() {
    let fixture = Fixture::start().await;
    let session = fixture.log_in("ada@example.org").await;
    let patch = |body| fixture.send(fixture.request("PATCH", ME).bearer_auth(session.text("access_token")).json(&body));
    let reply = patch(json!({"name": "", "locale": "!", "time_zone": "Nowhere"})).await;
    assert_eq!(reply.status, 422);
    let pointers: Vec<_> = reply.errors().into_iter().map(|(pointer, _)| pointer).collect();
    assert_eq!(pointers, ["/name", "/locale", "/time_zone"]);
    for (body, pointer) in [
        (json!({"name": null}), "/name"),
        (json!({"time_zone": 7}), "/time_zone"),
        (json!({"email": "eve@example.org"}), "/email"),
    ] {
        let reply = patch(body).await;
        assert_eq!((reply.status, reply.errors()[0].0.as_str()), (400, pointer), "{reply:?}");
    }
}

#[tokio::test]
async fn a_service_learns_how_to_reach_somebody() {
    let fixture = Fixture::start().await;
    let user = fixture.sign_up("ada@example.org").await;
    let user_id: UserId = user["user_id"].as_str().unwrap().parse().unwrap();
    let ask = |id| {
        fixture
            .send(fixture.request("GET", &internal::user_path(id)).bearer_auth(fixture.service_token("notification")))
    };
    let reply = ask(user_id).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let contact: internal::Contact = serde_json::from_value(reply.body).unwrap();
    let expected = internal::Contact {
        user_id,
        email: "ada@example.org".into(),
        name: "Ada Lovelace".into(),
        locale: "en".into(),
        time_zone: "Europe/London".into(),
    };
    assert_eq!(contact, expected);
    assert_eq!(ask(UserId::generate()).await.status, 404);
}
