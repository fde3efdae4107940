//! `/roster`.

use crate::app::App;
use crate::error::Error;
use crate::facts::domain::Org;
use crate::facts::{InOrg, Member, Then};
use crate::openapi::{BadBody, BadQuery, NotAllowed, Refused};
use crate::roster::domain::{self, Known, NewEntry};
use crate::roster::{calendar, store, tell};
use crate::rotations::store as rotation_store;
use actix_web::{get, put, web};
use jiff::civil::Date;
use rollcall_attendance_api::roster::{NewRosterEntry, PlannedDays, RosterBody, RosterEntry, RosterStored};
use rollcall_common::answer::Answer;
use rollcall_common::extract::{IfMatch, Json, Query};
use rollcall_common::fault::Fault;
use rollcall_common::problem::Problem;
use rollcall_ids::{EmployeeId, OrgId, RotationId, ShiftId};
use rollcall_org_api::facts::EmployeeFact;
use rollcall_org_api::rights::Permission;
use serde::Deserialize;
use std::collections::HashSet;
use std::sync::Arc;

/// Plan a date range
///
/// Adds plans for people, units (with all below) or sites, in the order given. A person's plan beats a unit's, which
/// beats a site's; a later one beats an earlier one of the same kind. `shift_id: null` is a day off; a `rotation_id`
/// instead plans what the rotation says of each day. Nothing is stored unless all of it is right. Needs `roster.write`
/// on everybody it touches; for a site, on the organisation. `If-Match` names the version of the roster that was read,
/// `"0"` before anything is planned: when anybody has planned in the organisation since, it is refused. Whoever has
/// another plan for one of the next days is told, once.
#[utoipa::path(
    operation_id = "plan_roster",
    tag = "roster",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("If-Match" = String, Header, description = "The `ETag` of the roster that was read", example = "\"0\""),
    ),
    request_body(content = RosterBody, example = json!({"entries": [
        {"unit_id": "0193a6f0-7c1e-7000-8000-000000000003", "from": "2026-11-01", "to": "2026-11-30",
         "shift_id": "0193a6f0-7c1e-7000-8000-000000000004"},
        {"unit_id": "0193a6f0-7c1e-7000-8000-000000000003", "from": "2026-11-07", "to": "2026-11-08", "shift_id": null}
    ]})),
    responses(
        (status = 200, description = "What was stored", body = RosterStored, headers(
            ("ETag" = String, description = "Version of the organisation's roster"),
        )),
        (status = 412, description = "Changed since it was read", body = Problem, content_type = "application/problem+json"),
        (status = 428, description = "`If-Match` is missing", body = Problem, content_type = "application/problem+json"),
        Refused, NotAllowed, BadBody,
    ),
)]
#[put("")]
pub(crate) async fn plan(
    app: web::Data<App>,
    at: InOrg,
    if_match: Then<IfMatch>,
    body: Then<Json<RosterBody>>,
) -> Result<Answer, Error> {
    // Who may plan for nobody learns nothing of who exists nor of what is wrong, and costs no question to org.
    if !at.member.may_somewhere(Permission::RosterWrite) {
        return Err(Fault::Forbidden.into());
    }
    let (if_match, body) = (if_match?, body?.0);
    let entries = plannable(&app, &at, &body).await?;
    let expected = if_match.required()?;
    let (tenant, member, now, outbox) = (at.tenant, at.member.clone(), app.core.clock.now(), app.core.outbox.clone());
    let work = move |conn: &mut diesel::PgConnection| {
        let version = store::count_change(conn, &tenant)?;
        if version - 1 != expected {
            return Err(Fault::PreconditionFailed);
        }
        let ids = store::add(conn, &tenant, member.employee.employee_id, &entries, now)?;
        tell::changed(conn, &tenant, &outbox, &member, (&entries, &ids), now)?;
        Ok((version, ids))
    };
    let (version, ids) = app.core.db.transaction(&tenant, work).await?;
    let stored = ids.into_iter().zip(body.entries);
    let entries = stored.map(|(roster_entry_id, plan)| RosterEntry { roster_entry_id, plan, created_at: now });
    Ok(Answer::ok(&RosterStored { entries: entries.collect() })?.version(version))
}

/// What a client sent, if the caller may plan it and nothing of it is wrong.
async fn plannable(app: &App, at: &InOrg, body: &RosterBody) -> Result<Vec<NewEntry>, Fault> {
    let known = known(app, at, body).await?;
    let member = Member { org: Arc::clone(&known.org), employee: Arc::clone(&at.member.employee) };
    if domain::looked_at(body).all(|entry| may_plan(&member, entry, &known)) {
        domain::parse(body, &known)
    } else {
        Err(Fault::Forbidden)
    }
}

/// Whether the caller may plan for all that an entry names, be it one too many. Whether a unit or a site exists is told
/// only to whoever might plan for it; a person who does not exist is under nobody, and that is told instead.
fn may_plan(member: &Member, entry: &NewRosterEntry, known: &Known) -> bool {
    let person = entry.employee_id.and_then(|id| known.people.get(&id));
    person.is_none_or(|person| may_throughout(member, person, entry.from, entry.to))
        && entry.unit_id.is_none_or(|id| member.may_in_unit(Permission::RosterWrite, id))
        && entry.site_id.is_none_or(|_| member.may_in_org(Permission::RosterWrite))
}

/// Whether the caller may plan for somebody on every day of the range: under whom they are changes with their
/// assignments, and a manager of May plans nothing for June. Of a range that ends before it begins, its first day.
fn may_throughout(member: &Member, person: &EmployeeFact, from: Date, to: Date) -> bool {
    let changes = person.assignments.iter().map(|assignment| assignment.valid_from);
    let within = changes.filter(|date| from < *date && *date <= to);
    [from].into_iter().chain(within).all(|date| member.may(Permission::RosterWrite, person, date))
}

/// What exists of all that the entries name.
async fn known(app: &App, at: &InOrg, body: &RosterBody) -> Result<Known, Fault> {
    let (mut people, mut shifts, mut rotations) = (HashSet::new(), Vec::new(), Vec::new());
    for entry in domain::looked_at(body) {
        people.extend(entry.employee_id);
        shifts.extend(entry.shift_id.flatten());
        rotations.extend(entry.rotation_id);
    }
    let org = current(app, at, body).await?;
    let people = app.facts.employees(&at.tenant, people).await?;
    let (shifts, rotations) = defined(app, at, shifts, rotations).await?;
    Ok(Known { org, people, shifts, rotations })
}

/// The organisation, asked for anew when an entry names a unit or site that the copy does not know.
async fn current(app: &App, at: &InOrg, body: &RosterBody) -> Result<Arc<Org>, Fault> {
    let org = &at.member.org;
    let known = |entry: &NewRosterEntry| {
        entry.unit_id.is_none_or(|id| org.unit(id).is_some()) && entry.site_id.is_none_or(|id| org.site(id).is_some())
    };
    if domain::looked_at(body).all(known) {
        return Ok(Arc::clone(org));
    }
    let refreshed = app.facts.refreshed(&at.tenant, &at.caller).await?;
    Ok(refreshed.map_or_else(|| Arc::clone(org), Arc::new))
}

/// Those of the shifts and rotations that exist.
async fn defined(
    app: &App,
    at: &InOrg,
    shifts: Vec<ShiftId>,
    rotations: Vec<RotationId>,
) -> Result<(HashSet<ShiftId>, HashSet<RotationId>), Fault> {
    let tenant = at.tenant;
    let load = move |conn: &mut diesel::PgConnection| {
        let cycles = rotation_store::cycles(conn, &tenant, &rotations)?;
        Ok((store::known_shifts(conn, &tenant, &shifts)?, cycles.into_keys().collect()))
    };
    app.core.db.transaction(&at.tenant, load).await
}

/// `?employee_id=&from=&to=`
#[derive(Debug, Deserialize)]
pub(crate) struct RosterQuery {
    employee_id: Option<EmployeeId>,
    from: jiff::civil::Date,
    to: jiff::civil::Date,
}

/// Read the plan of a person
///
/// Day by day, with the plan that decided. Needs `roster.read` on the person.
#[utoipa::path(
    operation_id = "read_roster",
    tag = "roster",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("employee_id" = Option<EmployeeId>, Query, description = "Whose; the caller's own when absent"),
        ("from" = String, Query, description = "First date", format = Date, example = "2026-11-01"),
        ("to" = String, Query, description = "Last date, included; at most 366 days in all", format = Date, example = "2026-11-30"),
    ),
    responses(
        (status = 200, description = "Every date of the range", body = PlannedDays, headers(
            ("ETag" = String, description = "Version of the organisation's roster"),
        )),
        Refused, NotAllowed, BadQuery,
    ),
)]
#[get("")]
pub(crate) async fn read(app: web::Data<App>, at: InOrg, query: Then<Query<RosterQuery>>) -> Result<Answer, Error> {
    let query = query?.0;
    let (from, to) = domain::range(query.from, query.to)?;
    let person = crate::facts::person(&app, &at, query.employee_id, Permission::RosterRead).await?;
    let org = Arc::clone(&at.member.org);
    let targets = domain::targets(&org, std::slice::from_ref(&person));
    let tenant = at.tenant;
    let load = move |conn: &mut diesel::PgConnection| {
        // The version first: what is planned between the two readings makes the version old, never the plan.
        let version = store::version(conn, &tenant)?;
        Ok::<_, Fault>((version, store::plans(conn, &tenant, &targets, (from, to))?))
    };
    let (version, plans) = app.core.db.transaction(&tenant, load).await?;
    let items = calendar::days(&org, &plans, &person, (from, to));
    Ok(Answer::ok(&PlannedDays { employee_id: person.employee_id, items })?.version(version))
}
