//! `/approvals`: what waits for the caller.

use super::bench::Bench;
use super::domain::Request;
use super::{decide, store};
use crate::app::App;
use crate::error::Error;
use crate::facts::domain::Org;
use crate::facts::{InOrg, Then};
use crate::openapi::{BadQuery, NotAllowed, Refused};
use actix_web::{get, web};
use jiff::civil::Date;
use rollcall_attendance_api::approvals::{RequestStatus, Verdict, WaitingRequest};
use rollcall_common::answer::Answer;
use rollcall_common::describe::PageParams;
use rollcall_common::extract::Query;
use rollcall_common::fault::Fault;
use rollcall_common::paging::{Page, PageQuery, Paged};
use rollcall_common::tenant::Tenant;
use rollcall_ids::{EmployeeId, OrgId, UnitId};
use rollcall_org_api::facts::EmployeeFact;
use rollcall_org_api::rights::{Permission, Reach};
use serde::Deserialize;
use std::collections::HashSet;
use std::sync::Arc;

/// `?employee_id=&status=&limit=&cursor=`: the requests of a kind of one person.
#[derive(Debug, Deserialize)]
pub(crate) struct RequestQuery {
    pub(crate) employee_id: Option<EmployeeId>,
    pub(crate) status: Option<RequestStatus>,
    pub(crate) limit: Option<u32>,
    pub(crate) cursor: Option<String>,
}

/// List what waits for the caller
///
/// Requests of all kinds that the caller may decide now, in their own place or in that of somebody who has delegated to
/// them today, and swaps that they are asked to agree to (level 0); newest first. A page may have fewer items than asked for, and still a next one.
#[utoipa::path(
    operation_id = "list_waiting_requests",
    tag = "approvals",
    security(("bearer" = [])),
    params(("org_id" = OrgId, Path, description = "The organisation"), PageParams),
    responses((status = 200, description = "A page of requests", body = Paged<WaitingRequest>), Refused, NotAllowed, BadQuery),
)]
#[get("/api/attendance/v1/orgs/{org_id}/approvals")]
pub(crate) async fn list(app: web::Data<App>, at: InOrg, query: Then<Query<PageQuery>>) -> Result<Answer, Error> {
    let page = query?.0.page::<store::After>()?;
    let now = app.core.clock.now();
    let caller = Arc::clone(&at.member.employee);
    let today = at.member.org.date_at(&caller, now);
    let absent = decide::absent(&app, &at, today).await?;
    let benches = [&[Arc::clone(&caller)][..], &absent].concat();
    let (found, everywhere) = candidates(&app, &at, benches, today, &page).await?;
    let page = Paged::new(found, &page, |one| (one.approval.requested_at, one.request_id))?;
    let whose = page.items.iter().map(|request| request.employee_id).collect();
    let people = app.facts.look_up(&at.tenant, whose).await?.found;
    let waits = |request: Request| {
        let person = Arc::clone(people.get(&request.employee_id)?);
        let name = person.name.clone();
        if let Ok(voice) = request.consent(caller.employee_id) {
            return Some(request.waiting(name, voice));
        }
        let bench = Bench { org: Arc::clone(&at.member.org), today: at.member.org.date_at(&person, now), person };
        let alone = bench.is_alone(&request, &everywhere);
        let voice = bench.voice(&request, Verdict::Approved, &caller, &absent, alone).ok()?;
        Some(request.waiting(name, voice))
    };
    let items = page.items.into_iter().filter_map(waits).collect();
    Ok(Answer::ok(&Paged { items, next_cursor: page.next_cursor })?)
}

/// A page of what waits of people whom one of `deciders` may reach: a little more than they may decide; and where any of
/// it is at the second level, whoever may decide there.
async fn candidates(
    app: &App,
    at: &InOrg,
    deciders: Vec<Arc<EmployeeFact>>,
    today: Date,
    page: &Page<store::After>,
) -> Result<(Vec<Request>, Vec<Arc<EmployeeFact>>), Fault> {
    let (tenant, org, after, fetch) = (at.tenant, Arc::clone(&at.member.org), page.after, page.fetch());
    let caller = at.member.employee.employee_id;
    let load = move |conn: &mut diesel::PgConnection| {
        let people = reached(conn, &tenant, &org, &deciders, today)?;
        let found = store::pending(conn, &tenant, (people.as_deref(), caller), after, fetch)?;
        let second = found.iter().any(|request| request.approval.level > 1);
        let everywhere = if second { store::everywhere(conn, &tenant)? } else { Vec::new() };
        Ok::<_, Fault>((found, everywhere))
    };
    app.core.db.transaction(&at.tenant, load).await
}

/// Whom one of `deciders` may reach; none: everybody.
fn reached(
    conn: &mut diesel::PgConnection,
    tenant: &Tenant,
    org: &Org,
    deciders: &[Arc<EmployeeFact>],
    today: Date,
) -> Result<Option<Vec<EmployeeId>>, Fault> {
    let mut people: HashSet<EmployeeId> = HashSet::new();
    for decider in deciders {
        let reach = Reach::of(&decider.grants, Permission::ApprovalsDecide);
        if reach.everyone {
            return Ok(None);
        }
        let units: HashSet<UnitId> = reach.tops.iter().flat_map(|top| org.unit_and_below(*top)).collect();
        let units: Vec<UnitId> = units.into_iter().collect();
        people.extend(store::reached(conn, tenant, decider.employee_id, &units, today)?);
    }
    Ok(Some(people.into_iter().collect()))
}
