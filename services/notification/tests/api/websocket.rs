//! The stream over a WebSocket, read by a client that others have written.

use crate::support::{World, number};
use futures_util::{SinkExt as _, StreamExt as _};
use jiff::SignedDuration;
use rollcall_common::auth::{Revocation, SESSION_ENDED};
use rollcall_ids::{EventId, SessionId, UserId};
use rollcall_notification_api::stream::SUBPROTOCOL;
use rollcall_stack::testing::set;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const PATIENCE: Duration = Duration::from_secs(10);

/// A client.
struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

/// What a client heard.
#[derive(Debug, PartialEq)]
enum Heard {
    Event(Value),
    Ping,
    Closed(u16, String),
}

impl Socket {
    async fn open(request: Request) -> Self {
        Self(connect_async(request).await.unwrap().0)
    }

    async fn next(&mut self) -> Heard {
        loop {
            match timeout(PATIENCE, self.0.next()).await.unwrap().unwrap().unwrap() {
                Message::Text(text) => return Heard::Event(serde_json::from_str(&text).unwrap()),
                Message::Ping(_) => return Heard::Ping,
                Message::Close(Some(frame)) => return Heard::Closed(frame.code.into(), frame.reason.to_string()),
                Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// The next message of the inbox: its id and its title.
    async fn next_title(&mut self) -> (String, String) {
        loop {
            let Heard::Event(event) = self.next().await else { panic!("it ended") };
            if event["event"] == "notification" {
                let text = |value: &Value| value.as_str().unwrap().to_owned();
                return (text(&event["id"]), text(&event["data"]["title"]));
            }
        }
    }

    async fn assert_closes(mut self, code: u16, why: &str) {
        loop {
            match self.next().await {
                Heard::Closed(found, reason) => {
                    assert_eq!(found, code, "{reason}");
                    let retry = reason.strip_prefix(&format!("{why} retry_ms="));
                    assert!(retry.is_some_and(|retry| retry.parse::<u64>().is_ok()), "{reason}");
                    // And nothing after it.
                    assert!(timeout(PATIENCE, self.0.next()).await.unwrap().is_none());
                    return;
                }
                Heard::Event(_) | Heard::Ping => {}
            }
        }
    }
}

fn at(world: &World, last: Option<&str>) -> Request {
    let address = world.service.base_url.replace("http://", "ws://");
    let query = last.map(|last| format!("?last_event_id={last}")).unwrap_or_default();
    format!("{address}/api/notification/v1/stream/ws{query}").into_client_request().unwrap()
}

fn with(mut request: Request, name: &'static str, value: &str) -> Request {
    request.headers_mut().insert(name, value.parse().unwrap());
    request
}

fn by(world: &World, user: UserId, last: Option<&str>) -> Request {
    let token = world.service.keys.access_token(user).unwrap();
    with(at(world, last), "authorization", &format!("Bearer {token}"))
}

async fn listen(world: &World) -> Socket {
    let mut socket = Socket::open(by(world, world.manager.user_id, None)).await;
    let Heard::Event(count) = socket.next().await else { panic!("a count is first") };
    assert_eq!(count["event"], "unread_count");
    socket
}

/// Status and code of a refusal.
async fn refused(request: Request) -> (u16, String) {
    match connect_async(request).await {
        Err(Error::Http(answer)) => {
            let problem: Value =
                serde_json::from_slice(answer.body().as_deref().unwrap_or_default()).unwrap_or_default();
            (answer.status().as_u16(), problem["code"].as_str().unwrap_or_default().to_owned())
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_message_comes_as_on_the_stream_and_a_client_that_comes_back_misses_none() {
    let world = World::start().await;
    let mut socket = listen(&world).await;
    let mut events = world.listen(world.manager.user_id, None).await;
    world.tell_manager(&["Ada"]).await;
    let (id, data) = events.next_named("notification").await;
    assert_eq!(socket.next().await, Heard::Event(json!({ "id": id, "event": "notification", "data": data })));
    assert_eq!(
        socket.next().await,
        Heard::Event(json!({ "id": id, "event": "unread_count", "data": { "unread": 1 } }))
    );
    drop(socket);
    world.tell_manager(&["Bob", "Cem"]).await;
    let mut back = Socket::open(by(&world, world.manager.user_id, Some(&id))).await;
    let (bob, cem) = (back.next_title().await, back.next_title().await);
    assert_eq!((bob.1.as_str(), cem.1.as_str()), ("Bob joined Nordlicht", "Cem joined Nordlicht"));
    assert_eq!((number(&bob.0), number(&cem.0)), (number(&id) + 1, number(&id) + 2));
    // What nobody knows is answered with a reset, as on the stream.
    let mut lost = Socket::open(by(&world, world.manager.user_id, Some("1:2"))).await;
    let Heard::Event(reset) = lost.next().await else { panic!("a reset") };
    assert_eq!((&reset["event"], &reset["data"]["reason"]), (&json!("reset"), &json!("unknown_position")));
}

#[tokio::test]
async fn a_token_comes_in_the_header_or_as_a_subprotocol_and_never_in_the_query() {
    let world = World::start().await;
    let token = world.service.keys.access_token(world.manager.user_id).unwrap();
    let offer = with(at(&world, None), "sec-websocket-protocol", &format!("{SUBPROTOCOL}, bearer.{token}"));
    let (mut socket, answer) = connect_async(offer).await.unwrap();
    assert_eq!(answer.headers()["sec-websocket-protocol"], SUBPROTOCOL, "and not the token");
    assert!(socket.next().await.unwrap().unwrap().is_text());

    let nobody = || (401, "not_signed_in".to_owned());
    assert_eq!(refused(at(&world, None)).await, nobody());
    assert_eq!(refused(with(at(&world, None), "authorization", "Bearer x")).await.0, 401);
    let offer = format!("{SUBPROTOCOL}, bearer.nonsense");
    assert_eq!(refused(with(at(&world, None), "sec-websocket-protocol", &offer)).await.0, 401);
    let alone = with(at(&world, None), "sec-websocket-protocol", &format!("bearer.{token}"));
    assert_eq!(refused(alone).await.0, 422, "there is nothing to choose");
    let mut queried = at(&world, None);
    *queried.uri_mut() = format!("{}?access_token={token}", queried.uri()).parse().unwrap();
    assert_ne!(refused(queried).await.0, 101);
    // Only a handshake may carry a token there.
    let plain = world.service.get("/api/notification/v1/notifications");
    let plain = plain.header("sec-websocket-protocol", format!("{SUBPROTOCOL}, bearer.{token}"));
    assert_eq!(plain.send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn what_is_no_handshake_is_refused() {
    let world = World::start().await;
    let answer =
        world.service.as_user(world.manager.user_id).get("/api/notification/v1/stream/ws").send().await.unwrap();
    assert_eq!(answer.status(), 422);
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["errors"][0]["code"], "not_a_websocket");
}

#[tokio::test]
async fn a_client_says_nothing_but_pongs() {
    let world = World::start().await;
    let mut socket = listen(&world).await;
    socket.0.send(Message::Ping(b"are you there".to_vec().into())).await.unwrap();
    assert_eq!(
        timeout(PATIENCE, socket.0.next()).await.unwrap().unwrap().unwrap().into_data(),
        b"are you there".to_vec()
    );
    socket.0.send(Message::Pong(Vec::new().into())).await.unwrap();
    world.tell_manager(&["Ada"]).await;
    assert_eq!(socket.next_title().await.1, "Ada joined Nordlicht");
    socket.0.send(Message::text("hello")).await.unwrap();
    socket.assert_closes(CloseCode::Unsupported.into(), "unheard").await;

    let mut socket = listen(&world).await;
    socket.0.send(Message::binary(vec![0; 5_000])).await.unwrap();
    socket.assert_closes(CloseCode::Size.into(), "too_long").await;

    let mut socket = listen(&world).await;
    socket.0.close(None).await.unwrap();
    while socket.0.next().await.is_some() {}
    for _ in 0..200 {
        if world.service.app().hub.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("a stream that its client has closed stays open");
}

#[tokio::test]
async fn the_end_says_why_and_when_to_come_back() {
    let world = World::start().await;
    let manager = world.manager.user_id;
    let later = || world.service.clock.advance(SignedDuration::from_secs(10));

    let claims = world.service.keys.claims(manager);
    let token = world.service.keys.sign(&claims).unwrap();
    let mut ended = Socket::open(with(at(&world, None), "authorization", &format!("Bearer {token}"))).await;
    ended.next().await;
    later();
    world.send("user", &[session_ended(&world, manager, claims.sid)]).await;
    ended.assert_closes(4401, "session_ended").await;

    let expired = listen(&world).await;
    world.service.clock.advance(SignedDuration::from_mins(5));
    expired.assert_closes(4401, "token_expired").await;

    let world = World::with(|settings| set(settings, "stream.most_per_user", 1)).await;
    let oldest = listen(&world).await;
    let _newest = listen(&world).await;
    oldest.assert_closes(4429, "too_many_streams").await;

    let world = World::start().await;
    let released = listen(&world).await;
    let ((), ()) = tokio::join!(world.service.stop(), released.assert_closes(1001, "going_away"));
}

fn session_ended(world: &World, user_id: UserId, id: SessionId) -> Value {
    let now = world.service.clock.now();
    let data = Revocation::of_session(id, user_id, now, now + SignedDuration::from_mins(6));
    json!({
        "specversion": "1.0", "id": EventId::generate(), "source": "/rollcall/user", "type": SESSION_ENDED,
        "subject": "s", "time": now, "datacontenttype": "application/json", "data": data,
    })
}

#[tokio::test]
async fn a_quiet_stream_is_pinged_and_one_that_never_answers_is_cut_off() {
    let world = World::with(|settings| set(settings, "stream.poll_ms", 50)).await;
    let mut socket = listen(&world).await;
    let mut deaf = listen(&world).await;
    // Nothing is read from it from here on.
    for _ in 0..3 {
        pinged(&world, &mut socket).await;
    }
    alone(&world).await;
    // Nothing but pings came, not even a close: nobody was there to hear it.
    while let Some(Ok(message)) = timeout(PATIENCE, deaf.0.next()).await.unwrap() {
        assert!(message.is_ping(), "{message:?}");
    }
}

/// Time goes on until a ping comes. Reading it answers it.
async fn pinged(world: &World, socket: &mut Socket) {
    for _ in 0..6 {
        world.service.clock.advance(SignedDuration::from_secs(20));
        if let Ok(heard) = timeout(Duration::from_millis(500), socket.next()).await {
            return assert_eq!(heard, Heard::Ping);
        }
    }
    panic!("no ping");
}

/// Waits until one stream is open.
async fn alone(world: &World) {
    for _ in 0..500 {
        if world.service.app().hub.len() == 1 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{} streams are open", world.service.app().hub.len());
}
