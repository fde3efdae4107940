//! `/api/org/v1/orgs`

use crate::act::Act;
use crate::app::{App, InOrg, Origin};
use crate::audit::domain::Actor;
use crate::error::Error;
use crate::orgs::domain::{NewOrg, Org, OrgPatch};
use crate::orgs::{commands, store};
use crate::responses;
use crate::values::zone;
use actix_web::{get, patch, post, web};
use rollcall_common::answer::Answer;
use rollcall_common::auth::Caller;
use rollcall_common::client::CallError;
use rollcall_common::db::Scope;
use rollcall_common::describe::PageParams;
use rollcall_common::extract::{IfMatch, Json, Query};
use rollcall_common::fault::Fault;
use rollcall_common::idempotency::{Idempotent, Principal};
use rollcall_common::paging::{PageQuery, Paged};
use rollcall_common::tenant::Tenant;
use rollcall_ids::OrgId;
use rollcall_org_api::rights::Permission;
use rollcall_user_api::internal::{Contact, user_path};

/// Found an organisation
///
/// The caller becomes employee number `1` with the roles `owner` and `employee`, at a first site in the
/// organisation's time zone, in a root unit of its name. Their name and address come from their account.
#[utoipa::path(
    operation_id = "found_org",
    tag = "orgs",
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key again: the same answer")),
    request_body = NewOrg,
    responses((status = 201, description = "Founded", body = Org, headers(("ETag" = String, description = "Its version"), ("Location" = String, description = "Where it can be read"))), responses::Found),
    security(("bearer" = [])),
)]
#[post("/api/org/v1/orgs")]
pub(crate) async fn found(
    app: web::Data<App>,
    caller: Caller,
    origin: Origin,
    request: Idempotent<NewOrg>,
) -> Result<Answer, Error> {
    let founding = request.body.parse()?;
    // Asked before anything is written: without an answer nothing is half made.
    let founder: Contact = app.user.get_json(&user_path(caller.user_id)).await.map_err(|error| match error {
        CallError::NotFound { .. } => Fault::NotSignedIn("the account of the token is no more"),
        error => Fault::from(error),
    })?;
    let at = app.core.clock.now();
    let act = Act {
        outbox: app.core.outbox.clone(),
        actor: Actor { user_id: caller.user_id, employee_id: None, address: origin.0 },
        at,
        today: at.to_zoned(zone(founding.time_zone.as_str())).date(),
    };
    let principal = Principal { user_id: caller.user_id, org_id: None };
    let answer = app.core.db.transaction(Scope::from(&caller), move |conn| {
        request.guard.once(conn, principal, at, |conn| {
            let tenant = Tenant::found(&caller);
            let org = store::within(conn, &tenant, |conn| commands::found(conn, &tenant, &act, &founding, &founder))?;
            Ok(Answer::created(format!("/api/org/v1/orgs/{}", org.org_id), &org)?.version(org.version))
        })
    });
    answer.await
}

/// My organisations
///
/// Those in which the caller works today. A page may hold fewer than `limit` although there is another.
#[utoipa::path(
    operation_id = "list_own_orgs",
    tag = "orgs",
    params(
        PageParams,
    ),
    responses((status = 200, description = "A page", body = Paged<Org>), responses::OwnList),
    security(("bearer" = [])),
)]
#[get("/api/org/v1/orgs")]
pub(crate) async fn list(app: web::Data<App>, caller: Caller, Query(query): Query<PageQuery>) -> Result<Answer, Error> {
    let page = query.page::<OrgId>()?;
    let now = app.core.clock.now();
    let answer = app.core.db.transaction(Scope::from(&caller), move |conn| {
        let employments = store::of_caller(conn, &caller, &page)?;
        let mut paged = Paged::new(employments, &page, |(org, ..)| org.org_id)?;
        paged.items.retain(|(org, hired, left)| {
            let today = now.to_zoned(zone(&org.time_zone)).date();
            hired.to_jiff() <= today && left.to_jiff().is_none_or(|left| today <= left)
        });
        Ok(Answer::ok(&paged.map(|(org, ..)| org))?)
    });
    answer.await
}

/// One organisation
#[utoipa::path(
    operation_id = "get_org",
    tag = "orgs",
    params(("org_id" = OrgId, Path, description = "The organisation")),
    responses((status = 200, description = "It", body = Org, headers(("ETag" = String, description = "Its version"))), responses::Read),
    security(("bearer" = [])),
)]
#[get("/api/org/v1/orgs/{org_id}")]
pub(crate) async fn find(of: InOrg) -> Result<Answer, Error> {
    of.member.must_somewhere(Permission::OrgRead)?;
    Ok(Answer::ok(&*of.member.org)?.version(of.member.org.version))
}

/// Change an organisation
#[utoipa::path(
    operation_id = "patch_org",
    tag = "orgs",
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that the change is based on"),
    ),
    request_body = OrgPatch,
    responses((status = 200, description = "As it is now", body = Org, headers(("ETag" = String, description = "Its version"))), responses::Change),
    security(("bearer" = [])),
)]
#[patch("/api/org/v1/orgs/{org_id}")]
pub(crate) async fn patch(
    app: web::Data<App>,
    of: InOrg,
    origin: Origin,
    if_match: IfMatch,
    Json(body): Json<OrgPatch>,
) -> Result<Answer, Error> {
    of.member.must_in_org(Permission::OrgWrite)?;
    let change = body.parse()?;
    let work = move |conn: &mut _, tenant: &_, act: &_, _: &_| {
        let org = commands::patch(conn, tenant, act, change, if_match)?;
        Ok(Answer::ok(&org)?.version(org.version))
    };
    app.change(of, origin, None, work).await
}
