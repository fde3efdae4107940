//! `/api/notification/v1/stream`.

use super::sse::Events;
use super::subscribe::subscribe;
use crate::app::App;
use crate::responses;
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, get, web};
use rollcall_common::auth::Caller;
use rollcall_common::extract::Query;
use rollcall_common::fault::Fault;
use serde::Deserialize;

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
    let subscription = subscribe(&app, &caller, asked(&request, query.0).as_deref()).await?;
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // nginx passes on what comes as it comes.
        .insert_header(("X-Accel-Buffering", "no"))
        .body(Events::of(subscription)))
}

/// What the client says it knows. An `EventSource` repeats its first URL for ever: the header is newer.
fn asked(request: &HttpRequest, query: StreamQuery) -> Option<String> {
    match request.headers().get(LAST_EVENT_ID) {
        // Bytes that are no text are no position either, and are answered like one that is unknown.
        Some(value) => Some(String::from_utf8_lossy(value.as_bytes()).into_owned()),
        None => query.last_event_id,
    }
}
