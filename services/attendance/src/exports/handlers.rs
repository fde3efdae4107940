//! `/exports`.

use super::body::{Stopped, body};
use super::cells::everything;
use super::produce::Export;
use super::turns::Turn;
use crate::app::App;
use crate::error::Error;
use crate::facts::{InOrg, Then};
use crate::leave::store as leave;
use crate::openapi::{BadBody, NotAllowed, Refused};
use crate::org_settings::store as settings;
use crate::periods::store as periods;
use crate::roster::domain::range;
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::{HttpResponse, post, web};
use jiff::civil::Date;
use rollcall_attendance_api::codes;
use rollcall_attendance_api::exports::{ExportFormat, ExportRows, NewExport};
use rollcall_attendance_api::leave::LeaveType;
use rollcall_attendance_api::settings::ExportProfile;
use rollcall_common::extract::Json;
use rollcall_common::fault::Fault;
use rollcall_common::problem::chain;
use rollcall_ids::OrgId;
use rollcall_org_api::rights::Permission;
use std::sync::Arc;

/// Rows of a sheet at most, by the format of workbooks.
const ROWS: u64 = 1_048_575;

/// Take attendance out as a file
///
/// A row for each person and day, or for each person with the sums of their days (`rows`), people by number; frozen days
/// as they were kept. Four exports are made at a time, two of one organisation: 429 and 503 say when to come again. The file is made while it is sent; if
/// the connection ends without its proper end, it is not whole. In CSV a text that begins like a formula has an apostrophe
/// before it. Needs `exports.create` on the organisation, and `leave.read` for the kinds of leave in it.
#[utoipa::path(
    operation_id = "create_export",
    tag = "exports",
    security(("bearer" = [])),
    params(("org_id" = OrgId, Path, description = "The organisation")),
    request_body(content = NewExport, example = json!({"format": "csv", "from": "2026-11-01", "to": "2026-11-30"})),
    responses(
        (status = 200, description = "The file", content(
            (String = "text/csv"),
            (String = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        )),
        Refused, NotAllowed, BadBody,
    ),
)]
#[post("/api/attendance/v1/orgs/{org_id}/exports")]
pub(crate) async fn create(app: web::Data<App>, at: InOrg, body: Then<Json<NewExport>>) -> Result<HttpResponse, Error> {
    if !at.member.may_in_org(Permission::ExportsCreate) {
        return Err(Fault::Forbidden.into());
    }
    let wanted = body?.0;
    let (format, rows) = (wanted.format, wanted.rows);
    let (dates, profile, types) = settled(&app, &at, wanted).await?;
    let told = types.into_iter().filter(|_| at.member.may_in_org(Permission::LeaveRead));
    let codes = told.map(|one| (one.leave_type_id, one.body.code)).collect();
    let turn = app.exports.take(at.tenant.org_id())?;
    let export = Export {
        db: app.core.db.clone(),
        tenant: at.tenant,
        org: Arc::clone(&at.member.org),
        dates,
        now: app.core.clock.now(),
        profile: Arc::new(profile),
        format,
        rows,
        codes: Arc::new(codes),
    };
    Ok(answer(export, turn))
}

/// Answers with a body that is made while it is sent.
fn answer(export: Export, turn: Turn) -> HttpResponse {
    let (media_type, ending) = match export.format {
        ExportFormat::Csv => ("text/csv; charset=utf-8", "csv"),
        ExportFormat::Xlsx => ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
    };
    let name = format!("attachment; filename=\"attendance-{}-{}.{ending}\"", export.dates.0, export.dates.1);
    let (pieces, body) = body();
    actix_web::rt::spawn(async move {
        let org_id = export.tenant.org_id();
        match export.produce(pieces).await {
            Ok(()) => {}
            Err(Stopped::Failed(fault)) => tracing::error!(%org_id, error = chain(&fault), "an export failed"),
            Err(stopped @ (Stopped::Gone | Stopped::Stalled(_))) => {
                tracing::info!(%org_id, why = %stopped, "an export was broken off");
            }
        }
        drop(turn);
    });
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, media_type))
        .insert_header((CONTENT_DISPOSITION, name))
        .streaming(body)
}

/// The dates and the profile that are meant, or every field that is wrong; and the kinds of leave.
async fn settled(
    app: &App,
    at: &InOrg,
    wanted: NewExport,
) -> Result<((Date, Date), ExportProfile, Vec<LeaveType>), Fault> {
    let NewExport { format, rows, period_id, from, to, profile } = wanted;
    let given = match (period_id, from, to) {
        (Some(id), None, None) => Given::Period(id),
        (None, Some(from), Some(to)) => Given::Dates(range(from, to).map_err(in_body)?),
        _ => return Err(Fault::invalid("/period_id", "one_range", "either period_id, or from and to")),
    };
    let tenant = at.tenant;
    let load = move |conn: &mut diesel::PgConnection| {
        let dates = match given {
            Given::Dates(dates) => dates,
            Given::Period(id) => {
                let unknown =
                    || Fault::invalid("/period_id", codes::UNKNOWN_PERIOD, "the organisation has none of this id");
                let period = periods::one(conn, &tenant, id)?.ok_or_else(unknown)?.period;
                (period.from, period.to)
            }
        };
        let profile = match profile {
            None => everything(rows),
            Some(name) => {
                let all = settings::read(conn, &tenant)?.0.export_profiles;
                let unknown =
                    || Fault::invalid("/profile", codes::UNKNOWN_PROFILE, "the settings have none of this name");
                let profile = all.into_iter().find(|profile| profile.name == name).ok_or_else(unknown)?;
                if !profile.columns.iter().all(|column| rows.fields().contains(&column.field)) {
                    let why = "a column of it is not of such rows";
                    return Err(Fault::invalid("/profile", codes::COLUMN_OF_OTHER_ROWS, why));
                }
                profile
            }
        };
        let each = match rows {
            ExportRows::Days => u64::try_from((dates.1 - dates.0).get_days() + 1).unwrap_or(1),
            ExportRows::Sums => 1,
        };
        let lines = each * u64::from(periods::people_count(conn, &tenant)?);
        if format == ExportFormat::Xlsx && lines > ROWS {
            return Err(Fault::invalid("/format", codes::TOO_MANY_ROWS, format!("a workbook has at most {ROWS} rows")));
        }
        Ok((dates, profile, leave::all_types(conn, &tenant)?))
    };
    app.core.db.transaction(&tenant, load).await
}

/// Which days are meant.
enum Given {
    Period(rollcall_ids::PeriodId),
    Dates((Date, Date)),
}

/// What is wrong with a range of a query, said of a body.
fn in_body(fault: Fault) -> Fault {
    match fault {
        Fault::Invalid(errors) => {
            let moved = errors.into_iter().map(|mut error| {
                error.pointer = error.pointer.replace('?', "/");
                error
            });
            Fault::Invalid(moved.collect())
        }
        other => other,
    }
}
