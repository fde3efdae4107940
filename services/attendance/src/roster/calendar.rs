//! `/roster/calendar`: the plans of the people of a unit, day by day.

use crate::app::App;
use crate::error::Error;
use crate::facts::domain::{Org, zone_name};
use crate::facts::{InOrg, Then};
use crate::openapi::{BadQuery, NotAllowed, Refused};
use crate::roster::domain::{Plans, dates, range, targets};
use crate::roster::store;
use crate::workdays::handlers::people_of_unit;
use actix_web::{get, web};
use jiff::civil::Date;
use rollcall_attendance_api::roster::{PlannedDay, PlannedDays};
use rollcall_common::answer::Answer;
use rollcall_common::extract::Query;
use rollcall_common::fault::Fault;
use rollcall_common::paging::Paged;
use rollcall_ids::{OrgId, UnitId};
use rollcall_org_api::facts::EmployeeFact;
use rollcall_org_api::rights::Permission;
use serde::Deserialize;
use std::sync::Arc;

/// `?unit_id=&from=&to=&limit=&cursor=`
#[derive(Debug, Deserialize)]
pub(crate) struct CalendarQuery {
    unit_id: UnitId,
    from: Date,
    to: Date,
    limit: Option<u32>,
    cursor: Option<String>,
}

/// Read the plans of a unit
///
/// Of everybody who belongs to it or to one below it on any day of the range, by number, day by day. Needs
/// `roster.read`; whoever is out of reach is left out.
#[utoipa::path(
    operation_id = "read_roster_calendar",
    tag = "roster",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("unit_id" = UnitId, Query, description = "The unit"),
        ("from" = String, Query, description = "First date", format = Date, example = "2026-11-01"),
        ("to" = String, Query, description = "Last date, included; at most 366 days in all", format = Date, example = "2026-11-30"),
        ("limit" = Option<u32>, Query, description = "People on a page at most, 1 to 500; 50 when absent", minimum = 1, maximum = 500),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses(
        (status = 200, description = "Every date of the range, person by person", body = Paged<PlannedDays>, headers(
            ("ETag" = String, description = "Version of the organisation's roster"),
        )),
        Refused, NotAllowed, BadQuery,
    ),
)]
#[get("/calendar")]
pub(crate) async fn read(app: web::Data<App>, at: InOrg, query: Then<Query<CalendarQuery>>) -> Result<Answer, Error> {
    let CalendarQuery { unit_id, from, to, limit, cursor } = query?.0;
    let span = range(from, to)?;
    let people = people_of_unit(&app, &at, unit_id, (limit, cursor), span, Permission::RosterRead).await?;
    let (tenant, org) = (at.tenant, Arc::clone(&at.member.org));
    let Paged { items, next_cursor } = people;
    let load = move |conn: &mut diesel::PgConnection| {
        // The version first: what is planned between the two readings makes the version old, never the plan.
        let version = store::version(conn, &tenant)?;
        let plans = store::plans(conn, &tenant, &targets(&org, &items), span)?;
        let of = |person: &EmployeeFact| PlannedDays {
            employee_id: person.employee_id,
            items: days(&org, &plans, person, span),
        };
        Ok::<_, Fault>((version, items.iter().map(of).collect::<Vec<_>>()))
    };
    let (version, items) = app.core.db.transaction(&tenant, load).await?;
    Ok(Answer::ok(&Paged { items, next_cursor })?.version(version))
}

/// What is planned for somebody on each date.
pub(super) fn days(org: &Org, plans: &Plans, person: &EmployeeFact, (from, to): (Date, Date)) -> Vec<PlannedDay> {
    let mine = plans.of(org, person);
    let day = |date| {
        let entry = mine.decides(date);
        let shift = entry.and_then(|entry| plans.shift_on(entry, date));
        PlannedDay {
            date,
            shift_id: shift.map(|s| s.shift_id),
            rotation_id: entry.and_then(|e| e.plan.planned.rotation()),
            shift_code: shift.map(|s| s.code.clone()),
            start: shift.map(|s| s.start),
            end: shift.map(|s| s.end),
            time_zone: zone_name(&org.zone_on(person, date)),
            planned_by: entry.map(|e| e.plan.target.planned_by()),
            roster_entry_id: entry.map(|e| e.id),
        }
    };
    dates(from, to).map(day).collect()
}
