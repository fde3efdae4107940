//! `/summaries`.

use super::domain;
use crate::app::App;
use crate::error::Error;
use crate::facts::{InOrg, Then, store as facts};
use crate::leave::store as leave;
use crate::openapi::{BadQuery, NotAllowed, Refused};
use crate::periods::handlers::readable;
use crate::workdays::{days, room};
use actix_web::{get, web};
use rollcall_attendance_api::summaries::Summary;
use rollcall_attendance_api::workdays::Workday;
use rollcall_common::extract::Query;
use rollcall_common::fault::Fault;
use rollcall_common::paging::{PageQuery, Paged};
use rollcall_ids::{OrgId, PeriodId};
use rollcall_org_api::facts::EmployeeFact;
use rollcall_org_api::rights::Permission;
use serde::Deserialize;
use std::sync::Arc;

/// `?period=&limit=&cursor=`
#[derive(Debug, Deserialize)]
pub(crate) struct SummaryQuery {
    period: PeriodId,
    limit: Option<u32>,
    cursor: Option<String>,
}

/// Read the sums of a period
///
/// Of everybody whom the caller may see with `periods.read`, ordered by number, leave by kind for whoever may see it with
/// `leave.read`: of the frozen days where the period is
/// locked, and else of the days as they stand now. Whoever has no day in the period is left out, so a page may have fewer
/// items than asked for, and still a next one.
#[utoipa::path(
    operation_id = "list_summaries",
    tag = "periods",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("period" = PeriodId, Query, description = "The period"),
        ("limit" = Option<u32>, Query, description = "People on a page at most, 1 to 200; 50 when absent. A page has at most 20,000 days, so one of a year has 54 people", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page of sums", body = Paged<Summary>), Refused, NotAllowed, BadQuery),
)]
#[get("/api/attendance/v1/orgs/{org_id}/summaries")]
pub(crate) async fn list(
    app: web::Data<App>,
    at: InOrg,
    query: Then<Query<SummaryQuery>>,
) -> Result<web::Json<Paged<Summary>>, Error> {
    let SummaryQuery { period, limit, cursor } = query?.0;
    let mut page = PageQuery { limit, cursor }.page::<facts::AfterPerson>()?;
    let period = readable(&app, &at, period).await?;
    page.limit = room::people(page.limit, (period.from, period.to));
    let (tenant, org, now, member) = (at.tenant, Arc::clone(&at.member.org), app.core.clock.now(), at.member.clone());
    let (after, fetch, dates) = (page.after.clone(), page.fetch(), (period.from, period.to));
    let (sees, here) = (member.clone(), Arc::clone(&org));
    let load = move |conn: &mut diesel::PgConnection| {
        let found = facts::people(conn, &tenant, after.as_ref(), fetch)?;
        let mut people = Paged::new(found, &page, |person| (person.number.clone(), person.employee_id))?;
        people.items.retain(|person| member.may(Permission::PeriodsRead, person, org.date_at(person, now)));
        let types = leave::all_types(conn, &tenant)?;
        Ok::<_, Fault>((days::read(conn, &tenant, &org, people.items, dates, now)?, types, people.next_cursor))
    };
    let (read, types, next_cursor) = app.core.db.transaction(&tenant, load).await?;
    let add_up = move || -> Vec<Summary> {
        let people = read.days().into_iter().filter(|(_, days)| !days.is_empty());
        let sum = |(person, days): (EmployeeFact, Vec<Workday>)| {
            let sees_kinds = sees.may(Permission::LeaveRead, &person, here.date_at(&person, now));
            Summary {
                leave: if sees_kinds { domain::leave(&types, &days) } else { Vec::new() },
                employee_id: person.employee_id,
                number: person.number,
                name: person.name,
                frozen: days.iter().all(|day| day.frozen),
                totals: domain::totals(&days),
            }
        };
        people.map(sum).collect()
    };
    let items = web::block(add_up).await.map_err(Fault::internal)?;
    Ok(web::Json(Paged { items, next_cursor }))
}
