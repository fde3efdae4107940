//! `/api/notification/v1/notifications` and the count of unread ones.

use super::store::{self, Filter};
use crate::app::App;
use crate::responses;
use crate::stream::store as log;
use actix_web::{get, post, web};
use rollcall_common::answer::Answer;
use rollcall_common::auth::Caller;
use rollcall_common::db::Scope;
use rollcall_common::extract::{Path, Query};
use rollcall_common::fault::Fault;
use rollcall_common::paging::{PageQuery, Paged};
use rollcall_ids::{NotificationId, OrgId};
use rollcall_notification_api::inbox::{Category, Inbox, Notification, UnreadCount};
use serde::{Deserialize, Deserializer};

/// A message for the description.
fn example() -> serde_json::Value {
    serde_json::json!({
        "notification_id": "0199f3a0-7c1e-7d6a-9d0e-2f6b8c1a4e55",
        "org_id": "0199f3a0-1111-7d6a-9d0e-2f6b8c1a4e55",
        "category": "membership",
        "kind": "invitation_accepted",
        "title": "Li Wei joined Nordlicht GmbH",
        "body": "Li Wei accepted the invitation and can now punch in.",
        "about": { "employee_id": "0199f39f-2222-7d6a-9d0e-2f6b8c1a4e55" },
        "created_at": "2026-11-20T08:01:12Z",
        "read_at": "2026-11-20T08:04:40Z",
    })
}

/// Which part of the inbox.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct InboxQuery {
    /// Only what is not read yet: `?unread` or `?unread=true`.
    #[serde(default, deserialize_with = "flag")]
    #[param(value_type = Option<bool>, example = true)]
    unread: bool,
    /// Only of this category.
    #[serde(default)]
    #[param(example = "requests")]
    category: Option<Category>,
    /// Only from this organisation.
    #[serde(default)]
    org_id: Option<OrgId>,
    /// Messages on a page, 1 to 200; 50 when absent.
    #[serde(default)]
    #[param(minimum = 1, maximum = 200, example = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default)]
    cursor: Option<String>,
}

/// A parameter whose presence alone says yes.
fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "" | "true" => Ok(true),
        "false" => Ok(false),
        other => Err(serde::de::Error::custom(format!("`{other}` is neither true nor false"))),
    }
}

/// Read the inbox
///
/// Newest first, over all organisations of the caller. `stream_position` is where a stream continues exactly after
/// what this page knew.
#[utoipa::path(
    tag = "inbox",
    operation_id = "list_notifications",
    params(InboxQuery),
    security(("bearer" = [])),
    responses((status = 200, description = "A page of messages", body = Inbox, example = json!({
            "items": [example()], "next_cursor": "MTc", "stream_position": "4218743099:17",
        })), responses::List)
)]
#[get("/api/notification/v1/notifications")]
pub(crate) async fn list(
    app: web::Data<App>,
    caller: Caller,
    query: Query<InboxQuery>,
) -> Result<web::Json<Inbox>, Fault> {
    let Query(InboxQuery { unread, category, org_id, limit, cursor }) = query;
    let page = PageQuery { limit, cursor }.page::<i64>()?;
    let inbox = app.core.db.transaction(Scope::from(&caller), move |conn| {
        let position = log::standing(conn, &caller)?.position();
        let filter = Filter { unread, category, org_id, up_to: position.seq, before: page.after };
        let rows = store::list(conn, &caller, filter, page.fetch())?;
        let Paged { items, next_cursor } = Paged::new(rows, &page, |(seq, _)| *seq)?.map(|(_, item)| item);
        Ok::<_, Fault>(Inbox { items, next_cursor, stream_position: position.to_string() })
    });
    Ok(web::Json(inbox.await?))
}

/// Mark a message as read
///
/// Doing it again changes nothing. Every stream of the caller hears of it.
#[utoipa::path(
    tag = "inbox",
    operation_id = "read_notification",
    params(("notification_id" = NotificationId, Path, description = "The message")),
    security(("bearer" = [])),
    responses((status = 200, description = "The message, read", body = Notification, example = json!(example())), responses::One)
)]
#[post("/api/notification/v1/notifications/{notification_id}/read")]
pub(crate) async fn read(
    app: web::Data<App>,
    caller: Caller,
    notification_id: Path<NotificationId>,
) -> Result<web::Json<Notification>, Fault> {
    let (user_id, now) = (caller.user_id, app.core.clock.now());
    let Path(notification_id) = notification_id;
    let mark = move |conn: &mut _| store::mark_read(conn, &caller, notification_id, now);
    let notification = app.core.db.transaction(Scope::User(user_id), mark).await?;
    app.changed(user_id);
    Ok(web::Json(notification))
}

/// Mark every message as read
///
/// One event of the stream says so, however many they were.
#[utoipa::path(
    tag = "inbox",
    operation_id = "read_all_notifications",
    security(("bearer" = [])),
    responses((status = 204, description = "Nothing is unread"), responses::Own)
)]
#[post("/api/notification/v1/read-all")]
pub(crate) async fn read_all(app: web::Data<App>, caller: Caller) -> Result<Answer, Fault> {
    let (user_id, now) = (caller.user_id, app.core.clock.now());
    let mark = move |conn: &mut _| store::mark_all_read(conn, &caller, now);
    app.core.db.transaction(Scope::User(user_id), mark).await?;
    app.changed(user_id);
    Ok(Answer::no_content())
}

/// Count the unread messages
#[utoipa::path(
    tag = "inbox",
    operation_id = "count_unread_notifications",
    security(("bearer" = [])),
    responses((status = 200, description = "How many there are", body = UnreadCount, example = json!({ "unread": 3 })), responses::Own)
)]
#[get("/api/notification/v1/unread-count")]
pub(crate) async fn unread_count(app: web::Data<App>, caller: Caller) -> Result<web::Json<UnreadCount>, Fault> {
    let user_id = caller.user_id;
    let count = move |conn: &mut _| Ok::<_, Fault>(log::standing(conn, &caller)?.unread);
    let unread = app.core.db.transaction(Scope::User(user_id), count).await?;
    Ok(web::Json(UnreadCount { unread }))
}
