//! `GET /api/attendance/v1/calendar-feeds/{secret}.ics`.

use super::ics;
use super::{domain, events, store};
use crate::app::App;
use crate::error::Error;
use crate::facts::domain::{Member, is_member};
use crate::openapi::OfNobody;
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, get, web};
use diesel::pg::PgConnection;
use jiff::{Timestamp, ToSpan as _};
use rollcall_attendance_api::calendar_feeds::CalendarFeed;
use rollcall_common::db::Unscoped;
use rollcall_common::extract::Path;
use rollcall_common::fault::Fault;
use rollcall_common::secret::sha256;
use rollcall_common::tenant::Tenant;
use std::fmt::Write as _;
use std::sync::Arc;

/// Days back and ahead: what somebody wants to look up of the last month, and as far as rosters are planned.
const BACK: i32 = 31;
const AHEAD: i32 = 92;

/// Read a calendar feed
///
/// For calendar programs, which send no token: whoever knows the address reads it. What one person is planned for from 31 days
/// back to 92 ahead, and their leave, as iCalendar (RFC 5545) with instants in UTC. Of leave it says no kind. An unknown
/// secret, a feed that was deleted, and one of somebody who has left or whom its maker may not see any more are the same 404.
#[utoipa::path(
    operation_id = "read_calendar_feed",
    tag = "calendar feeds",
    params(
        ("secret" = String, Path, description = "The secret, from `POST …/calendar-feeds`"),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of the reading before"),
    ),
    responses(
        (status = 200, description = "The calendar", body = String, content_type = "text/calendar", headers(
            ("ETag" = String, description = "Changes with what is in it"),
            ("Last-Modified" = String, description = "When it began to be so"),
        )),
        (status = 304, description = "As it was"),
        OfNobody,
    ),
)]
#[get("/api/attendance/v1/calendar-feeds/{secret}.ics")]
pub(crate) async fn read(
    app: web::Data<App>,
    request: HttpRequest,
    secret: Path<String>,
) -> Result<HttpResponse, Error> {
    let (hash, now) = (sha256(secret.0.as_bytes()), app.core.clock.now());
    let find = move |conn: &mut PgConnection| store::with_secret(conn, hash);
    let (org_id, feed) = app.core.db.transaction::<_, Fault, _>(Unscoped, find).await?.ok_or(Fault::NotFound)?;
    #[expect(clippy::disallowed_methods, reason = "the secret is the proof: it is of a feed of this organisation")]
    let tenant = Tenant::of_capability(org_id);
    let (changed_at, etag, text) = written(&app, tenant, feed, now).await?;
    let known = request.headers().get_all(header::IF_NONE_MATCH).filter_map(|value| value.to_str().ok());
    let known = known.flat_map(|value| value.split(',')).any(|one| one.trim().trim_start_matches("W/") == etag);
    let mut response = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response
        .insert_header((header::ETAG, etag))
        // Nobody else's cache has it, and one's own asks whether it is still so.
        .insert_header((header::CACHE_CONTROL, "private, no-cache"))
        .insert_header((header::LAST_MODIFIED, changed_at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()));
    if known {
        return Ok(response.finish());
    }
    let disposition = (header::CONTENT_DISPOSITION, "inline; filename=\"roster.ics\"");
    Ok(response
        .insert_header((header::CONTENT_TYPE, "text/calendar; charset=utf-8"))
        .insert_header(disposition)
        .body(text))
}

/// What a feed says now: since when, its tag, and the text.
async fn written(
    app: &App,
    tenant: Tenant,
    feed: CalendarFeed,
    now: Timestamp,
) -> Result<(Timestamp, String, String), Fault> {
    let org = app.facts.org(&tenant).await?.ok_or(Fault::NotFound)?;
    let mut people = app.facts.employees(&tenant, [feed.employee_id, feed.created_by].into()).await?;
    let maker = people.get(&feed.created_by).cloned().ok_or(Fault::NotFound)?;
    let person = people.remove(&feed.employee_id).ok_or(Fault::NotFound)?;
    let today = org.date_at(&person, now);
    let maker = Member { org: Arc::clone(&org), employee: maker };
    let both_work_here = is_member(&org, &person, now) && is_member(&org, &maker.employee, now);
    if !both_work_here || !domain::may_have(&maker, &person, today) {
        return Err(Fault::NotFound);
    }
    let dates = (today - BACK.days(), today + AHEAD.days());
    let work = move |conn: &mut PgConnection| {
        let (days, held) = store::content(conn, &tenant, &org, &person, dates)?;
        let away = if org.fact.locale.starts_with("zh") { "休假" } else { "Leave" };
        let events = events::events(person.employee_id, &days, &held, away);
        let name = feed.name.as_deref().unwrap_or(&org.fact.name);
        let digest = sha256(ics::calendar(name, &events, None).as_bytes());
        let changed_at = store::read(conn, &tenant, &feed, digest, now)?;
        let mut etag = String::from("\"");
        digest[..16].iter().try_for_each(|byte| write!(etag, "{byte:02x}")).map_err(Fault::internal)?;
        etag.push('"');
        Ok((changed_at, etag, ics::calendar(name, &events, Some(changed_at))))
    };
    app.core.db.transaction(&tenant, work).await
}
