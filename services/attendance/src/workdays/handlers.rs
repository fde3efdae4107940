//! `/workdays`.

use super::{days, room, view};
use crate::app::App;
use crate::error::Error;
use crate::facts::domain::assignment_near;
use crate::facts::{InOrg, Then, store as facts_store};
use crate::openapi::{BadQuery, NotAllowed, Refused};
use crate::roster::domain::range;
use actix_web::{get, web};
use jiff::civil::Date;
use rollcall_attendance_api::codes::UNKNOWN_UNIT;
use rollcall_attendance_api::workdays::Workday;
use rollcall_common::answer::LargeAnswer;
use rollcall_common::extract::Query;
use rollcall_common::fault::Fault;
use rollcall_common::paging::{Page, PageQuery, Paged};
use rollcall_ids::{EmployeeId, OrgId, UnitId};
use rollcall_org_api::facts::EmployeeFact;
use rollcall_org_api::rights::Permission;
use serde::Deserialize;
use std::collections::HashSet;
use std::sync::Arc;

/// People on a page at most, and when the client does not say.
const PEOPLE: (u32, u32) = (500, 50);
/// Bytes of a workday on the wire, about: one with four punches and nothing odd has some 1,050.
const WORKDAY: usize = 1_280;

/// `?employee_id=|unit_id=&from=&to=&limit=&cursor=`
#[derive(Debug, Deserialize)]
pub(crate) struct WorkdayQuery {
    employee_id: Option<EmployeeId>,
    unit_id: Option<UnitId>,
    from: Date,
    to: Date,
    limit: Option<u32>,
    cursor: Option<String>,
}

/// Read workdays
///
/// Of one person, or of a unit with all below it: then people are paged, ordered by number, and of each the days on
/// which they belong to it. Computed from the facts at each reading, so a punch that was answered is in it. Needs
/// `attendance.read` on the person; of a unit, whoever is out of reach is left out.
#[utoipa::path(
    operation_id = "list_workdays",
    tag = "workdays",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("employee_id" = Option<EmployeeId>, Query, description = "Whose; the caller's own when `unit_id` is absent too"),
        ("unit_id" = Option<UnitId>, Query, description = "Of a unit and all below it; not together with `employee_id`"),
        ("from" = String, Query, description = "First work date", format = Date, example = "2026-11-01"),
        ("to" = String, Query, description = "Last work date, included; at most 366 days in all", format = Date, example = "2026-11-30"),
        ("limit" = Option<u32>, Query, description = "People on a page at most, 1 to 500; 50 when absent", minimum = 1, maximum = 500),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, description = "Workdays, person by person, by date", body = Paged<Workday>), Refused, NotAllowed, BadQuery),
)]
#[get("/api/attendance/v1/orgs/{org_id}/workdays")]
pub(crate) async fn list(
    app: web::Data<App>,
    at: InOrg,
    query: Then<Query<WorkdayQuery>>,
) -> Result<LargeAnswer, Error> {
    let query = query?.0;
    let dates = range(query.from, query.to)?;
    let (people, within) = match (query.employee_id, query.unit_id) {
        (Some(_), Some(_)) => {
            return Err(Fault::invalid("?unit_id", "one_target", "must not come with employee_id").into());
        }
        (_, Some(unit_id)) => {
            let page = (query.limit, query.cursor);
            let people = people_of_unit(&app, &at, unit_id, page, dates, Permission::AttendanceRead).await?;
            (people, Some(at.member.org.unit_and_below(unit_id)))
        }
        (employee_id, None) => {
            let person = crate::facts::person(&app, &at, employee_id, Permission::AttendanceRead).await?;
            (Paged { items: vec![person], next_cursor: None }, None)
        }
    };
    Ok(workdays(&app, &at, people, dates, within).await?)
}

/// A page of the people of a unit on whom the caller may use `permission`.
pub(crate) async fn people_of_unit(
    app: &App,
    at: &InOrg,
    unit_id: UnitId,
    (limit, cursor): (Option<u32>, Option<String>),
    dates: (Date, Date),
    permission: Permission,
) -> Result<Paged<EmployeeFact>, Fault> {
    if !at.member.may_somewhere(permission) {
        return Err(Fault::Forbidden);
    }
    if at.member.org.unit(unit_id).is_none() {
        return Err(Fault::invalid("?unit_id", UNKNOWN_UNIT, "the organisation has none of this id"));
    }
    let page = page(limit, cursor, dates)?;
    let units: Vec<UnitId> = at.member.org.unit_and_below(unit_id).into_iter().collect();
    let (tenant, after, fetch) = (at.tenant, page.after.clone(), page.fetch());
    let load = move |conn: &mut diesel::PgConnection| {
        facts_store::people_of_units(conn, &tenant, &units, dates, after.as_ref(), fetch)
    };
    let people = app.core.db.transaction(&at.tenant, load).await?;
    let mut people = Paged::new(people, &page, |person| (person.number.clone(), person.employee_id))?;
    let now = app.core.clock.now();
    people.items.retain(|person| {
        let today = at.member.org.date_at(person, now);
        at.member.may(permission, person, today)
    });
    Ok(people)
}

fn page(
    limit: Option<u32>,
    cursor: Option<String>,
    dates: (Date, Date),
) -> Result<Page<facts_store::AfterPerson>, Fault> {
    let limit = limit.unwrap_or(PEOPLE.1);
    if !(1..=PEOPLE.0).contains(&limit) {
        return Err(Fault::invalid("?limit", "out_of_range", format!("must be 1 to {}", PEOPLE.0)));
    }
    let mut page = PageQuery { limit: None, cursor }.page()?;
    page.limit = room::people(limit, dates);
    Ok(page)
}

/// The days of some people: read together; computed, and written, off the threads that serve.
async fn workdays(
    app: &App,
    at: &InOrg,
    Paged { items: people, next_cursor }: Paged<EmployeeFact>,
    dates: (Date, Date),
    within: Option<HashSet<UnitId>>,
) -> Result<LargeAnswer, Fault> {
    let (tenant, org, now) = (at.tenant, Arc::clone(&at.member.org), app.core.clock.now());
    let load = move |conn: &mut diesel::PgConnection| days::read(conn, &tenant, &org, people, dates, now);
    let read = app.core.db.transaction::<_, Fault, _>(&at.tenant, load).await?;
    let (member, org) = (at.member.clone(), Arc::clone(&at.member.org));
    let answer = move || {
        let of_unit = |(person, days): (EmployeeFact, Vec<Workday>)| {
            let sees_kinds = member.may(Permission::LeaveRead, &person, org.date_at(&person, now));
            let mine = days.into_iter().filter(|day| belongs(&person, day.work_date, within.as_ref()));
            mine.map(|day| if sees_kinds { day } else { view::without_kinds(day) }).collect::<Vec<_>>()
        };
        let items: Vec<Workday> = read.days().into_iter().flat_map(of_unit).collect();
        let about = items.len() * WORKDAY;
        LargeAnswer::ok(&Paged { items, next_cursor }, about)
    };
    web::block(answer).await.map_err(Fault::internal)?
}

fn belongs(person: &EmployeeFact, date: Date, within: Option<&HashSet<UnitId>>) -> bool {
    let unit = || assignment_near(person, date).map(|assignment| assignment.unit_id);
    within.is_none_or(|units| unit().is_some_and(|unit| units.contains(&unit)))
}
