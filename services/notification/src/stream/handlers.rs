//! `/api/notification/v1/stream`.

use super::domain::{Position, Start, reset_frame, retry_frame, start, unread_frame};
use super::hub::Draining;
use super::listener::{Listener, Right};
use super::store::Standing;
use super::watch::reconnect_milliseconds;
use crate::app::App;
use crate::responses;
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, get, web};
use bytes::Bytes;
use rollcall_common::auth::Caller;
use rollcall_common::extract::Query;
use rollcall_common::fault::Fault;
use rollcall_common::secret::full_jitter;
use serde::Deserialize;
use std::time::Duration;

/// Header that an `EventSource` sends when it reconnects.
const LAST_EVENT_ID: &str = "last-event-id";

const EXAMPLE: &str = "retry: 1873\n\n\
    id: 4218743099:17\nevent: unread_count\ndata: {\"unread\":2}\n\n\
    id: 4218743099:18\nevent: notification\ndata: {\"notification_id\":\"0199f3a0-7c1e-7d6a-9d0e-2f6b8c1a4e55\",\
    \"org_id\":\"0199f3a0-1111-7d6a-9d0e-2f6b8c1a4e55\",\"category\":\"membership\",\"kind\":\"invitation_accepted\",\
    \"title\":\"Li Wei joined Nordlicht GmbH\",\"body\":\"Li Wei accepted the invitation and can now punch in.\",\
    \"about\":{},\"created_at\":\"2026-11-20T08:01:12Z\",\"read_at\":null}\n\n\
    id: 4218743099:18\nevent: unread_count\ndata: {\"unread\":3}\n\n\
    : heartbeat\n\n";

/// Where to continue.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct StreamQuery {
    /// The last id the client knows: of an event, or the `stream_position` of an inbox page. The header
    /// `Last-Event-ID` goes before it.
    #[serde(default)]
    #[param(example = "4218743099:17")]
    last_event_id: Option<String>,
}

/// Follow the inbox
///
/// Server-Sent Events: `notification`, `read`, `unread_count` and `reset`, each with an id. Given the last id it saw,
/// the stream continues with exactly what came after; where that cannot be proven it says `reset`, and the client
/// loads the inbox anew. A comment every 20 s keeps the connection alive. The stream ends when the access token
/// expires or the service is released, and the client reconnects with a token that is valid; and when its session
/// ends, its API token is revoked or its account is disabled.
#[utoipa::path(
    tag = "stream",
    operation_id = "stream",
    params(
        StreamQuery,
        ("Last-Event-ID" = Option<String>, Header, description = "The last id the client knows; an `EventSource` sends it by itself"),
    ),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The events", content_type = "text/event-stream", body = String, example = json!(EXAMPLE)),
        responses::Open
    )
)]
#[get("/api/notification/v1/stream")]
pub(crate) async fn stream(
    app: web::Data<App>,
    caller: Caller,
    request: HttpRequest,
    query: Query<StreamQuery>,
) -> Result<HttpResponse, Fault> {
    let asked = asked(&request, query.0);
    let (user_id, right) = (caller.user_id, Right::from(&caller));
    let standing = app.openings.standing(&caller).await?;
    let start = start(asked.as_deref(), standing.position(), app.hub.limits().replayed);
    let (position, opening) = open(start, &standing);
    let listener = Listener::new(position, opening, app.core.clock.now(), right);
    let body = app
        .hub
        .join(user_id, listener)
        .map_err(|Draining| Fault::unavailable("stream", anyhow::anyhow!("this instance is about to stop")))?;
    // The session may have ended while the stream was opened, before there was anything to end.
    let refused = |user, right: &Right| app.core.revocations.refuses(user, right.session_id, right.issued_at);
    app.hub.revoke(Some(user_id), refused, reconnect_milliseconds);
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // nginx passes on what comes as it comes.
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(body))
}

/// What the client says it knows. An `EventSource` repeats its first URL for ever: the header is newer.
fn asked(request: &HttpRequest, query: StreamQuery) -> Option<String> {
    match request.headers().get(LAST_EVENT_ID) {
        // Bytes that are no text are no position either, and are answered like one that is unknown.
        Some(value) => Some(String::from_utf8_lossy(value.as_bytes()).into_owned()),
        None => query.last_event_id,
    }
}

/// The position a stream begins at, and what it is told first.
fn open(start: Start, standing: &Standing) -> (Position, Vec<Bytes>) {
    let current = standing.position();
    let mut opening =
        vec![retry_frame(1_000 + u64::try_from(full_jitter(Duration::from_secs(2)).as_millis()).unwrap_or(0))];
    let position = match start {
        Start::Now => current,
        Start::After(seq) => Position { seq, ..current },
        Start::Reset(reason) => {
            opening.push(reset_frame(current, reason));
            current
        }
    };
    // A stream that is behind hears the count with what it missed.
    if position == current {
        opening.push(unread_frame(current, standing.unread));
    }
    (position, opening)
}
