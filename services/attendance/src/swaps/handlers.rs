//! `/swaps`: asking and reading.

use super::domain::{self, Deal, Terms, Theirs};
use super::store;
use crate::app::App;
use crate::approvals::bench::Bench;
use crate::approvals::{self, NewRequest, RequestQuery, store as requests};
use crate::error::Error;
use crate::facts::{InOrg, Member, Then};
use crate::openapi::{BadKeyedBody, BadQuery, NotAllowed, Refused};
use crate::org_settings::store as settings;
use actix_web::{get, post, web};
use diesel::pg::PgConnection;
use jiff::Timestamp;
use rollcall_attendance_api::approvals::{RequestKind, RequestStatus};
use rollcall_attendance_api::swaps::{NewSwap, Swap};
use rollcall_common::answer::Answer;
use rollcall_common::describe::PageParams;
use rollcall_common::extract::{Path, Query};
use rollcall_common::fault::Fault;
use rollcall_common::idempotency::{Idempotent, Principal};
use rollcall_common::paging::{PageQuery, Paged};
use rollcall_common::problem::Problem;
use rollcall_common::tenant::Tenant;
use rollcall_common::validate::Fields;
use rollcall_ids::{EmployeeId, OrgId, RequestId, RosterSwapId};
use rollcall_org_api::facts::EmployeeFact;
use rollcall_org_api::rights::Permission;

/// A swap with its version.
pub(super) fn answer(swap: &Swap) -> Result<Answer, Fault> {
    Ok(Answer::ok(swap)?.version(swap.approval.version))
}

/// Ask a colleague to swap shifts
///
/// One's own shift of a day for the colleague's of the same day, or of another one on which oneself is free and on whose
/// counterpart the colleague is. The colleague is told; once they have accepted, it waits for a decision, and with the
/// approval both have a plan of their own for these days. Refused when it is not possible: a shift is not there, has begun
/// or would lie on another one; somebody is on leave, has left or works at another site; a day is in a locked period. What
/// of it is the colleague's is told to whoever has `roster.read` on them, and else is one `colleague_unavailable`, which
/// is said only when nothing else is wrong. Needs `punches.create` and `roster.read` on oneself.
#[utoipa::path(
    operation_id = "create_swap",
    tag = "swaps",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe", example = "swap-1"),
    ),
    request_body(content = NewSwap, example = json!({
        "with_employee_id": "0193a6f0-7c1e-7000-8000-000000000002", "date": "2026-12-07", "with_date": "2026-12-10",
        "reason": "My sister marries"
    })),
    responses(
        (status = 201, description = "It waits for the colleague", body = Swap, headers(
            ("Location" = String, description = "Where it can be read"),
            ("ETag" = String, description = "Its version"),
            ("Idempotency-Replayed" = Option<String>, description = "`true` when it was made by an earlier request with this key"),
        )),
        (status = 409, description = "`idempotency_in_progress`", body = Problem, content_type = "application/problem+json"),
        Refused, NotAllowed, BadKeyedBody,
    ),
)]
#[post("/api/attendance/v1/orgs/{org_id}/swaps")]
pub(crate) async fn create(app: web::Data<App>, at: InOrg, body: Then<Idempotent<NewSwap>>) -> Result<Answer, Error> {
    // Whoever may read all and write nothing, as an auditor, does not ask for other work of their own either.
    crate::facts::person(&app, &at, None, Permission::PunchesCreate).await?;
    let person = crate::facts::person(&app, &at, None, Permission::RosterRead).await?;
    let Idempotent { body, guard } = body?;
    let now = app.core.clock.now();
    let (tenant, outbox, bench) = (at.tenant, app.core.outbox.clone(), Bench::of(&at.member.org, person, now));
    let with = body.with_employee_id;
    let colleague = app.facts.employee(&tenant, with).await?;
    let principal = Principal { user_id: at.caller.user_id, org_id: Some(tenant.org_id()) };
    let member = at.member.clone();
    let work = move |conn: &mut PgConnection| {
        guard.once(conn, principal, now, |conn| {
            let mut fields = Fields::new();
            let asked = domain::parse(&mut fields, &body, &bench, colleague);
            let reason = fields.take_optional("/reason", domain::reason(&body));
            let deal = match &asked {
                Some((terms, colleague)) => {
                    let asked = (*terms, &**colleague, reason.is_some());
                    Some(look(conn, &tenant, &member, &mut fields, asked, now)?)
                }
                None => None,
            };
            let (deal, reason) = fields.all((deal, reason))?;
            let (given, taken) = deal.shifts().ok_or(Fault::NotFound)?;
            let exchanged = ((given.shift_id, given.version), (taken.shift_id, taken.version));
            let new = NewRequest {
                request_id: RequestId::generate(),
                kind: RequestKind::Swap,
                with_employee_id: Some(with),
                requested_by: bench.person.employee_id,
                gist: deal.gist(reason),
                levels: settings::levels(conn, &tenant, RequestKind::Swap)?,
            };
            let request = approvals::open(conn, &tenant, &outbox, &bench, new, now)?;
            let swap = store::add(conn, &tenant, request, deal.terms, exchanged)?;
            let location = format!("/api/attendance/v1/orgs/{}/swaps/{}", tenant.org_id(), swap.swap_id);
            Ok::<_, Fault>(Answer::created(location, &swap)?.version(swap.approval.version))
        })
    };
    Ok(app.core.db.transaction(&tenant, work).await?)
}

/// The swap of the caller's that is asked for, as things stand now; what is in its way is noted in `fields`. `sound`:
/// nothing is noted there yet.
fn look(
    conn: &mut PgConnection,
    tenant: &Tenant,
    member: &Member,
    fields: &mut Fields,
    (terms, colleague, sound): (Terms, &EmployeeFact, bool),
    now: Timestamp,
) -> Result<Deal, Fault> {
    let by = member.employee.employee_id;
    let sees = member.may(Permission::RosterRead, colleague, member.org.date_at(colleague, now));
    let theirs = match (sees, sound) {
        (true, _) => Theirs::Seen,
        (false, true) => Theirs::Hidden,
        (false, false) => Theirs::Unsaid,
    };
    let deal = store::deal(conn, tenant, &member.org, (by, colleague.employee_id), terms, now)?;
    domain::refuse(fields, terms, deal.obstacles(), by, theirs);
    Ok(deal)
}

/// List swaps
///
/// That one person has asked for or is asked to agree to, newest first. Needs `roster.read` on the person.
#[utoipa::path(
    operation_id = "list_swaps",
    tag = "swaps",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("employee_id" = Option<EmployeeId>, Query, description = "Whose; the caller's own when absent"),
        ("status" = Option<RequestStatus>, Query, description = "Only those that stand so"),
        PageParams,
    ),
    responses((status = 200, description = "A page of swaps", body = Paged<Swap>), Refused, NotAllowed, BadQuery),
)]
#[get("/api/attendance/v1/orgs/{org_id}/swaps")]
pub(crate) async fn list(app: web::Data<App>, at: InOrg, query: Then<Query<RequestQuery>>) -> Result<Answer, Error> {
    let RequestQuery { employee_id, status, limit, cursor } = query?.0;
    let page = PageQuery { limit, cursor }.page()?;
    let person = crate::facts::person(&app, &at, employee_id, Permission::RosterRead).await?;
    let (tenant, after, fetch) = (at.tenant, page.after, page.fetch());
    let load = move |conn: &mut PgConnection| {
        let kind = RequestKind::Swap;
        let found = requests::of_person(conn, &tenant, kind, person.employee_id, status, after, fetch)?;
        store::of(conn, &tenant, found)
    };
    let swaps = app.core.db.transaction(&tenant, load).await?;
    Ok(Answer::ok(&Paged::new(swaps, &page, |one| (one.approval.requested_at, one.swap_id))?)?)
}

/// Read a swap
///
/// By either of the two; else it needs `roster.read` on whoever asked, or to be one who may decide it.
#[utoipa::path(
    operation_id = "read_swap",
    tag = "swaps",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("swap_id" = RosterSwapId, Path, description = "The swap"),
    ),
    responses(
        (status = 200, description = "The swap", body = Swap, headers(("ETag" = String, description = "Its version"))),
        Refused, NotAllowed,
    ),
)]
#[get("/api/attendance/v1/orgs/{org_id}/swaps/{swap_id}")]
pub(crate) async fn read(app: web::Data<App>, at: InOrg, path: Path<(OrgId, RosterSwapId)>) -> Result<Answer, Error> {
    let (tenant, id) = (at.tenant, RequestId(path.0.1.0));
    let load = move |conn: &mut PgConnection| {
        let request = requests::one(conn, &tenant, RequestKind::Swap, id)?.ok_or(Fault::NotFound)?;
        Ok((store::one(conn, &tenant, request.clone())?, request))
    };
    let (swap, request) = app.core.db.transaction::<_, Fault, _>(&tenant, load).await?;
    approvals::may_see(&app, &at, &request, Permission::RosterRead).await?;
    Ok(answer(&swap)?)
}
