//! `/api/org/v1/orgs/{org_id}/holiday-calendars`

use crate::app::{App, InOrg, Origin};
use crate::error::Error;
use crate::holidays::domain::{CalendarName, HolidayCalendar, HolidayQuery, NewHoliday};
use crate::holidays::{commands, store};
use crate::responses;
use actix_web::{delete, get, patch, post, web};
use jiff::civil::Date;
use rollcall_common::answer::Answer;
use rollcall_common::describe::PageParams;
use rollcall_common::extract::{IfMatch, Json, Path, Query};
use rollcall_common::fault::Fault;
use rollcall_common::idempotency::Idempotent;
use rollcall_common::paging::{PageQuery, Paged};
use rollcall_ids::{HolidayCalendarId, OrgId};
use rollcall_org_api::facts::{HolidayCalendarFact, HolidayFact};
use rollcall_org_api::rights::Permission;

fn answer(calendar: &HolidayCalendarFact) -> Result<Answer, Error> {
    Ok(Answer::ok(&HolidayCalendar::of(calendar))?.version(calendar.version))
}

/// Add a holiday calendar
#[utoipa::path(
    operation_id = "create_holiday_calendar",
    tag = "holidays",
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key again: the same answer"),
    ),
    request_body = CalendarName,
    responses((status = 201, description = "Added", body = HolidayCalendar, headers(("ETag" = String, description = "Its version"), ("Location" = String, description = "Where it can be read"))), responses::Create),
    security(("bearer" = [])),
)]
#[post("/api/org/v1/orgs/{org_id}/holiday-calendars")]
pub(crate) async fn create(
    app: web::Data<App>,
    of: InOrg,
    origin: Origin,
    request: Idempotent<CalendarName>,
) -> Result<Answer, Error> {
    of.member.must_in_org(Permission::OrgWrite)?;
    let name = request.body.parse()?;
    let org_id = of.tenant.org_id();
    let work = move |conn: &mut _, tenant: &_, act: &_, _: &_| {
        let calendar = commands::create(conn, tenant, act, &name)?;
        let location = format!("/api/org/v1/orgs/{org_id}/holiday-calendars/{}", calendar.holiday_calendar_id);
        Ok(Answer::created(location, &HolidayCalendar::of(&calendar))?.version(calendar.version))
    };
    app.change(of, origin, Some(request.guard), work).await
}

/// All holiday calendars
#[utoipa::path(
    operation_id = "list_holiday_calendars",
    tag = "holidays",
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        PageParams,
    ),
    responses((status = 200, description = "A page", body = Paged<HolidayCalendar>), responses::List),
    security(("bearer" = [])),
)]
#[get("/api/org/v1/orgs/{org_id}/holiday-calendars")]
pub(crate) async fn list(app: web::Data<App>, of: InOrg, Query(query): Query<PageQuery>) -> Result<Answer, Error> {
    of.member.must_somewhere(Permission::OrgRead)?;
    let page = query.page()?;
    app.read(of, move |conn, tenant, _| {
        let paged = Paged::new(store::list(conn, tenant, &page)?, &page, |calendar| calendar.holiday_calendar_id)?;
        Ok(Answer::ok(&paged.map(|calendar| HolidayCalendar::of(&calendar)))?)
    })
    .await
}

/// One holiday calendar
#[utoipa::path(
    operation_id = "get_holiday_calendar",
    tag = "holidays",
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("holiday_calendar_id" = HolidayCalendarId, Path, description = "The calendar"),
    ),
    responses((status = 200, description = "It", body = HolidayCalendar, headers(("ETag" = String, description = "Its version"))), responses::Read),
    security(("bearer" = [])),
)]
#[get("/api/org/v1/orgs/{org_id}/holiday-calendars/{holiday_calendar_id}")]
pub(crate) async fn find(
    app: web::Data<App>,
    of: InOrg,
    path: Path<(OrgId, HolidayCalendarId)>,
) -> Result<Answer, Error> {
    let (_, id) = path.0;
    of.member.must_somewhere(Permission::OrgRead)?;
    app.read(of, move |conn, tenant, _| answer(&store::find(conn, tenant, id)?.ok_or(Fault::NotFound)?)).await
}

/// Rename a holiday calendar
#[utoipa::path(
    operation_id = "patch_holiday_calendar",
    tag = "holidays",
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("holiday_calendar_id" = HolidayCalendarId, Path, description = "The calendar"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that the change is based on"),
    ),
    request_body = CalendarName,
    responses((status = 200, description = "As it is now", body = HolidayCalendar, headers(("ETag" = String, description = "Its version"))), responses::Change),
    security(("bearer" = [])),
)]
#[patch("/api/org/v1/orgs/{org_id}/holiday-calendars/{holiday_calendar_id}")]
pub(crate) async fn patch(
    app: web::Data<App>,
    of: InOrg,
    origin: Origin,
    path: Path<(OrgId, HolidayCalendarId)>,
    if_match: IfMatch,
    Json(body): Json<CalendarName>,
) -> Result<Answer, Error> {
    let (_, id) = path.0;
    of.member.must_in_org(Permission::OrgWrite)?;
    let name = body.parse()?;
    let work = move |conn: &mut _, tenant: &_, act: &_, _: &_| {
        answer(&commands::rename(conn, tenant, act, id, &name, if_match)?)
    };
    app.change(of, origin, None, work).await
}

/// Delete a holiday calendar
///
/// With all its holidays; 409 `calendar_in_use` while a site follows it.
#[utoipa::path(
    operation_id = "delete_holiday_calendar",
    tag = "holidays",
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("holiday_calendar_id" = HolidayCalendarId, Path, description = "The calendar"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that the change is based on"),
    ),
    responses((status = 204, description = "Deleted"), responses::Toggle),
    security(("bearer" = [])),
)]
#[delete("/api/org/v1/orgs/{org_id}/holiday-calendars/{holiday_calendar_id}")]
pub(crate) async fn remove(
    app: web::Data<App>,
    of: InOrg,
    origin: Origin,
    path: Path<(OrgId, HolidayCalendarId)>,
    if_match: IfMatch,
) -> Result<Answer, Error> {
    let (_, id) = path.0;
    of.member.must_in_org(Permission::OrgWrite)?;
    let work = move |conn: &mut _, tenant: &_, act: &_, _: &_| {
        commands::remove(conn, tenant, act, id, if_match)?;
        Ok(Answer::no_content())
    };
    app.change(of, origin, None, work).await
}

/// The holidays of a calendar
///
/// All of them, or those between two days, ordered by date; the `ETag` is that of the calendar.
#[utoipa::path(
    operation_id = "list_holidays",
    tag = "holidays",
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("holiday_calendar_id" = HolidayCalendarId, Path, description = "The calendar"),
        HolidayQuery,
    ),
    responses((status = 200, description = "All that were asked for", body = Paged<HolidayFact>, headers(("ETag" = String, description = "Its version"))), responses::List),
    security(("bearer" = [])),
)]
#[get("/api/org/v1/orgs/{org_id}/holiday-calendars/{holiday_calendar_id}/holidays")]
pub(crate) async fn holidays(
    app: web::Data<App>,
    of: InOrg,
    path: Path<(OrgId, HolidayCalendarId)>,
    Query(query): Query<HolidayQuery>,
) -> Result<Answer, Error> {
    let (_, id) = path.0;
    of.member.must_somewhere(Permission::OrgRead)?;
    app.read(of, move |conn, tenant, _| {
        let calendar = store::find(conn, tenant, id)?.ok_or(Fault::NotFound)?;
        let items = query.pick(calendar.holidays);
        Ok(Answer::ok(&Paged { items, next_cursor: None })?.version(calendar.version))
    })
    .await
}

/// Add a holiday
///
/// 409 `holiday_taken` when the day has one.
#[utoipa::path(
    operation_id = "create_holiday",
    tag = "holidays",
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("holiday_calendar_id" = HolidayCalendarId, Path, description = "The calendar"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key again: the same answer"),
    ),
    request_body = NewHoliday,
    responses((status = 201, description = "Added", body = HolidayFact, headers(("ETag" = String, description = "Its version"), ("Location" = String, description = "Where it can be read"))), responses::Create),
    security(("bearer" = [])),
)]
#[post("/api/org/v1/orgs/{org_id}/holiday-calendars/{holiday_calendar_id}/holidays")]
pub(crate) async fn add(
    app: web::Data<App>,
    of: InOrg,
    origin: Origin,
    path: Path<(OrgId, HolidayCalendarId)>,
    request: Idempotent<NewHoliday>,
) -> Result<Answer, Error> {
    let (org_id, id) = path.0;
    of.member.must_in_org(Permission::OrgWrite)?;
    let holiday = request.body.parse()?;
    let work = move |conn: &mut _, tenant: &_, act: &_, _: &_| {
        let calendar = commands::add(conn, tenant, act, id, holiday.clone())?;
        let location = format!("/api/org/v1/orgs/{org_id}/holiday-calendars/{id}/holidays");
        Ok(Answer::created(location, &holiday)?.version(calendar.version))
    };
    app.change(of, origin, Some(request.guard), work).await
}

/// Delete a holiday
#[utoipa::path(
    operation_id = "delete_holiday",
    tag = "holidays",
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("holiday_calendar_id" = HolidayCalendarId, Path, description = "The calendar"),
        ("date" = String, Path, description = "The day, like 2026-10-03"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that the change is based on"),
    ),
    responses((status = 204, description = "Deleted"), responses::Toggle),
    security(("bearer" = [])),
)]
#[delete("/api/org/v1/orgs/{org_id}/holiday-calendars/{holiday_calendar_id}/holidays/{date}")]
pub(crate) async fn drop_day(
    app: web::Data<App>,
    of: InOrg,
    origin: Origin,
    path: Path<(OrgId, HolidayCalendarId, Date)>,
    if_match: IfMatch,
) -> Result<Answer, Error> {
    let (_, id, date) = path.0;
    of.member.must_in_org(Permission::OrgWrite)?;
    let work = move |conn: &mut _, tenant: &_, act: &_, _: &_| {
        commands::drop_day(conn, tenant, act, id, date, if_match)?;
        Ok(Answer::no_content())
    };
    app.change(of, origin, None, work).await
}
