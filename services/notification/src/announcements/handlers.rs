//! Routes of announcements.

use super::domain::{check, may_tell};
use super::store::{self, Announced, Shown};
use crate::app::App;
use crate::facts::members::{InOrg, Then};
use crate::facts::places::{self, Place};
use crate::facts::store as facts;
use crate::responses;
use actix_web::{get, post, web};
use diesel::pg::PgConnection;
use rollcall_common::answer::Answer;
use rollcall_common::backfill;
use rollcall_common::describe::PageParams;
use rollcall_common::extract::{Path, Query};
use rollcall_common::fault::Fault;
use rollcall_common::idempotency::{Idempotent, Principal};
use rollcall_common::paging::{PageQuery, Paged};
use rollcall_common::tenant::Tenant;
use rollcall_common::validate::{Fields, Rejection};
use rollcall_ids::{AnnouncementId, OrgId};
use rollcall_notification_api::announcements::{Announcement, Audience, NewAnnouncement};
use rollcall_org_api::facts::EmployeeFact;
use rollcall_org_api::rights::{Permission, may_in_org, may_somewhere};
use serde_json::json;
use std::sync::{Arc, Mutex, PoisonError};

/// Streams that one turn hands an announcement to.
const HANDED_AT_A_TIME: usize = 256;

fn example() -> serde_json::Value {
    json!({
        "announcement_id": "0199f39f-5c3e-7d6a-9d0e-2f6b8c1a4e01",
        "title": "The canteen is closed on Friday",
        "body": "It opens again on Monday at 11:30.",
        "audience": { "kind": "everyone" },
        "urgent": false,
        "recipients": 48,
        "created_by": "0199f39f-1111-7d6a-9d0e-2f6b8c1a4e01",
        "created_at": "2026-11-20T08:01:12Z",
    })
}

/// Make an announcement
///
/// It is in the inbox of everybody who is meant and has an account when this is answered, and on their streams at once.
/// Needs `announcements.write` for the whole organisation, or for the unit or one above it.
#[utoipa::path(
    tag = "announcements",
    operation_id = "make_announcement",
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key with the same body is one announcement"),
    ),
    request_body(content = NewAnnouncement, example = json!({
        "title": "The canteen is closed on Friday", "body": "It opens again on Monday at 11:30.",
        "audience": { "kind": "everyone" },
    })),
    security(("bearer" = [])),
    responses((status = 201, description = "Made, and stored for all", body = Announcement, example = json!(example())), responses::Announce)
)]
#[post("/api/notification/v1/orgs/{org_id}/announcements")]
pub(crate) async fn make(
    app: web::Data<App>,
    at: InOrg,
    body: Then<Idempotent<NewAnnouncement>>,
) -> Result<Answer, Fault> {
    if !may_somewhere(&at.member.employee.grants, Permission::AnnouncementsWrite) {
        return Err(Fault::Forbidden);
    }
    let Idempotent { body, guard } = body?;
    // Who is all there, only a copy that is whole can say.
    backfill::take_over(&**app, at.tenant).await?;
    let (tenant, author, now) = (at.tenant, at.member.employee, app.core.clock.now());
    let principal = Principal { user_id: at.caller.user_id, org_id: Some(tenant.org_id()) };
    let told = Arc::new(Mutex::new(Announced::default()));
    let note = Arc::clone(&told);
    let make = move |conn: &mut PgConnection| {
        guard.once(conn, principal, now, |conn| {
            let mut fields = Fields::new();
            let new = check(&mut fields, &body);
            let place = place(conn, &tenant, &author, body.audience, &mut fields)?;
            let (new, place) = fields.all((new, place))?;
            let org = facts::org(conn, &tenant)?.ok_or(Fault::NotFound)?;
            let users = places::accounts_at(conn, &tenant, &place, org.today(now))?;
            let made = Announcement {
                announcement_id: AnnouncementId::generate(),
                title: new.title,
                body: new.body,
                audience: new.audience,
                urgent: new.urgent,
                recipients: i32::try_from(users.len()).unwrap_or(i32::MAX),
                created_by: author.employee_id,
                created_at: now,
            };
            store::add(conn, &tenant, &made)?;
            let announced = store::tell(conn, &tenant, &made, &users)?;
            *note.lock().unwrap_or_else(PoisonError::into_inner) = announced;
            let id = made.announcement_id;
            Answer::created(format!("/api/notification/v1/orgs/{}/announcements/{id}", tenant.org_id()), &made)
        })
    };
    let answer = app.core.db.transaction(&tenant, make).await?;
    let announced = std::mem::take(&mut *told.lock().unwrap_or_else(PoisonError::into_inner));
    for some in announced.fresh(HANDED_AT_A_TIME) {
        app.added(&some);
        // Those who have it are written to while the next are told.
        tokio::task::yield_now().await;
    }
    // Mail can wait until everybody who is there has been told.
    app.wakes.owed.notify_one();
    Ok(answer)
}

/// Where those who are meant work, if the author may speak to them; a place that is not there is noted.
fn place(
    conn: &mut PgConnection,
    tenant: &Tenant,
    author: &EmployeeFact,
    audience: Audience,
    fields: &mut Fields,
) -> Result<Option<Place>, Fault> {
    let units = places::units(conn, tenant)?;
    if !may_tell(&author.grants, audience, &units) {
        return Err(Fault::Forbidden);
    }
    let mut unknown = |pointer: &str, code: &'static str, detail: &str| {
        fields.reject(pointer, Rejection::new(code, detail));
        None
    };
    Ok(match audience {
        Audience::Everyone => Some(Place::default()),
        Audience::Unit { unit_id } if units.has(unit_id) => {
            Some(Place { units: Some(units.and_below(unit_id)), site: None })
        }
        Audience::Unit { .. } => unknown("/audience/unit_id", "unknown_unit", "there is no such unit"),
        Audience::Site { site_id } if places::has_site(conn, tenant, site_id)? => {
            Some(Place { units: None, site: Some(site_id) })
        }
        Audience::Site { .. } => unknown("/audience/site_id", "unknown_site", "there is no such site"),
    })
}

/// What the caller may see: everything, or what is public and their own. An auditor reads all.
fn shown(reader: &EmployeeFact) -> Result<Shown, Fault> {
    let sees_all = [Permission::AnnouncementsWrite, Permission::AuditRead];
    if sees_all.into_iter().any(|permission| may_in_org(&reader.grants, permission)) {
        Ok(Shown::All)
    } else if may_somewhere(&reader.grants, Permission::AnnouncementsWrite) {
        Ok(Shown::PublicAndOf(reader.employee_id))
    } else {
        Err(Fault::Forbidden)
    }
}

/// List announcements
///
/// Newest first. Who may announce to the whole organisation, or holds `audit.read` for it, sees all; who may announce to a
/// unit sees those to everyone and their own. Whoever was told has it in their inbox.
#[utoipa::path(
    tag = "announcements",
    operation_id = "list_announcements",
    params(("org_id" = OrgId, Path, description = "The organisation"), PageParams),
    security(("bearer" = [])),
    responses((status = 200, description = "A page of them", body = Paged<Announcement>, example = json!({
            "items": [example()], "next_cursor": "MTc",
        })), responses::OrgList)
)]
#[get("/api/notification/v1/orgs/{org_id}/announcements")]
pub(crate) async fn list(
    app: web::Data<App>,
    at: InOrg,
    query: Then<Query<PageQuery>>,
) -> Result<web::Json<Paged<Announcement>>, Fault> {
    let shown = shown(&at.member.employee)?;
    let Query(query) = query?;
    let (tenant, page) = (at.tenant, query.page::<AnnouncementId>()?);
    let read = move |conn: &mut PgConnection| {
        let rows = store::list(conn, &tenant, shown, page.after, page.fetch())?;
        Paged::new(rows, &page, |row| row.announcement_id)
    };
    Ok(web::Json(app.core.db.transaction(&tenant, read).await?))
}

/// Read an announcement
///
/// For whoever sees it in the list: who may announce to the whole organisation, or holds `audit.read` for it, and of those to
/// everyone and their own also who may announce to a unit.
#[utoipa::path(
    tag = "announcements",
    operation_id = "get_announcement",
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("announcement_id" = AnnouncementId, Path, description = "The announcement"),
    ),
    security(("bearer" = [])),
    responses((status = 200, description = "It", body = Announcement, example = json!(example())), responses::OrgOne)
)]
#[get("/api/notification/v1/orgs/{org_id}/announcements/{announcement_id}")]
pub(crate) async fn one(
    app: web::Data<App>,
    at: InOrg,
    path: Then<Path<(OrgId, AnnouncementId)>>,
) -> Result<web::Json<Announcement>, Fault> {
    let shown = shown(&at.member.employee)?;
    let (tenant, Path((_, announcement_id))) = (at.tenant, path?);
    let read = move |conn: &mut PgConnection| store::one(conn, &tenant, shown, announcement_id);
    Ok(web::Json(app.core.db.transaction(&tenant, read).await?))
}
