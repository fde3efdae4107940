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
use rollcall_attendance_api::settings::{ExportProfile, OrgSettings};
use rollcall_common::extract::Json;
use rollcall_common::fault::Fault;
use rollcall_common::problem::chain;
use rollcall_common::validate::{self, Fields, Rejection};
use rollcall_ids::{OrgId, PeriodId};
use rollcall_org_api::rights::Permission;
use std::sync::Arc;

/// Rows of a sheet at most, by the format of workbooks.
const ROWS: u64 = 1_048_575;

/// Take attendance out as a file
///
/// A row for each person and day, or for each person with the sums of their days (`rows`), people by number; frozen days
/// as they were kept. Four exports are made at a time, two of one organisation, which has at most four with the workbooks
/// that are made and not read to their end: 429 and 503 say when to come again. A CSV file is made while it is sent, and
/// broken off when it is read at less than 64 KiB a second on the average, a minute aside; if the connection ends without
/// its proper end, the file is not whole. In CSV a text that begins like a formula has an apostrophe before it. Needs
/// `exports.create` on the organisation, and `leave.read` for the kinds of leave in it.
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
        match export.produce(pieces, turn).await {
            Ok(()) => {}
            Err(Stopped::Failed(fault)) => tracing::error!(%org_id, error = chain(&fault), "an export failed"),
            Err(stopped @ (Stopped::Gone | Stopped::Stalled(_) | Stopped::Slow)) => {
                tracing::info!(%org_id, why = %stopped, "an export was broken off");
            }
        }
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
    let mut fields = Fields::new();
    let given = given(&mut fields, &wanted)?;
    let (tenant, NewExport { format, rows, profile, .. }) = (at.tenant, wanted);
    let load = move |conn: &mut diesel::PgConnection| {
        let dates = match given {
            None => None,
            Some(Given::Dates(dates)) => Some(dates),
            Some(Given::Period(id)) => {
                let unknown = Rejection::new(codes::UNKNOWN_PERIOD, "the organisation has none of this id");
                let found = fields.take("/period_id", periods::one(conn, &tenant, id)?.ok_or(unknown));
                found.map(|found| (found.period.from, found.period.to))
            }
        };
        let profile = match profile {
            None => Some(everything(rows)),
            Some(name) => fields.take("/profile", of_name(settings::read(conn, &tenant)?.0, &name, rows)),
        };
        if let Some(dates) = dates.filter(|_| format == ExportFormat::Xlsx)
            && lines(rows, dates) * u64::from(periods::people_count(conn, &tenant)?) > ROWS
        {
            let many = Rejection::new(codes::TOO_MANY_ROWS, format!("a workbook has at most {ROWS} rows"));
            fields.reject("/format", many);
        }
        let (dates, profile) = fields.all((dates, profile))?;
        Ok::<_, Fault>((dates, profile, leave::all_types(conn, &tenant)?))
    };
    app.core.db.transaction(&tenant, load).await
}

/// Which days are meant.
enum Given {
    Period(PeriodId),
    Dates((Date, Date)),
}

/// Which days a body means; none: what is wrong is noted.
fn given(fields: &mut Fields, wanted: &NewExport) -> Result<Option<Given>, Fault> {
    let NewExport { period_id, from, to, .. } = *wanted;
    let mut dates = None;
    if let (Some(from), Some(to)) = (from, to) {
        dates = fields.take_over(range(from, to).map_err(in_body))?;
    } else {
        for (pointer, date) in [("/from", from), ("/to", to)] {
            fields.take_optional(pointer, date.map(validate::date));
        }
    }
    Ok(match (period_id, from, to) {
        (Some(id), None, None) => Some(Given::Period(id)),
        (None, Some(_), Some(_)) => dates.map(Given::Dates),
        _ => {
            fields.reject("/period_id", Rejection::new("one_range", "either period_id, or from and to"));
            None
        }
    })
}

/// What is wrong with a range of a query, said of a body.
fn in_body(fault: Fault) -> Fault {
    let Fault::Invalid(mut errors) = fault else { return fault };
    for error in &mut errors {
        error.pointer = error.pointer.replace('?', "/");
    }
    Fault::Invalid(errors)
}

/// The profile of this name, if its columns are of such rows.
fn of_name(settings: OrgSettings, name: &str, rows: ExportRows) -> Result<ExportProfile, Rejection> {
    let found = settings.export_profiles.into_iter().find(|profile| profile.name == name);
    let profile = found.ok_or_else(|| Rejection::new(codes::UNKNOWN_PROFILE, "the settings have none of this name"))?;
    if !profile.columns.iter().all(|column| rows.fields().contains(&column.field)) {
        return Err(Rejection::new(codes::COLUMN_OF_OTHER_ROWS, "a column of it is not of such rows"));
    }
    Ok(profile)
}

/// Rows of a person at most.
fn lines(rows: ExportRows, (from, to): (Date, Date)) -> u64 {
    match rows {
        ExportRows::Days => u64::try_from((to - from).get_days() + 1).unwrap_or(1),
        ExportRows::Sums => 1,
    }
}
