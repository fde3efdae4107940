//! Streams that end because the right to listen does.

use crate::support::{Events, Heard, World};
use jiff::SignedDuration;
use rollcall_common::auth::{API_TOKEN_REVOKED, Revocation, SESSION_ENDED, USER_DISABLED, api_token_path};
use rollcall_common::secret::sha256;
use rollcall_ids::{EventId, SessionId, UserId};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use wiremock::matchers::{method, path};
use wiremock::{Mock, ResponseTemplate};

/// Within which an end has to be felt.
const FELT: Duration = Duration::from_secs(2);
/// What ends in the middle of a test, ends a while after streams have begun.
const WHILE: SignedDuration = SignedDuration::from_secs(10);

fn event(kind: &str, data: &Revocation) -> Value {
    json!({
        "specversion": "1.0", "id": EventId::generate(), "source": "/rollcall/user", "type": kind, "subject": "s",
        "time": data.revoked_at, "datacontenttype": "application/json", "data": data,
    })
}

/// The event that a session, or an API token, has ended.
fn ended(world: &World, kind: &str, user_id: UserId, id: SessionId) -> Value {
    let now = world.service.clock.now();
    event(kind, &Revocation::of_session(id, user_id, now, now + SignedDuration::from_mins(6)))
}

/// A stream of a session of its own.
async fn signed_in(world: &World, base_url: &str, user_id: UserId) -> (SessionId, Events) {
    let claims = world.service.keys.claims(user_id);
    let token = world.service.keys.sign(&claims).unwrap();
    (claims.sid, open(world, base_url, &token).await)
}

async fn open(world: &World, base_url: &str, token: &str) -> Events {
    let request = world.service.http.get(format!("{base_url}/api/notification/v1/stream")).bearer_auth(token);
    let mut stream = Events::of(request.send().await.unwrap());
    stream.next_named("unread_count").await;
    stream
}

async fn assert_ends(mut stream: Events, since: Instant) {
    assert!(matches!(stream.next().await, Heard::Retry(100..=1_000)));
    assert_eq!(stream.next().await, Heard::End);
    assert!(since.elapsed() < FELT, "{:?}", since.elapsed());
}

#[tokio::test]
async fn a_stream_ends_with_its_session_on_every_instance_and_others_go_on() {
    let world = World::start().await;
    let manager = world.manager.user_id;
    let second = crate::stream::second_instance(&world).await;
    let (session, here) = signed_in(&world, &world.service.base_url, manager).await;
    let (elsewhere, there) = signed_in(&world, &format!("http://{}", second.address()), manager).await;
    let (_, mut other) = signed_in(&world, &world.service.base_url, manager).await;
    world.service.clock.advance(WHILE);

    let since = Instant::now();
    let events = [session, elsewhere].map(|id| ended(&world, SESSION_ENDED, manager, id));
    world.send("user", &events).await;
    assert_ends(here, since).await;
    assert_ends(there, since).await;
    world.tell_manager(&["Ada"]).await;
    assert_eq!(other.next_titles(1).await[0].1, "Ada joined Nordlicht");
    second.stop().await.unwrap();
}

#[tokio::test]
async fn all_streams_of_an_account_end_when_it_is_disabled() {
    let world = World::start().await;
    let manager = world.manager.user_id;
    let mut streams = Vec::new();
    for _ in 0..2 {
        streams.push(signed_in(&world, &world.service.base_url, manager).await.1);
    }
    let (_, mut owner) = signed_in(&world, &world.service.base_url, world.owner.user_id).await;
    world.service.clock.advance(WHILE);
    let now = world.service.clock.now();
    let since = Instant::now();
    let disabled = Revocation::of_user(manager, now, now + SignedDuration::from_mins(6));
    world.send("user", &[event(USER_DISABLED, &disabled)]).await;
    for stream in streams {
        assert_ends(stream, since).await;
    }
    assert!(owner.stays_silent().await);
}

#[tokio::test]
async fn a_stream_ends_with_its_api_token() {
    let world = World::start().await;
    let (user_id, id) = (world.manager.user_id, SessionId::generate());
    let grant = json!({
        "api_token_id": id, "user_id": user_id, "scopes": ["notification:read"],
        "created_at": world.service.clock.now(), "expires_at": "2027-01-01T00:00:00Z",
    });
    Mock::given(method("GET"))
        .and(path(api_token_path(&sha256(b"rct_script"))))
        .respond_with(ResponseTemplate::new(200).set_body_json(grant))
        .mount(&world.peers)
        .await;
    let stream = open(&world, &world.service.base_url, "rct_script").await;
    world.service.clock.advance(WHILE);
    let since = Instant::now();
    world.send("user", &[ended(&world, API_TOKEN_REVOKED, user_id, id)]).await;
    assert_ends(stream, since).await;
}

#[tokio::test]
async fn what_user_tells_besides_is_taken_and_concerns_nobody_here_yet() {
    let world = World::start().await;
    let mut unknown = event(
        SESSION_ENDED,
        &Revocation::of_user(UserId::generate(), world.service.clock.now(), world.service.clock.now()),
    );
    unknown["type"] = "user.login.unheard_of.v1".into();
    assert_eq!(world.send("user", &[unknown]).await[0]["verdict"], "applied");
}
