//! `/audit-events`.

use super::domain::AuditEvent;
use super::store;
use crate::app::App;
use crate::error::Error;
use crate::facts::{InOrg, Then};
use crate::openapi::{BadQuery, NotAllowed, Refused};
use actix_web::{get, web};
use rollcall_common::answer::Answer;
use rollcall_common::describe::PageParams;
use rollcall_common::extract::Query;
use rollcall_common::fault::Fault;
use rollcall_common::paging::{PageQuery, Paged};
use rollcall_ids::OrgId;
use rollcall_org_api::rights::Permission;
use serde::Deserialize;
use uuid::Uuid;

/// `?subject_id=&limit=&cursor=`
#[derive(Debug, Deserialize)]
pub(crate) struct AuditQuery {
    subject_id: Option<Uuid>,
    limit: Option<u32>,
    cursor: Option<String>,
}

/// List changes
///
/// Of periods and settings, newest first. Needs `audit.read` on the organisation.
#[utoipa::path(
    operation_id = "list_audit_events",
    tag = "periods",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("subject_id" = Option<Uuid>, Query, description = "Only those of this period, or of this organisation's settings"),
        PageParams,
    ),
    responses((status = 200, description = "A page of changes", body = Paged<AuditEvent>), Refused, NotAllowed, BadQuery),
)]
#[get("/api/attendance/v1/orgs/{org_id}/audit-events")]
pub(crate) async fn list(app: web::Data<App>, at: InOrg, query: Then<Query<AuditQuery>>) -> Result<Answer, Error> {
    if !at.member.may_in_org(Permission::AuditRead) {
        return Err(Fault::Forbidden.into());
    }
    let AuditQuery { subject_id, limit, cursor } = query?.0;
    let page = PageQuery { limit, cursor }.page::<store::After>()?;
    let (tenant, after, fetch) = (at.tenant, page.after, page.fetch());
    let load = move |conn: &mut diesel::PgConnection| store::list(conn, &tenant, subject_id, after, fetch);
    let events = app.core.db.transaction(&tenant, load).await?;
    Ok(Answer::ok(&Paged::new(events, &page, |event| (event.at, event.audit_event_id))?)?)
}
