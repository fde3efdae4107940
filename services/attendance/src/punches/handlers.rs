//! `/punches`.

use crate::app::App;
use crate::devices::door::Puncher;
use crate::error::Error;
use crate::facts::{InOrg, Then};
use crate::openapi::{BadBody, BadKeyedBody, BadQuery, NotAllowed, Refused};
use crate::punches::commit::Written;
use crate::punches::{intake, store};
use actix_web::{HttpResponse, get, post, web};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};
use rollcall_attendance_api::punches::{BatchAnswer, NewPunch, Punch, PunchBatch};
use rollcall_common::answer::{Answer, REPLAYED_HEADER};
use rollcall_common::extract::{Json, Query};
use rollcall_common::fault::Fault;
use rollcall_common::idempotency::Keyed;
use rollcall_common::paging::{PageQuery, Paged};
use rollcall_common::validate::{self, Fields};
use rollcall_ids::{EmployeeId, OrgId};
use rollcall_org_api::rights::Permission;
use serde::Deserialize;

/// Items of a batch at most.
pub(crate) const BATCH: usize = 500;

/// Punch
///
/// For oneself, by right for somebody else, or by a device for people of its site. Where the site refuses punches from
/// outside its geofence or its networks, such a one is 422. Stored before it is answered, and visible to the next reading of
/// `workdays`. With an `Idempotency-Key`, which holds for ever, the same punch again is answered 200 with the same
/// body and `Idempotency-Replayed: true`; another body under the same key is 422, `idempotency_key_reused`. Keys of a device
/// are its own: two may use the same. A device may count its punches anew, so from it the same body without `at` may be
/// another punch: where the first one came more than 72 h ago it is refused in the same way, and is sent again under another
/// key. More punches of one person from one device, or from none, than anybody makes (500 at once, 240 a day) are 429; one
/// that is stored already is answered all the same.
#[utoipa::path(
    operation_id = "create_punch",
    tag = "punches",
    security(("bearer" = []), ("device" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe; unique for the employee, and of a device for the employee at this device", example = "5f0c7e58-6a0e-4d6e-9d8a-2f6d3f0f6c11"),
    ),
    request_body(content = NewPunch, examples(
        ("now" = (summary = "Now", value = json!({}))),
        ("offline" = (summary = "Made offline, with a position", value = json!({
            "at": "2026-11-20T08:58:12+01:00", "direction": "in", "source": "mobile",
            "latitude": 52.520_008, "longitude": 13.404_954, "accuracy_m": 12.0
        }))),
    )),
    responses(
        (status = 201, description = "Stored", body = Punch),
        (status = 200, description = "Was stored before, with this key", body = Punch, headers(
            ("Idempotency-Replayed" = String, description = "`true`"),
        )),
        Refused, NotAllowed, BadKeyedBody,
    ),
)]
#[post("/api/attendance/v1/orgs/{org_id}/punches")]
pub(crate) async fn create(
    app: web::Data<App>,
    at: Puncher,
    body: Then<Keyed<NewPunch>>,
) -> Result<HttpResponse, Error> {
    let Keyed { body, key } = body?;
    match intake::punch(&app, &at, body, key).await? {
        Written::Created(punch) => Ok(HttpResponse::Created().json(&punch)),
        Written::Replayed(punch) => Ok(HttpResponse::Ok().insert_header((REPLAYED_HEADER, "true")).json(&punch)),
        Written::Mismatch => Err(Fault::IdempotencyMismatch.into()),
    }
}

/// The body as it is decoded: items one by one, so that a bad one does not hold back the others.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Batch {
    punches: Vec<serde_json::Value>,
}

/// Punch many times
///
/// 1 to 500 punches, each with an `idempotency_key` of its own and otherwise as a single one. A bad item is rejected
/// with a problem, the one that the single punch would have been answered; the others are stored. One that is rejected
/// with 429 or 503 is sent again later, one with `idempotency_key_reused` under another key. Up to 1 MiB.
#[utoipa::path(
    operation_id = "create_punches",
    tag = "punches",
    security(("bearer" = []), ("device" = [])),
    params(("org_id" = OrgId, Path, description = "The organisation")),
    request_body(content = PunchBatch, example = json!({"punches": [
        {"idempotency_key": "terminal-7/1001", "at": "2026-11-20T09:00:00+01:00", "direction": "in", "source": "kiosk"},
        {"idempotency_key": "terminal-7/1002", "at": "2026-11-20T18:00:00+01:00", "direction": "out", "source": "kiosk"}
    ]})),
    responses((status = 200, description = "A verdict for each item", body = BatchAnswer), Refused, NotAllowed, BadBody),
)]
#[post("")]
pub(crate) async fn create_batch(app: web::Data<App>, at: Puncher, body: Then<Json<Batch>>) -> Result<Answer, Error> {
    let punches = body?.0.punches;
    if punches.is_empty() || punches.len() > BATCH {
        return Err(Fault::invalid("/punches", "length", format!("must be 1 to {BATCH}, has {}", punches.len())).into());
    }
    Ok(Answer::ok(&BatchAnswer { items: intake::batch(&app, &at, punches).await? })?)
}

/// `?employee_id=&from=&to=&limit=&cursor=`
#[derive(Debug, Deserialize)]
pub(crate) struct PunchQuery {
    employee_id: Option<EmployeeId>,
    from: Option<Date>,
    to: Option<Date>,
    limit: Option<u32>,
    cursor: Option<String>,
}

/// List punches
///
/// Of one person, newest first. Needs `attendance.read` on the person.
#[utoipa::path(
    operation_id = "list_punches",
    tag = "punches",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("employee_id" = Option<EmployeeId>, Query, description = "Whose; the caller's own when absent"),
        ("from" = Option<String>, Query, description = "First date, by the clocks of the person's site", format = Date, example = "2026-11-01"),
        ("to" = Option<String>, Query, description = "Last date, included", format = Date, example = "2026-11-30"),
        ("limit" = Option<u32>, Query, description = "Items on a page, 1 to 200; 50 when absent", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page of punches", body = Paged<Punch>), Refused, NotAllowed, BadQuery),
)]
#[get("/api/attendance/v1/orgs/{org_id}/punches")]
pub(crate) async fn list(app: web::Data<App>, at: InOrg, query: Then<Query<PunchQuery>>) -> Result<Answer, Error> {
    let PunchQuery { employee_id, from, to, limit, cursor } = query?.0;
    let page = PageQuery { limit, cursor }.page::<store::AfterPunch>()?;
    let mut fields = Fields::new();
    let from = fields.take_optional("?from", from.map(validate::date));
    let to = fields.take_optional("?to", to.map(validate::date));
    let (from, to) = fields.all((from, to))?;
    let person = crate::facts::person(&app, &at, employee_id, Permission::AttendanceRead).await?;
    let midnight = |date: Date| -> Option<Timestamp> {
        Some(date.to_zoned(at.member.org.zone_on(&person, date)).ok()?.timestamp())
    };
    let between = (from.and_then(midnight), to.and_then(|to| midnight(to + 1.day())));
    let (tenant, after, fetch) = (at.tenant, page.after, page.fetch());
    let load = move |conn: &mut diesel::PgConnection| {
        store::newest_first(conn, &tenant, person.employee_id, between, after, fetch)
    };
    let punches = app.core.db.transaction(&tenant, load).await?;
    Ok(Answer::ok(&Paged::new(punches, &page, |punch| (punch.at, punch.punch_id))?)?)
}
