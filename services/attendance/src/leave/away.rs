//! `/away`: who is away when.

use super::requests_store::{self as wishes, Held};
use super::store;
use super::wish::Piece;
use crate::app::App;
use crate::error::Error;
use crate::facts::domain::assignment_near;
use crate::facts::{InOrg, Then, store as facts_store};
use crate::openapi::{BadQuery, NotAllowed, Refused};
use crate::roster::domain::range;
use actix_web::{get, web};
use jiff::civil::Date;
use rollcall_attendance_api::codes::{UNKNOWN_SITE, UNKNOWN_UNIT};
use rollcall_attendance_api::leave::{Away, LeaveType};
use rollcall_common::answer::Answer;
use rollcall_common::extract::Query;
use rollcall_common::fault::Fault;
use rollcall_common::paging::{PageQuery, Paged};
use rollcall_ids::{OrgId, SiteId, UnitId};
use rollcall_org_api::facts::EmployeeFact;
use rollcall_org_api::rights::Permission;
use serde::Deserialize;

/// `?unit_id=&site_id=&from=&to=&limit=&cursor=`
#[derive(Debug, Deserialize)]
pub(crate) struct AwayQuery {
    unit_id: Option<UnitId>,
    site_id: Option<SiteId>,
    from: Date,
    to: Date,
    limit: Option<u32>,
    cursor: Option<String>,
}

/// Who is away
///
/// The approved leave that touches the dates of everybody in the caller's sight, person by person by number; `limit`
/// counts people who are looked at, so a page may be shorter, or empty and not the last. Needs `roster.read` on the
/// person, who then is away; that it is leave of which kind says only `leave.read`.
#[utoipa::path(
    operation_id = "list_away",
    tag = "leave",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("unit_id" = Option<UnitId>, Query, description = "Of a unit and all below it; of the whole organisation when absent"),
        ("site_id" = Option<SiteId>, Query, description = "Only of those who work at this site on the first day they are away"),
        ("from" = String, Query, description = "First date", format = Date, example = "2026-12-01"),
        ("to" = String, Query, description = "Last date, included; at most 366 days in all", format = Date, example = "2026-12-31"),
        ("limit" = Option<u32>, Query, description = "People who are looked at, 1 to 200; 50 when absent", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, description = "Who is away", body = Paged<Away>), Refused, NotAllowed, BadQuery),
)]
#[get("/api/attendance/v1/orgs/{org_id}/away")]
pub(crate) async fn list(app: web::Data<App>, at: InOrg, query: Then<Query<AwayQuery>>) -> Result<Answer, Error> {
    let AwayQuery { unit_id, site_id, from, to, limit, cursor } = query?.0;
    if ![Permission::RosterRead, Permission::LeaveRead].iter().any(|needed| at.member.may_somewhere(*needed)) {
        return Err(Fault::Forbidden.into());
    }
    let dates = range(from, to)?;
    let org = &at.member.org;
    let units: Vec<UnitId> = match unit_id {
        Some(id) if org.unit(id).is_none() => {
            return Err(Fault::invalid("?unit_id", UNKNOWN_UNIT, "the organisation has none of this id").into());
        }
        Some(id) => org.unit_and_below(id).into_iter().collect(),
        None => org.unit_ids().collect(),
    };
    if site_id.is_some_and(|id| org.site(id).is_none()) {
        return Err(Fault::invalid("?site_id", UNKNOWN_SITE, "the organisation has none of this id").into());
    }
    let page = PageQuery { limit, cursor }.page::<facts_store::AfterPerson>()?;
    let (tenant, after, fetch, now) = (at.tenant, page.after.clone(), page.fetch(), app.core.clock.now());
    let load = move |conn: &mut diesel::PgConnection| {
        let people = facts_store::people_of_units(conn, &tenant, &units, dates, after.as_ref(), fetch)?;
        let ids: Vec<_> = people.iter().map(|person| person.employee_id).collect();
        let held = wishes::held(conn, &tenant, &ids, dates)?;
        Ok::<_, Fault>((people, held, store::all_types(conn, &tenant)?))
    };
    let (people, held, types) = app.core.db.transaction(&at.tenant, load).await?;
    let people = Paged::new(people, &page, |person| (person.number.clone(), person.employee_id))?;
    let mut items = Vec::new();
    for person in &people.items {
        let today = org.date_at(person, now);
        let may = |permission| at.member.may(permission, person, today);
        let sees_type = may(Permission::LeaveRead);
        if !sees_type && !may(Permission::RosterRead) {
            continue;
        }
        let theirs = held.iter().filter(|leave| leave.employee_id == person.employee_id);
        let here = theirs.filter(|leave| site_id.is_none_or(|id| works_at(person, leave.from, id)));
        items.extend(here.map(|leave| away(person, leave, types.iter().filter(|_| sees_type))));
    }
    Ok(Answer::ok(&Paged { items, next_cursor: people.next_cursor })?)
}

fn works_at(person: &EmployeeFact, date: Date, site_id: SiteId) -> bool {
    assignment_near(person, date).is_some_and(|assignment| assignment.site_id == site_id)
}

fn away<'a>(person: &EmployeeFact, leave: &Held, mut types: impl Iterator<Item = &'a LeaveType>) -> Away {
    let (portion, hours) = match leave.piece {
        Piece::Portion(portion) => (Some(portion), None),
        Piece::Hours(hours) => (None, Some(hours)),
    };
    let of = types.find(|of| of.leave_type_id == leave.leave_type_id);
    Away {
        employee_id: person.employee_id,
        name: person.name.clone(),
        number: person.number.clone(),
        from: leave.from,
        to: leave.to,
        portion,
        hours,
        leave_type_id: of.map(|of| of.leave_type_id),
        leave_type_name: of.map(|of| of.body.name.clone()),
    }
}
