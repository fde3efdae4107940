//! `/api/org/v1/orgs/{org_id}/holiday-calendars/{holiday_calendar_id}/imports`: the holidays of an `.ics` file.

use crate::app::{App, InOrg, Origin};
use crate::error::Error;
use crate::holidays::domain::Taken;
use crate::holidays::{commands, ics};
use crate::responses;
use crate::upload::{Kind, Upload};
use actix_web::{post, web};
use rollcall_common::answer::Answer;
use rollcall_common::extract::Path;
use rollcall_ids::{HolidayCalendarId, OrgId};
use rollcall_org_api::rights::Permission;

/// An iCalendar file.
pub(crate) struct Calendar;

impl Kind for Calendar {
    const MEDIA_TYPE: &'static str = "text/calendar";
    const LIMIT: usize = 1 << 20;
}

/// Take over an `.ics` file
///
/// An event is a holiday on each of its days; one that starts and ends within a day counts by its date alone. Yearly
/// events are laid out up to ten years from now. A day that had a holiday gets the file's. All or nothing: 422 names
/// the line of everything that is wrong. At most 1 MiB.
#[utoipa::path(
    operation_id = "import_holidays",
    tag = "holidays",
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("holiday_calendar_id" = HolidayCalendarId, Path, description = "The calendar"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key again: the same answer"),
    ),
    request_body(content = String, content_type = "text/calendar"),
    responses((status = 200, description = "What came of it", body = Taken, headers(("ETag" = String, description = "Version of the calendar"))), responses::Create),
    security(("bearer" = [])),
)]
#[post("/api/org/v1/orgs/{org_id}/holiday-calendars/{holiday_calendar_id}/imports")]
pub(crate) async fn import(
    app: web::Data<App>,
    of: InOrg,
    origin: Origin,
    path: Path<(OrgId, HolidayCalendarId)>,
    upload: Upload<Calendar>,
) -> Result<Answer, Error> {
    let (_, id) = path.0;
    of.member.must_in_org(Permission::OrgWrite)?;
    let holidays = ics::holidays(&upload.text, of.member.today)?;
    let work = move |conn: &mut _, tenant: &_, act: &_, _: &_| {
        let (calendar, taken) = commands::take_over(conn, tenant, act, id, holidays)?;
        Ok(Answer::ok(&taken)?.version(calendar.version))
    };
    app.change(of, origin, Some(upload.guard), work).await
}
