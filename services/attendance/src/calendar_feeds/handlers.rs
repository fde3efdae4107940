//! `/calendar-feeds` of an organisation.

use super::{domain, store};
use crate::app::App;
use crate::error::Error;
use crate::facts::domain::Member;
use crate::facts::{InOrg, Then};
use crate::openapi::{BadBody, BadQuery, NotAllowed, Refused};
use actix_web::{delete, get, post, web};
use diesel::pg::PgConnection;
use rollcall_attendance_api::calendar_feeds::{CalendarFeed, CalendarFeedSecret, NewCalendarFeed};
use rollcall_common::answer::Answer;
use rollcall_common::extract::{Json, Path, Query};
use rollcall_common::fault::Fault;
use rollcall_common::paging::Paged;
use rollcall_common::problem::Problem;
use rollcall_common::secret::sha256;
use rollcall_ids::{CalendarFeedId, EmployeeId, OrgId};
use rollcall_org_api::facts::EmployeeFact;
use rollcall_org_api::rights::Permission;
use serde::Deserialize;
use std::sync::Arc;

/// A feed with its secret.
fn shown(feed: CalendarFeed, secret: &str) -> CalendarFeedSecret {
    CalendarFeedSecret { feed, path: format!("/api/attendance/v1/calendar-feeds/{secret}.ics") }
}

/// Make a calendar feed
///
/// Of one's own roster and leave, or of somebody's whose `roster.read` and `leave.read` one has. The answer has the path of
/// the feed, which is its secret, and nothing else ever shows it; there is no `Idempotency-Key`, because a stored answer would
/// be a stored secret. It ends when it is deleted, when the person leaves, and when whoever made it loses these rights.
#[utoipa::path(
    operation_id = "create_calendar_feed",
    tag = "calendar feeds",
    security(("bearer" = [])),
    params(("org_id" = OrgId, Path, description = "The organisation")),
    request_body(content = NewCalendarFeed, example = json!({"name": "My phone"})),
    responses(
        (status = 201, description = "The feed and its path", body = CalendarFeedSecret),
        (status = 409, description = "`too_many_feeds`: a person has at most 10", body = Problem, content_type = "application/problem+json"),
        Refused, NotAllowed, BadBody,
    ),
)]
#[post("/api/attendance/v1/orgs/{org_id}/calendar-feeds")]
pub(crate) async fn create(app: web::Data<App>, at: InOrg, body: Then<Json<NewCalendarFeed>>) -> Result<Answer, Error> {
    let body = body?.0;
    let now = app.core.clock.now();
    let Some(person) = crate::facts::person_of_body(&app, &at, body.employee_id, Permission::RosterRead).await? else {
        return Err(crate::facts::unknown_employee(domain::parse(&body)).into());
    };
    if !domain::may_have(&at.member, &person, at.member.org.date_at(&person, now)) {
        return Err(Fault::Forbidden.into());
    }
    let name = domain::parse(&body)?;
    let secret = domain::new_secret();
    let hash = sha256(secret.as_bytes());
    let (tenant, both) = (at.tenant, (person.employee_id, at.member.employee.employee_id));
    let work = move |conn: &mut PgConnection| {
        if store::count(conn, &tenant, both.0)? >= domain::FEEDS {
            return Err(Error::TooManyFeeds);
        }
        Ok(store::add(conn, &tenant, both, name.as_deref(), hash, now)?)
    };
    let feed = app.core.db.transaction(&tenant, work).await?;
    let location = format!("/api/attendance/v1/orgs/{}/calendar-feeds", tenant.org_id());
    Ok(Answer::created(location, &shown(feed, &secret))?)
}

/// `?employee_id=`
#[derive(Debug, Deserialize)]
pub(crate) struct FeedQuery {
    employee_id: Option<EmployeeId>,
}

/// List calendar feeds
///
/// All of one person, oldest first, whoever made them; without their secrets. One's own, or by `roster.write` on the person.
#[utoipa::path(
    operation_id = "list_calendar_feeds",
    tag = "calendar feeds",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("employee_id" = Option<EmployeeId>, Query, description = "Whose; the caller's own when absent"),
    ),
    responses((status = 200, description = "All of them, on one page", body = Paged<CalendarFeed>), Refused, NotAllowed, BadQuery),
)]
#[get("/api/attendance/v1/orgs/{org_id}/calendar-feeds")]
pub(crate) async fn list(app: web::Data<App>, at: InOrg, query: Then<Query<FeedQuery>>) -> Result<Answer, Error> {
    let whose = query?.0.employee_id;
    let own = whose.is_none_or(|id| id == at.member.employee.employee_id);
    let permission = if own { Permission::RosterRead } else { Permission::RosterWrite };
    let person = crate::facts::person(&app, &at, whose, permission).await?;
    let tenant = at.tenant;
    let load = move |conn: &mut PgConnection| store::of(conn, &tenant, person.employee_id);
    let items = app.core.db.transaction::<_, Fault, _>(&tenant, load).await?;
    Ok(Answer::ok(&Paged { items, next_cursor: None })?)
}

/// Give a calendar feed another secret
///
/// By whoever made it. The old path is worth nothing from now on.
#[utoipa::path(
    operation_id = "rotate_calendar_feed_secret",
    tag = "calendar feeds",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("calendar_feed_id" = CalendarFeedId, Path, description = "The feed"),
    ),
    responses((status = 200, description = "The feed and its path", body = CalendarFeedSecret), Refused, NotAllowed),
)]
#[post("/api/attendance/v1/orgs/{org_id}/calendar-feeds/{calendar_feed_id}/rotate-secret")]
pub(crate) async fn rotate_secret(
    app: web::Data<App>,
    at: InOrg,
    path: Path<(OrgId, CalendarFeedId)>,
) -> Result<Answer, Error> {
    let made = |member: &Member, feed: &CalendarFeed, _: &EmployeeFact| feed.created_by == member.employee.employee_id;
    let feed = found(&app, &at, path.0.1, made).await?;
    let secret = domain::new_secret();
    let (tenant, id, hash) = (at.tenant, feed.calendar_feed_id, sha256(secret.as_bytes()));
    let work = move |conn: &mut PgConnection| store::rotate(conn, &tenant, id, hash);
    app.core.db.transaction::<_, Fault, _>(&tenant, work).await?;
    Ok(Answer::ok(&shown(feed, &secret))?)
}

/// Delete a calendar feed
///
/// Its path is worth nothing from now on. By whoever made it, by the person themselves, or by `roster.write` on them.
#[utoipa::path(
    operation_id = "delete_calendar_feed",
    tag = "calendar feeds",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("calendar_feed_id" = CalendarFeedId, Path, description = "The feed"),
    ),
    responses((status = 204, description = "It is gone"), Refused, NotAllowed),
)]
#[delete("/api/attendance/v1/orgs/{org_id}/calendar-feeds/{calendar_feed_id}")]
pub(crate) async fn remove(
    app: web::Data<App>,
    at: InOrg,
    path: Path<(OrgId, CalendarFeedId)>,
) -> Result<Answer, Error> {
    let now = app.core.clock.now();
    let may = |member: &Member, feed: &CalendarFeed, person: &EmployeeFact| {
        let made = feed.created_by == member.employee.employee_id;
        domain::may_end(member, person, made, member.org.date_at(person, now))
    };
    let (tenant, id) = (at.tenant, found(&app, &at, path.0.1, may).await?.calendar_feed_id);
    let work = move |conn: &mut PgConnection| store::delete(conn, &tenant, id);
    app.core.db.transaction::<_, Fault, _>(&tenant, work).await?;
    Ok(Answer::no_content())
}

/// A feed about which the caller may do something.
async fn found(
    app: &App,
    at: &InOrg,
    id: CalendarFeedId,
    may: impl Fn(&Member, &CalendarFeed, &EmployeeFact) -> bool,
) -> Result<CalendarFeed, Fault> {
    let tenant = at.tenant;
    let load = move |conn: &mut PgConnection| store::one(conn, &tenant, id);
    let feed = app.core.db.transaction::<_, Fault, _>(&tenant, load).await?.ok_or(Fault::NotFound)?;
    let person = app.facts.employee(&tenant, feed.employee_id).await?.ok_or(Fault::NotFound)?;
    if may(&at.member, &feed, &Arc::clone(&person)) { Ok(feed) } else { Err(Fault::Forbidden) }
}
