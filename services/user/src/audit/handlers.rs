//! What was done to one's own account.

use crate::app::App;
use crate::audit::store::{self, Key, Row};
use crate::error::Error;
use crate::responses;
use actix_web::{get, web};
use jiff::Timestamp;
use rollcall_common::answer::Answer;
use rollcall_common::auth::Caller;
use rollcall_common::describe::PageParams;
use rollcall_common::extract::Query;
use rollcall_common::paging::{PageQuery, Paged};
use rollcall_common::pii::Pii;
use rollcall_ids::{EventId, SessionId};
use serde::Serialize;
use utoipa::ToSchema;

/// An act that concerns the safety of an account.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "event_id": "0193a6f0-7c1e-7000-8000-000000000009", "kind": "signed_in", "at": "2026-11-20T08:00:00Z",
    "session_id": "0193a6f0-7c1e-7000-8000-000000000002", "device": "Firefox", "address": "203.0.113.7"
}))]
pub struct AuditEventView {
    /// Its id.
    event_id: EventId,
    /// What was done.
    kind: String,
    /// When.
    at: Timestamp,
    /// The session or API token it was done with, or that it is about.
    session_id: Option<SessionId>,
    /// What the client called itself.
    #[schema(value_type = String)]
    device: Pii<String>,
    /// From which address.
    #[schema(value_type = String)]
    address: Pii<String>,
}

impl From<Row> for AuditEventView {
    fn from(row: Row) -> Self {
        Self {
            event_id: row.event_id,
            kind: row.kind,
            at: row.at.to_jiff(),
            session_id: row.session_id,
            device: row.device.into(),
            address: row.address.into(),
        }
    }
}

/// What was done to one's own account
///
/// Newest first: sign-ins that worked and that did not, and every change of how one signs in.
#[utoipa::path(
    tag = "users",
    security(("bearer" = [])),
    params(PageParams),
    responses(
        (status = 200, description = "A page", body = Paged<AuditEventView>),
        responses::OwnList,
    ),
)]
#[get("/api/user/v1/users/me/audit-events")]
pub(crate) async fn list_audit_events(
    app: web::Data<App>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Result<Answer, Error> {
    caller.in_person()?;
    let page = query.page::<Key>()?;
    let asked = page.clone();
    let rows = app
        .core
        .db
        .transaction(&caller, {
            let user_id = caller.user_id;
            move |conn| -> Result<_, Error> { Ok(store::of_user(conn, user_id, &asked)?) }
        })
        .await?;
    let rows = Paged::new(rows, &page, |row| Key(row.at.to_jiff(), row.event_id))?;
    Ok(Answer::ok(&rows.map(AuditEventView::from))?)
}
