//! `/leave-policies`.

use super::{domain, store};
use crate::app::App;
use crate::error::Error;
use crate::facts::{InOrg, Then};
use crate::openapi::{BadBody, BadKeyedBody, BadQuery, NotAllowed, Refused};
use actix_web::{get, post, put, web};
use rollcall_attendance_api::leave::{LeavePolicy, LeavePolicyBody};
use rollcall_common::answer::Answer;
use rollcall_common::extract::{IfMatch, Json, Path, Query};
use rollcall_common::fault::Fault;
use rollcall_common::idempotency::{Idempotent, Principal};
use rollcall_common::paging::{PageQuery, Paged};
use rollcall_common::problem::Problem;
use rollcall_common::validate::Rejection;
use rollcall_ids::{LeavePolicyId, LeaveTypeId, OrgId};
use rollcall_org_api::rights::Permission;
use serde::Deserialize;
use std::sync::Arc;

/// Define how leave is earned
///
/// Who earns how much of a kind of leave, from which day on, and what becomes of what a leave year has left. An organisation
/// has at most 200, those that have ended too (`too_many`). Needs `leave.write` on the organisation.
#[utoipa::path(
    operation_id = "create_leave_policy",
    tag = "leave",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe", example = "policy-1"),
    ),
    request_body(content = LeavePolicyBody, example = json!({
        "leave_type_id": "0193a6f0-7c1e-7000-8000-000000000001", "name": "30 days a year",
        "eligible": {"kind": "everyone"}, "accrual": {"kind": "yearly", "minutes": 14_400},
        "carry_over": {"limit_minutes": 4_800, "expires_after_months": 3}, "valid_from": "2026-01-01"
    })),
    responses(
        (status = 201, description = "The policy", body = LeavePolicy, headers(
            ("Location" = String, description = "Where it can be read"),
            ("ETag" = String, description = "Its version"),
            ("Idempotency-Replayed" = Option<String>, description = "`true` when it was made by an earlier request with this key"),
        )),
        (status = 409, description = "`idempotency_in_progress`", body = Problem, content_type = "application/problem+json"),
        Refused, NotAllowed, BadKeyedBody,
    ),
)]
#[post("/api/attendance/v1/orgs/{org_id}/leave-policies")]
pub(crate) async fn create(
    app: web::Data<App>,
    at: InOrg,
    body: Then<Idempotent<LeavePolicyBody>>,
) -> Result<Answer, Error> {
    if !at.member.may_in_org(Permission::LeaveWrite) {
        return Err(Fault::Forbidden.into());
    }
    let Idempotent { body, guard } = body?;
    let now = app.core.clock.now();
    let org = Arc::clone(&at.member.org);
    let today = at.member.today(now);
    let (tenant, by) = (at.tenant, at.member.employee.employee_id);
    let principal = Principal { user_id: at.caller.user_id, org_id: Some(tenant.org_id()) };
    let work = move |conn: &mut diesel::PgConnection| {
        guard.once(conn, principal, now, |conn| {
            let of = domain::known(store::one_type(conn, &tenant, body.leave_type_id)?).map(drop);
            let body = domain::policy(&body, of, &org, today, None)?;
            let made = store::add_policy(conn, &tenant, by, body, now)?;
            let id = made.leave_policy_id;
            let location = format!("/api/attendance/v1/orgs/{}/leave-policies/{id}", tenant.org_id());
            Ok::<_, Fault>(Answer::created(location, &made)?.version(made.version))
        })
    };
    Ok(app.core.db.transaction(&tenant, work).await?)
}

/// `?leave_type_id=&limit=&cursor=`
#[derive(Debug, Deserialize)]
pub(crate) struct PolicyQuery {
    leave_type_id: Option<LeaveTypeId>,
    limit: Option<u32>,
    cursor: Option<String>,
}

/// List policies
///
/// The oldest first. Needs `leave.read` on the organisation.
#[utoipa::path(
    operation_id = "list_leave_policies",
    tag = "leave",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("leave_type_id" = Option<LeaveTypeId>, Query, description = "Only those of this kind of leave"),
        ("limit" = Option<u32>, Query, description = "Items on a page, 1 to 200; 50 when absent", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page of policies", body = Paged<LeavePolicy>), Refused, NotAllowed, BadQuery),
)]
#[get("/api/attendance/v1/orgs/{org_id}/leave-policies")]
pub(crate) async fn list(app: web::Data<App>, at: InOrg, query: Then<Query<PolicyQuery>>) -> Result<Answer, Error> {
    if !at.member.may_in_org(Permission::LeaveRead) {
        return Err(Fault::Forbidden.into());
    }
    let PolicyQuery { leave_type_id, limit, cursor } = query?.0;
    let page = PageQuery { limit, cursor }.page::<i64>()?;
    let (after, fetch, tenant) = (page.after, page.fetch(), at.tenant);
    let load = move |conn: &mut diesel::PgConnection| store::list_policies(conn, &tenant, leave_type_id, after, fetch);
    let found = app.core.db.transaction(&tenant, load).await?;
    let found = Paged::new(found, &page, |(seq, _)| *seq)?;
    let items: Vec<LeavePolicy> = found.items.into_iter().map(|(_, policy)| policy).collect();
    Ok(Answer::ok(&Paged { items, next_cursor: found.next_cursor })?)
}

/// Read a policy
///
/// Needs `leave.read` on the organisation.
#[utoipa::path(
    operation_id = "read_leave_policy",
    tag = "leave",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("leave_policy_id" = LeavePolicyId, Path, description = "The policy"),
    ),
    responses(
        (status = 200, description = "The policy", body = LeavePolicy, headers(("ETag" = String, description = "Its version"))),
        Refused, NotAllowed,
    ),
)]
#[get("/api/attendance/v1/orgs/{org_id}/leave-policies/{leave_policy_id}")]
pub(crate) async fn read(app: web::Data<App>, at: InOrg, path: Path<(OrgId, LeavePolicyId)>) -> Result<Answer, Error> {
    if !at.member.may_in_org(Permission::LeaveRead) {
        return Err(Fault::Forbidden.into());
    }
    let (tenant, (_, id)) = (at.tenant, path.0);
    let load = move |conn: &mut diesel::PgConnection| store::one_policy(conn, &tenant, id);
    let found = app.core.db.transaction(&tenant, load).await?.ok_or(Fault::NotFound)?;
    Ok(Answer::ok(&found)?.version(found.version))
}

/// Change a policy
///
/// What it has given stays given, for the dates that it was given for; dates for which nothing was given yet are earned as
/// it says now. The body is the whole new version. To change what is earned from a day on, end this one the day before
/// with `valid_to` and make another. Needs
/// `leave.write` on the organisation and `If-Match`.
#[utoipa::path(
    operation_id = "change_leave_policy",
    tag = "leave",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("leave_policy_id" = LeavePolicyId, Path, description = "The policy"),
        ("If-Match" = String, Header, description = "The `ETag` that the change is made against", example = "\"1\""),
    ),
    request_body(content = LeavePolicyBody, example = json!({
        "leave_type_id": "0193a6f0-7c1e-7000-8000-000000000001", "name": "30 days a year",
        "eligible": {"kind": "everyone"}, "accrual": {"kind": "yearly", "minutes": 14_400},
        "valid_from": "2026-01-01", "valid_to": "2026-12-31"
    })),
    responses(
        (status = 200, description = "The new version", body = LeavePolicy, headers(("ETag" = String, description = "Its version"))),
        (status = 412, description = "Changed since it was read", body = Problem, content_type = "application/problem+json"),
        (status = 428, description = "`If-Match` is missing", body = Problem, content_type = "application/problem+json"),
        Refused, NotAllowed, BadBody,
    ),
)]
#[put("/api/attendance/v1/orgs/{org_id}/leave-policies/{leave_policy_id}")]
pub(crate) async fn change(
    app: web::Data<App>,
    at: InOrg,
    path: Path<(OrgId, LeavePolicyId)>,
    if_match: IfMatch,
    body: Then<Json<LeavePolicyBody>>,
) -> Result<Answer, Error> {
    if !at.member.may_in_org(Permission::LeaveWrite) {
        return Err(Fault::Forbidden.into());
    }
    if_match.required()?;
    let now = app.core.clock.now();
    let (body, org) = (body?.0, Arc::clone(&at.member.org));
    let today = at.member.today(now);
    let (tenant, (_, id), by) = (at.tenant, path.0, at.member.employee.employee_id);
    let work = move |conn: &mut diesel::PgConnection| {
        let mut changed = store::locked_policy(conn, &tenant, id)?.ok_or(Fault::NotFound)?;
        if_match.check(changed.version)?;
        let stays = changed.body.leave_type_id == body.leave_type_id;
        let immutable = || Rejection::new("immutable", "the kind of leave of a policy stays");
        let of = stays.then_some(()).ok_or_else(immutable);
        changed.body = domain::policy(&body, of, &org, today, Some(changed.body.valid_from))?;
        changed.version += 1;
        store::change_policy(conn, &tenant, by, &changed, now)?;
        Ok(changed)
    };
    let changed = app.core.db.transaction::<_, Fault, _>(&tenant, work).await?;
    Ok(Answer::ok(&changed)?.version(changed.version))
}
