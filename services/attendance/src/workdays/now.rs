//! `/now`: who is in ([`presence`] says until when whoever has come and not gone is).
//!
//! Whoever empties a house counts by this who is in it: so somebody is where they punched, and where they are assigned to
//! only when no punch says it. Their unit is theirs wherever they are.

use super::facts::Facts;
use super::presence::{self, Coming};
use super::{gather, store};
use crate::app::App;
use crate::error::Error;
use crate::facts::domain::{Org, assignment_near};
use crate::facts::{InOrg, Then, store as facts_store};
use crate::openapi::{BadQuery, NotAllowed, Refused};
use actix_web::{get, web};
use diesel::pg::PgConnection;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use rollcall_attendance_api::codes::UNKNOWN_UNIT;
use rollcall_attendance_api::now::{Now, Present, SiteCount, UnitCount};
use rollcall_common::answer::Answer;
use rollcall_common::extract::Query;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{EmployeeId, OrgId, PunchId, UnitId};
use rollcall_org_api::facts::EmployeeFact;
use rollcall_org_api::rights::Permission;
use serde::Deserialize;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

/// People whose facts are read together.
const PAGE: usize = 500;

/// `?unit_id=`
#[derive(Debug, Deserialize)]
pub(crate) struct NowQuery {
    unit_id: Option<UnitId>,
}

/// Who is in right now
///
/// Of all whom the caller may see, or of a unit and all below it: how many per site and unit, and who. Whoever came at a
/// device of another site than their own counts at that one. Needs `attendance.read`; whoever is out of reach is left out.
#[utoipa::path(
    operation_id = "read_now",
    tag = "workdays",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("unit_id" = Option<UnitId>, Query, description = "Of a unit and all below it; of the whole organisation when absent"),
    ),
    responses((status = 200, description = "Who has come and not gone", body = Now), Refused, NotAllowed, BadQuery),
)]
#[get("/api/attendance/v1/orgs/{org_id}/now")]
pub(crate) async fn read(app: web::Data<App>, at: InOrg, query: Then<Query<NowQuery>>) -> Result<Answer, Error> {
    let unit_id = query?.0.unit_id;
    if !at.member.may_somewhere(Permission::AttendanceRead) {
        return Err(Fault::Forbidden.into());
    }
    let org = Arc::clone(&at.member.org);
    let units: Vec<UnitId> = match unit_id {
        Some(id) if org.unit(id).is_none() => {
            return Err(Fault::invalid("?unit_id", UNKNOWN_UNIT, "the organisation has none of this id").into());
        }
        Some(id) => org.unit_and_below(id).into_iter().collect(),
        None => org.unit_ids().collect(),
    };
    let now = app.core.clock.now();
    let mut people = Vec::new();
    let mut after = None;
    loop {
        let (mut found, more) = page(&app, &at, &units, after, now).await?;
        people.append(&mut found);
        after = more;
        if after.is_none() {
            break;
        }
    }
    Ok(Answer::ok(&counted(&org, people, now))?)
}

/// Those who are in of the next people by number, and where the ones after them begin.
async fn page(
    app: &App,
    at: &InOrg,
    units: &[UnitId],
    after: Option<facts_store::AfterPerson>,
    now: Timestamp,
) -> Result<(Vec<Present>, Option<facts_store::AfterPerson>), Fault> {
    let (tenant, units, member) = (at.tenant, units.to_vec(), at.member.clone());
    let load = move |conn: &mut PgConnection| {
        let today = member.today(now);
        // It may be another date where somebody else is.
        let dates = (today - 1.day(), today + 1.day());
        let limit = i64::try_from(PAGE).unwrap_or(i64::MAX);
        let mut people = facts_store::people_of_units(conn, &tenant, &units, dates, after.as_ref(), limit)?;
        let last = people.last().filter(|_| people.len() == PAGE);
        let next = last.map(|person| (person.number.clone(), person.employee_id));
        people.retain(|person| {
            let today = member.org.date_at(person, now);
            let of_units = assignment_near(person, today).is_some_and(|a| units.contains(&a.unit_id));
            of_units && person.works_on(today) && member.may(Permission::AttendanceRead, person, today)
        });
        let facts = gather::facts(conn, &tenant, &member.org, &people, dates, now)?;
        let present = people.iter().zip(&facts).filter_map(|(person, facts)| present(&member.org, person, facts));
        let mut present: Vec<Present> = present.collect();
        where_they_punched(conn, &tenant, &mut present)?;
        Ok::<_, Fault>((present, next))
    };
    app.core.db.transaction(&at.tenant, load).await
}

fn present(org: &Org, person: &EmployeeFact, facts: &Facts) -> Option<Present> {
    let Coming { at: since, punch_id, .. } = presence::in_since(facts)?;
    let assignment = assignment_near(person, org.date_at(person, facts.now));
    Some(Present {
        employee_id: person.employee_id,
        name: person.name.clone(),
        number: person.number.clone(),
        since,
        punch_id,
        site_id: assignment.map(|assignment| assignment.site_id),
        unit_id: assignment.map(|assignment| assignment.unit_id),
    })
}

/// Puts everybody at the site that the punch says with which they came; one that a correction added says none. Read here
/// for those who are in: the engine, which reads months of many people, has no use for it.
fn where_they_punched(conn: &mut PgConnection, tenant: &Tenant, present: &mut [Present]) -> Result<(), Fault> {
    let since = present.iter().map(|person| person.since);
    let Some((first, last)) = since.clone().min().zip(since.max()) else { return Ok(()) };
    let people: Vec<EmployeeId> = present.iter().map(|person| person.employee_id).collect();
    let punches: Vec<PunchId> = present.iter().map(|person| person.punch_id).collect();
    // A punch is known to the second here.
    let between = (first, last + SignedDuration::from_secs(1));
    let sites = store::sites(conn, tenant, (&people, &punches), between)?;
    for person in present {
        person.site_id = sites.get(&person.punch_id).copied().or(person.site_id);
    }
    Ok(())
}

fn counted(org: &Org, people: Vec<Present>, at: Timestamp) -> Now {
    let mut sites: Vec<SiteCount> = count(people.iter().filter_map(|person| person.site_id))
        .into_iter()
        .filter_map(|(site_id, present)| Some(SiteCount { site_id, name: org.site(site_id)?.name.clone(), present }))
        .collect();
    sites.sort_by(|a, b| (&a.name, a.site_id).cmp(&(&b.name, b.site_id)));
    let mut units: Vec<UnitCount> = count(people.iter().filter_map(|person| person.unit_id))
        .into_iter()
        .filter_map(|(unit_id, present)| Some(UnitCount { unit_id, name: org.unit(unit_id)?.name.clone(), present }))
        .collect();
    units.sort_by(|a, b| (&a.name, a.unit_id).cmp(&(&b.name, b.unit_id)));
    Now { at, sites, units, people }
}

fn count<T: Eq + Hash>(all: impl Iterator<Item = T>) -> HashMap<T, u32> {
    let mut counts = HashMap::new();
    for one in all {
        *counts.entry(one).or_insert(0) += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use rollcall_ids::SiteId;

    #[test]
    fn each_is_counted_once() {
        let [a, b] = [SiteId::generate(), SiteId::generate()];
        assert_eq!(count([a, b, a].into_iter()), HashMap::from([(a, 2), (b, 1)]));
    }
}
