//! `/periods/{period_id}/adjustments`.

use super::handlers::readable;
use super::{difference, store};
use crate::app::App;
use crate::error::Error;
use crate::facts::{InOrg, Then};
use crate::openapi::{BadQuery, NotAllowed, Refused};
use crate::workdays::{days, room, view};
use actix_web::{get, web};
use rollcall_attendance_api::periods::{Adjustment, PeriodStatus};
use rollcall_attendance_api::workdays::Workday;
use rollcall_common::extract::{Path, Query};
use rollcall_common::fault::Fault;
use rollcall_common::paging::{PageQuery, Paged};
use rollcall_ids::{EmployeeId, OrgId, PeriodId};
use rollcall_org_api::facts::EmployeeFact;
use rollcall_org_api::rights::Permission;
use std::sync::Arc;

/// List what came too late for a period
///
/// Every day that would be another one if the period were not locked: as it was kept, as the facts say it is now, and
/// which punches made the difference. Ordered by person and date; a page covers some people, so it may have few items or
/// none and still a next one. Needs `periods.read` on the people.
#[utoipa::path(
    operation_id = "list_adjustments",
    tag = "periods",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("period_id" = PeriodId, Path, description = "The period"),
        ("limit" = Option<u32>, Query, description = "People looked at for a page, 1 to 200; 50 when absent. 20,000 days are looked at at most, so of a year those of 54 people", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses(
        (status = 200, description = "A page of days; none of a period that is not locked", body = Paged<Adjustment>),
        Refused, NotAllowed, BadQuery,
    ),
)]
#[get("/api/attendance/v1/orgs/{org_id}/periods/{period_id}/adjustments")]
pub(crate) async fn list(
    app: web::Data<App>,
    at: InOrg,
    path: Path<(OrgId, PeriodId)>,
    query: Then<Query<PageQuery>>,
) -> Result<web::Json<Paged<Adjustment>>, Error> {
    let period = readable(&app, &at, path.0.1).await?;
    let mut page = query?.0.page::<EmployeeId>()?;
    page.limit = room::people(page.limit, (period.from, period.to));
    if !matches!(period.status, PeriodStatus::Locked | PeriodStatus::Closed) {
        return Ok(web::Json(Paged { items: Vec::new(), next_cursor: None }));
    }
    let (tenant, org, now, member) = (at.tenant, Arc::clone(&at.member.org), app.core.clock.now(), at.member.clone());
    let (after, fetch) = (page.after, page.fetch());
    let (of_load, in_org) = (member.clone(), Arc::clone(&org));
    let load = move |conn: &mut diesel::PgConnection| {
        let found = store::people(conn, &tenant, after, fetch)?;
        let mut people = Paged::new(found, &page, |person| person.employee_id)?;
        people.items.retain(|person| of_load.may(Permission::PeriodsRead, person, in_org.date_at(person, now)));
        let dates = (period.from, period.to);
        let ids: Vec<EmployeeId> = people.items.iter().map(|person| person.employee_id).collect();
        let frozen = store::frozen(conn, &tenant, &ids, dates)?;
        let open = days::read_open(conn, &tenant, &in_org, people.items, dates, now)?;
        Ok::<_, Fault>((frozen, open, people.next_cursor))
    };
    let (mut frozen, open, next_cursor) = app.core.db.transaction(&tenant, load).await?;
    let compare = move || {
        let differences = |(person, current): (EmployeeFact, Vec<Workday>)| {
            let sees_kinds = member.may(Permission::LeaveRead, &person, org.date_at(&person, now));
            let found = difference::between(frozen.take(person.employee_id), current);
            found.into_iter().map(move |one| if sees_kinds { one } else { without_kinds(one) }).collect::<Vec<_>>()
        };
        open.days().into_iter().flat_map(differences).collect()
    };
    let items = web::block(compare).await.map_err(Fault::internal)?;
    Ok(web::Json(Paged { items, next_cursor }))
}

fn without_kinds(one: Adjustment) -> Adjustment {
    let [frozen, current] = [one.frozen, one.current].map(|day| day.map(view::without_kinds));
    Adjustment { frozen, current, ..one }
}
