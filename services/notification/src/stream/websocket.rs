//! `/api/notification/v1/stream/ws`: the stream for clients that have no `EventSource` (mini programs, some mobile
//! stacks), as a WebSocket (RFC 6455). The same messages with the same ids, each one text of JSON; heartbeats are pings.
//!
//! Who ends a stream says why in the close frame: a client learns from its code whether to come back at once, to sign in
//! first, or to load the inbox anew, and from its reason when. Clients say nothing but pongs and that they close; what
//! else they send ends the stream, and no frame of theirs is longer than [`LONGEST_FRAME`].
//!
//! Both directions are one body: no task and no queue besides, so that a stream costs what it costs as Server-Sent
//! Events.

use super::domain::Message;
use super::hub::Subscription;
use super::listener::Right;
use super::subscribe::subscribe;
use crate::app::App;
use crate::responses;
use actix_http::ws::{self, CloseCode, CloseReason, Codec, Frame};
use actix_web::body::{BodySize, MessageBody};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, get, web};
use bytes::{Bytes, BytesMut};
use futures_util::Stream as _;
use rollcall_common::auth::{Caller, in_protocol};
use rollcall_common::extract::Query;
use rollcall_common::fault::Fault;
use rollcall_ids::UserId;
use rollcall_notification_api::stream::{RESET, SUBPROTOCOL, close};
use serde::Deserialize;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio_util::codec::{Decoder as _, Encoder as _};

/// Bytes of a frame from a client: a control frame has at most 125.
const LONGEST_FRAME: usize = 4 * 1024;
/// Bytes after which the rest of what waits goes with the next write.
const AT_A_TIME: usize = 4 * 1024;
/// Pings that may stay unanswered: whoever misses the second is gone, and nothing written to them would ever tell.
const UNANSWERED: u8 = 2;

/// Where to continue.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SocketQuery {
    /// The last id the client knows: of a message, or the `stream_position` of an inbox page.
    #[serde(default)]
    #[param(example = "4218743099:17")]
    last_event_id: Option<String>,
}

/// Follow the inbox over a WebSocket
///
/// For clients that have no `EventSource`. The same messages as [the stream](#/stream/stream), each as one text:
/// `{"id":"4218743099:18","event":"notification","data":{…}}`; `id` is where to continue from. A ping every 20 s keeps
/// the connection alive; a client that answers none of two is cut off. Clients say nothing.
///
/// A client that cannot set `Authorization` offers two subprotocols, `rollcall.stream.v1` and `bearer.<token>`; the
/// first is what the service chooses. A token never stands in the URL.
///
/// The close frame says why the stream ended, and its reason ends with `retry_ms=<n>`, how long to wait before coming
/// back: 1001 the service is being released; 1003 the client said something; 1009 too much of it; 4401 the token has
/// expired or the session has ended: sign in, or refresh, first; 4408 the client did not keep up and was told `reset`:
/// load the inbox anew; 4429 the user opened too many streams, and this was the oldest.
#[utoipa::path(
    tag = "stream",
    operation_id = "stream_ws",
    params(
        SocketQuery,
        ("Sec-WebSocket-Protocol" = Option<String>, Header, description = "`rollcall.stream.v1, bearer.<token>` where `Authorization` cannot be set"),
    ),
    security(("bearer" = [])),
    responses(
        (status = 101, description = "The stream"),
        responses::OpenSocket
    )
)]
#[get("/api/notification/v1/stream/ws")]
pub(crate) async fn websocket(
    app: web::Data<App>,
    caller: Caller,
    request: HttpRequest,
    query: Query<SocketQuery>,
    said: web::Payload,
) -> Result<HttpResponse, Fault> {
    let (accept, protocol) = handshake(&request)?;
    let subscription = subscribe(&app, &caller, query.0.last_event_id.as_deref()).await?;
    let socket = Socket::new(app, &caller, subscription, said);
    let mut answer = HttpResponse::build(StatusCode::SWITCHING_PROTOCOLS);
    answer.upgrade("websocket").insert_header((header::SEC_WEBSOCKET_ACCEPT, accept));
    if let Some(protocol) = protocol {
        answer.insert_header((header::SEC_WEBSOCKET_PROTOCOL, protocol));
    }
    // nginx passes on what comes as it comes.
    Ok(answer.insert_header(("X-Accel-Buffering", "no")).body(socket))
}

/// Checks the opening (RFC 6455 §4.2.1); the answer to its key, and the subprotocol if any was offered.
fn handshake(request: &HttpRequest) -> Result<(HeaderValue, Option<HeaderValue>), Fault> {
    ws::verify_handshake(request.head())
        .map_err(|error| Fault::invalid("/headers", "not_a_websocket", error.to_string()))?;
    let key = request.headers().get(header::SEC_WEBSOCKET_KEY).map_or(&[][..], HeaderValue::as_bytes);
    // It is base64.
    let accept = HeaderValue::from_bytes(&ws::hash_key(key)).map_err(Fault::internal)?;
    let offered: Vec<&str> = request
        .headers()
        .get_all(header::SEC_WEBSOCKET_PROTOCOL)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect();
    let protocol = offered.contains(&SUBPROTOCOL).then(|| HeaderValue::from_static(SUBPROTOCOL));
    // A client that offers some takes none for a refusal, and the one with the token is not to be repeated.
    if protocol.is_none() && offered.iter().any(|offer| in_protocol(offer).is_some()) {
        return Err(Fault::invalid(
            "/headers/Sec-WebSocket-Protocol",
            "required",
            "has to offer rollcall.stream.v1 too",
        ));
    }
    Ok((accept, protocol))
}

/// A message as a WebSocket has it; when to come back is said in the close frame.
fn written(message: &Message) -> Option<ws::Message> {
    match message {
        Message::Event { name, id, data } => {
            // Data is JSON; names and ids need no escaping.
            let data = String::from_utf8_lossy(data);
            Some(ws::Message::Text(format!(r#"{{"id":"{id}","event":"{name}","data":{data}}}"#).into()))
        }
        Message::Heartbeat => Some(ws::Message::Ping(Bytes::new())),
        Message::Retry(_) => None,
    }
}

/// Both directions of an open stream.
struct Socket {
    app: web::Data<App>,
    user_id: UserId,
    right: Right,
    subscription: Subscription,
    said: web::Payload,
    codec: Codec,
    heard: BytesMut,
    unsent: BytesMut,
    /// Pings since the client was last heard.
    unanswered: u8,
    /// When to come back, as the stream last said.
    retry: u64,
    /// The last that was said was to start over.
    reset: bool,
    /// The close frame was written.
    closed: bool,
}

/// The connection is gone.
struct Gone;

impl Socket {
    fn new(app: web::Data<App>, caller: &Caller, subscription: Subscription, said: web::Payload) -> Self {
        metrics::gauge!("stream_sockets_open").increment(1);
        Self {
            app,
            user_id: caller.user_id,
            right: Right::from(caller),
            subscription,
            said,
            codec: Codec::new().max_size(LONGEST_FRAME),
            heard: BytesMut::new(),
            unsent: BytesMut::new(),
            unanswered: 0,
            retry: 0,
            reset: false,
            closed: false,
        }
    }

    /// Takes what the client said.
    fn hear(&mut self, context: &mut Context<'_>) -> Result<(), Gone> {
        while !self.closed {
            match Pin::new(&mut self.said).poll_next(context) {
                Poll::Ready(Some(Ok(bytes))) => self.heard.extend_from_slice(&bytes),
                Poll::Ready(Some(Err(_)) | None) => return Err(Gone),
                Poll::Pending => return Ok(()),
            }
            self.take_frames();
        }
        Ok(())
    }

    fn take_frames(&mut self) {
        while !self.closed {
            match self.codec.decode(&mut self.heard) {
                Ok(Some(Frame::Ping(payload))) => {
                    self.unanswered = 0;
                    let _ = self.codec.encode(ws::Message::Pong(payload), &mut self.unsent);
                }
                Ok(Some(Frame::Pong(_))) => self.unanswered = 0,
                Ok(Some(Frame::Close(_))) => self.close(CloseCode::Normal, close::BYE),
                Ok(Some(Frame::Text(_) | Frame::Binary(_) | Frame::Continuation(_))) => {
                    self.close(CloseCode::Unsupported, close::UNHEARD);
                }
                Ok(None) => {
                    // An idle stream holds no buffer.
                    if self.heard.is_empty() {
                        self.heard = BytesMut::new();
                    }
                    return;
                }
                Err(ws::ProtocolError::Overflow) => self.close(CloseCode::Size, close::TOO_LONG),
                Err(_) => self.close(CloseCode::Protocol, close::NOT_A_FRAME),
            }
        }
    }

    /// Takes what there is to say, up to a bufferful.
    fn say(&mut self, context: &mut Context<'_>) -> Result<(), Gone> {
        while !self.closed && self.unsent.len() < AT_A_TIME {
            match Pin::new(&mut self.subscription).poll_next(context) {
                Poll::Ready(Some(message)) => {
                    match &message {
                        Message::Retry(milliseconds) => self.retry = *milliseconds,
                        Message::Heartbeat if self.unanswered >= UNANSWERED => return Err(Gone),
                        Message::Heartbeat => self.unanswered += 1,
                        Message::Event { name, .. } => self.reset = name == RESET,
                    }
                    if let Some(message) = written(&message) {
                        // Whole messages are always encoded.
                        let _ = self.codec.encode(message, &mut self.unsent);
                    }
                }
                Poll::Ready(None) => {
                    let (code, why) = self.why();
                    self.close(code, why);
                }
                Poll::Pending => break,
            }
        }
        Ok(())
    }

    /// Why the stream has ended of itself.
    fn why(&self) -> (CloseCode, &'static str) {
        let Right { session_id, issued_at, until } = self.right;
        if self.app.core.revocations.refuses(self.user_id, session_id, issued_at) {
            (CloseCode::Other(close::NOT_SIGNED_IN), close::SESSION_ENDED)
        } else if self.app.core.drain.is_draining() {
            (CloseCode::Away, close::GOING_AWAY)
        } else if self.reset {
            (CloseCode::Other(close::FELL_BEHIND), close::RESET)
        } else if self.app.core.clock.now() >= until {
            (CloseCode::Other(close::NOT_SIGNED_IN), close::TOKEN_EXPIRED)
        } else {
            (CloseCode::Other(close::TOO_MANY), close::OUSTED)
        }
    }

    fn close(&mut self, code: CloseCode, why: &'static str) {
        let description = Some(format!("{why} retry_ms={}", self.retry));
        let _ = self.codec.encode(ws::Message::Close(Some(CloseReason { code, description })), &mut self.unsent);
        metrics::counter!("stream_sockets_closed_total", "why" => why).increment(1);
        self.closed = true;
    }
}

impl MessageBody for Socket {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        let this = &mut *self;
        if this.hear(context).and_then(|()| this.say(context)).is_err() {
            return Poll::Ready(None);
        }
        if !this.unsent.is_empty() {
            return Poll::Ready(Some(Ok(std::mem::take(&mut this.unsent).freeze())));
        }
        if this.closed { Poll::Ready(None) } else { Poll::Pending }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        metrics::gauge!("stream_sockets_open").decrement(1);
    }
}

#[cfg(test)]
mod tests {
    use super::super::domain::{Entry, Position};
    use super::*;

    #[test]
    fn a_message_is_one_text_of_json_with_its_id() {
        let entry = Entry::new(3, "notification".into(), r#"{"title":"x"}"#.into(), 2);
        let expected = r#"{"id":"7:3","event":"notification","data":{"title":"x"}}"#;
        assert_eq!(written(&Message::entry(7, &entry)), Some(ws::Message::Text(expected.into())));
        assert_eq!(written(&Message::unread(Position { epoch: 7, seq: 3 }, 2)).map(|_| ()), Some(()));
        assert_eq!(written(&Message::Heartbeat), Some(ws::Message::Ping(Bytes::new())));
        assert_eq!(written(&Message::Retry(250)), None, "it is in the close frame");
    }
}
