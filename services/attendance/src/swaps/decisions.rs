//! `/swaps/{swap_id}/accept`, `/approve`, `/reject` and `/cancel`.

use super::domain::Terms;
use super::handlers::answer;
use super::store;
use crate::app::App;
use crate::approvals::{self, Decided};
use crate::error::Error;
use crate::facts::{InOrg, Then};
use crate::openapi::{BadBody, NotAllowed, Refused};
use crate::roster::store as roster;
use actix_web::{post, web};
use diesel::pg::PgConnection;
use jiff::Timestamp;
use rollcall_attendance_api::approvals::{Decision, RequestKind, Verdict};
use rollcall_attendance_api::swaps::Swap;
use rollcall_common::answer::Answer;
use rollcall_common::extract::{Json, Path};
use rollcall_common::problem::Problem;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{OrgId, RequestId, RosterSwapId};

/// Agree to a swap
///
/// By the colleague who was asked, and nobody in their place. From now on it waits for a decision; whoever asked is told.
#[utoipa::path(
    operation_id = "accept_swap",
    tag = "swaps",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("swap_id" = RosterSwapId, Path, description = "The swap"),
    ),
    request_body(content = Decision, example = json!({})),
    responses(
        (status = 200, description = "It waits for a decision", body = Swap, headers(("ETag" = String, description = "Its version"))),
        (status = 409, description = "`already_decided` when it was accepted, refused or taken back; `swap_impossible`, with a member `obstacles` (`SwapObstacle`)", body = Problem, content_type = "application/problem+json"),
        Refused, NotAllowed, BadBody,
    ),
)]
#[post("/api/attendance/v1/orgs/{org_id}/swaps/{swap_id}/accept")]
pub(crate) async fn accept(
    app: web::Data<App>,
    at: InOrg,
    path: Path<(OrgId, RosterSwapId)>,
    body: Then<Json<Decision>>,
) -> Result<Answer, Error> {
    let now = app.core.clock.now();
    let effect = move |conn: &mut PgConnection, tenant: &Tenant, decided: &Decided| {
        let swap = store::one(conn, tenant, decided.request.clone())?;
        possible(conn, tenant, decided, &swap, now)?;
        Ok(swap)
    };
    let request = (RequestKind::Swap, RequestId(path.0.1.0));
    Ok(answer(&approvals::accept(&app, &at, request, body, effect).await?)?)
}

/// Approve a swap
///
/// Of two levels the first passes it on to the second; with the last, both have plans of their own for these days, and the
/// version of the roster moves. Whether it is still possible is looked at again. At the first level by the direct manager
/// of whoever asked, or whoever holds `approvals.decide` on them, at the second by whoever holds it for the organisation, or
/// by somebody to whom one of these has delegated today; never by one of the two.
#[utoipa::path(
    operation_id = "approve_swap",
    tag = "swaps",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("swap_id" = RosterSwapId, Path, description = "The swap"),
    ),
    request_body(content = Decision, example = json!({"note": "Fine"})),
    responses(
        (status = 200, description = "It holds, or waits for the second level", body = Swap, headers(("ETag" = String, description = "Its version"))),
        (status = 409, description = "`not_accepted` by the colleague; `already_decided`; `swap_impossible`, with a member `obstacles` (`SwapObstacle`)", body = Problem, content_type = "application/problem+json"),
        Refused, NotAllowed, BadBody,
    ),
)]
#[post("/api/attendance/v1/orgs/{org_id}/swaps/{swap_id}/approve")]
pub(crate) async fn approve(
    app: web::Data<App>,
    at: InOrg,
    path: Path<(OrgId, RosterSwapId)>,
    body: Then<Json<Decision>>,
) -> Result<Answer, Error> {
    end(&app, &at, path.0.1, body, Verdict::Approved).await
}

/// Refuse a swap
///
/// By the colleague before they agree, and after that by whoever could approve it.
#[utoipa::path(
    operation_id = "reject_swap",
    tag = "swaps",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("swap_id" = RosterSwapId, Path, description = "The swap"),
    ),
    request_body(content = Decision, example = json!({"note": "I have guests that day"})),
    responses(
        (status = 200, description = "It does not hold", body = Swap, headers(("ETag" = String, description = "Its version"))),
        (status = 409, description = "`not_accepted` by the colleague; `already_decided`", body = Problem, content_type = "application/problem+json"),
        Refused, NotAllowed, BadBody,
    ),
)]
#[post("/api/attendance/v1/orgs/{org_id}/swaps/{swap_id}/reject")]
pub(crate) async fn reject(
    app: web::Data<App>,
    at: InOrg,
    path: Path<(OrgId, RosterSwapId)>,
    body: Then<Json<Decision>>,
) -> Result<Answer, Error> {
    end(&app, &at, path.0.1, body, Verdict::Rejected).await
}

/// Take a swap back
///
/// By either of the two, before it is decided. Shifts that were swapped are swapped back by another swap.
#[utoipa::path(
    operation_id = "cancel_swap",
    tag = "swaps",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("swap_id" = RosterSwapId, Path, description = "The swap"),
    ),
    request_body(content = Decision, example = json!({})),
    responses(
        (status = 200, description = "It is as if it had not been asked for", body = Swap, headers(("ETag" = String, description = "Its version"))),
        (status = 409, description = "`already_decided`", body = Problem, content_type = "application/problem+json"),
        Refused, NotAllowed, BadBody,
    ),
)]
#[post("/api/attendance/v1/orgs/{org_id}/swaps/{swap_id}/cancel")]
pub(crate) async fn cancel(
    app: web::Data<App>,
    at: InOrg,
    path: Path<(OrgId, RosterSwapId)>,
    body: Then<Json<Decision>>,
) -> Result<Answer, Error> {
    end(&app, &at, path.0.1, body, Verdict::Cancelled).await
}

/// Decides a swap; once it holds, its plans are added to the roster.
async fn end(
    app: &App,
    at: &InOrg,
    id: RosterSwapId,
    body: Then<Json<Decision>>,
    verdict: Verdict,
) -> Result<Answer, Error> {
    let (now, by) = (app.core.clock.now(), at.member.employee.employee_id);
    let effect = move |conn: &mut PgConnection, tenant: &Tenant, decided: &Decided| {
        let swap = store::one(conn, tenant, decided.request.clone())?;
        if decided.holds_now() {
            store::hold(conn, tenant, &swap)?;
            let deal = possible(conn, tenant, decided, &swap, now)?;
            roster::add(conn, tenant, by, &deal.entries(), now)?;
        }
        Ok(swap)
    };
    let request = (RequestKind::Swap, RequestId(id.0));
    Ok(answer(&approvals::decide(app, at, request, body, verdict, effect).await?)?)
}

/// The swap as things stand now, or what is in its way.
fn possible(
    conn: &mut PgConnection,
    tenant: &Tenant,
    decided: &Decided,
    swap: &Swap,
    now: Timestamp,
) -> Result<super::domain::Deal, Error> {
    let asked = store::asked(conn, tenant, swap.swap_id)?;
    let (both, terms) =
        ((swap.employee_id, swap.with_employee_id), Terms { date: swap.date, with_date: swap.with_date });
    let deal = store::deal(conn, tenant, &decided.bench.org, both, terms, now)?;
    let obstacles = deal.obstacles_since(asked);
    if obstacles.is_empty() {
        return Ok(deal);
    }
    Err(Error::SwapImpossible(obstacles.into_iter().map(Into::into).collect()))
}
