//! `/api/org/v1/orgs/{org_id}/audit-events`

use crate::app::{App, InOrg};
use crate::audit::domain::AuditEvent;
use crate::audit::store;
use crate::error::Error;
use crate::responses;
use actix_web::{get, web};
use rollcall_common::answer::Answer;
use rollcall_common::describe::PageParams;
use rollcall_common::extract::Query;
use rollcall_common::paging::{PageQuery, Paged};
use rollcall_ids::OrgId;
use rollcall_org_api::rights::Permission;

/// The record of changes, newest first
#[utoipa::path(
    operation_id = "list_audit_events",
    tag = "audit",
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        PageParams,
    ),
    responses((status = 200, description = "A page", body = Paged<AuditEvent>), responses::List),
    security(("bearer" = [])),
)]
#[get("/api/org/v1/orgs/{org_id}/audit-events")]
pub(crate) async fn list(app: web::Data<App>, of: InOrg, Query(query): Query<PageQuery>) -> Result<Answer, Error> {
    of.member.must_in_org(Permission::AuditRead)?;
    let page = query.page()?;
    app.read(of, move |conn, tenant, _| {
        let rows = store::list(conn, tenant, &page)?;
        Ok(Answer::ok(&Paged::new(rows, &page, |event| event.sequence)?)?)
    })
    .await
}
