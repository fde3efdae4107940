//! Writes the copy of org's facts. Each carries org's version, and an older one changes nothing: events may come in
//! any order, and answers between them.

use crate::schema::{delegations, holiday_calendars, orgs, sites, units};
use diesel::pg::{Pg, PgConnection};
use diesel::query_builder::{BoxedSqlQuery, SqlQuery};
use diesel::query_dsl::methods::FilterDsl as _;
use diesel::sql_types::{self, Array, BigInt, Date, Jsonb, Nullable, Text};
use diesel::upsert::excluded;
use diesel::{ExpressionMethods as _, PgJsonbExpressionMethods as _, QueryableByName, RunQueryDsl as _};
use jiff::tz::TimeZone;
use jiff_diesel::ToDiesel as _;
use rollcall_common::backfill::Freshness;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::EmployeeId;
use rollcall_org_api::facts::{
    AssignmentFact, DelegationFact, EmployeeFact, HolidayCalendarFact, OrgFact, SiteFact, UnitFact,
};
use rollcall_org_api::internal::Member;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Notes that a fact has changed, for those who have it in memory.
pub(crate) fn changed(conn: &mut PgConnection, tenant: &Tenant, subject: Uuid) -> Result<(), Fault> {
    changed_all(conn, tenant, vec![subject])
}

/// Like [`changed`], for several different ones, in their order.
fn changed_all(conn: &mut PgConnection, tenant: &Tenant, subjects: Vec<Uuid>) -> Result<(), Fault> {
    diesel::sql_query(
        "INSERT INTO fact_changes (org_id, subject) SELECT $1, unnest($2)
         ON CONFLICT (org_id, subject) DO UPDATE SET changed_at = excluded.changed_at",
    )
    .bind::<sql_types::Uuid, _>(tenant.org_id())
    .bind::<Array<sql_types::Uuid>, _>(subjects)
    .execute(conn)?;
    Ok(())
}

fn encode(fact: &impl Serialize) -> Result<Value, Fault> {
    serde_json::to_value(fact).map_err(Fault::internal)
}

/// A zone of which this release does not know when it is what time: org, which is released first, may. Such a fact is
/// refused rather than judged by another clock: what was known before stays, and the sender keeps the event, with an alert,
/// until a release that knows the zone takes it.
fn must_be_known(time_zone: &str) -> Result<(), Fault> {
    let unknown = |error| Fault::internal(anyhow::Error::from(error).context("this release does not have the zone"));
    TimeZone::get(time_zone).map(drop).map_err(unknown)
}

fn zones_must_be_known(site: &SiteFact) -> Result<(), Fault> {
    let earlier = site.earlier_zones.iter().flatten().map(|earlier| &earlier.time_zone);
    earlier.chain([&site.time_zone]).try_for_each(|zone| must_be_known(zone))
}

/// Notes what org answered about a member. A site that cannot be kept keeps nobody out: its event is what waits.
pub(crate) fn keep_member(conn: &mut PgConnection, tenant: &Tenant, member: &Member) -> Result<(), Fault> {
    keep_org(conn, tenant, &member.org, Freshness::Newer)?;
    for unit in &member.units {
        keep_unit(conn, tenant, unit, Freshness::Newer)?;
    }
    for site in member.sites.iter().filter(|site| zones_must_be_known(site).is_ok()) {
        keep_site(conn, tenant, site, Freshness::Newer)?;
    }
    keep_employees(conn, tenant, [&member.employee], Freshness::Newer)
}

/// Notes an organisation.
pub(crate) fn keep_org(conn: &mut PgConnection, tenant: &Tenant, fact: &OrgFact, how: Freshness) -> Result<(), Fault> {
    must_be_known(&fact.time_zone)?;
    let row = (orgs::org_id.eq(tenant.org_id()), orgs::fact.eq(encode(fact)?), orgs::version.eq(fact.version));
    let news = diesel::insert_into(orgs::table)
        .values(row)
        .on_conflict(orgs::org_id)
        .do_update()
        .set((orgs::fact.eq(excluded(orgs::fact)), orgs::version.eq(excluded(orgs::version))))
        .filter((orgs::version - how.allowance()).lt(excluded(orgs::version)))
        .execute(conn)?;
    if news > 0 { changed(conn, tenant, tenant.org_id().0) } else { Ok(()) }
}

/// Notes a unit.
pub(crate) fn keep_unit(
    conn: &mut PgConnection,
    tenant: &Tenant,
    fact: &UnitFact,
    how: Freshness,
) -> Result<(), Fault> {
    let row = (
        units::org_id.eq(tenant.org_id()),
        units::unit_id.eq(fact.unit_id),
        units::fact.eq(encode(fact)?),
        units::version.eq(fact.version),
    );
    let news = diesel::insert_into(units::table)
        .values(row)
        .on_conflict((units::org_id, units::unit_id))
        .do_update()
        .set((units::fact.eq(excluded(units::fact)), units::version.eq(excluded(units::version))))
        .filter((units::version - how.allowance()).lt(excluded(units::version)))
        .execute(conn)?;
    if news > 0 { changed(conn, tenant, tenant.org_id().0) } else { Ok(()) }
}

/// Notes a site. What its fact does not have, because a release tells it that knows less, stays as it was told before.
pub(crate) fn keep_site(
    conn: &mut PgConnection,
    tenant: &Tenant,
    fact: &SiteFact,
    how: Freshness,
) -> Result<(), Fault> {
    zones_must_be_known(fact)?;
    let row = (
        sites::org_id.eq(tenant.org_id()),
        sites::site_id.eq(fact.site_id),
        sites::fact.eq(encode(fact)?),
        sites::version.eq(fact.version),
    );
    let news = diesel::insert_into(sites::table)
        .values(row)
        .on_conflict((sites::org_id, sites::site_id))
        .do_update()
        .set((sites::fact.eq(sites::fact.concat(excluded(sites::fact))), sites::version.eq(excluded(sites::version))))
        .filter((sites::version - how.allowance()).lt(excluded(sites::version)))
        .execute(conn)?;
    if news > 0 { changed(conn, tenant, tenant.org_id().0) } else { Ok(()) }
}

/// Notes a calendar of holidays.
pub(crate) fn keep_calendar(
    conn: &mut PgConnection,
    tenant: &Tenant,
    fact: &HolidayCalendarFact,
    how: Freshness,
) -> Result<(), Fault> {
    use holiday_calendars as table;
    let row = (
        table::org_id.eq(tenant.org_id()),
        table::holiday_calendar_id.eq(fact.holiday_calendar_id),
        table::fact.eq(encode(fact)?),
        table::version.eq(fact.version),
    );
    let news = diesel::insert_into(table::table)
        .values(row)
        .on_conflict((table::org_id, table::holiday_calendar_id))
        .do_update()
        .set((table::fact.eq(excluded(table::fact)), table::version.eq(excluded(table::version))))
        .filter((table::version - how.allowance()).lt(excluded(table::version)))
        .execute(conn)?;
    if news > 0 { changed(conn, tenant, tenant.org_id().0) } else { Ok(()) }
}

#[derive(QueryableByName)]
struct News {
    #[diesel(sql_type = sql_types::Uuid)]
    employee_id: EmployeeId,
}

/// Notes employees and the assignments of those who are news; of several states of one, the newest.
///
/// A column is one array: an import of thousands of people, or a page of them, costs four statements, not four for each.
pub(crate) fn keep_employees<'a>(
    conn: &mut PgConnection,
    tenant: &Tenant,
    facts: impl IntoIterator<Item = &'a EmployeeFact>,
    how: Freshness,
) -> Result<(), Fault> {
    // Sorted: whoever else keeps some of them does it in the same order, and nobody waits in a circle.
    let mut newest = BTreeMap::new();
    for fact in facts {
        let kept = newest.entry(fact.employee_id).or_insert(fact);
        if kept.version < fact.version {
            *kept = fact;
        }
    }
    let column = || newest.values().copied();
    let encoded = column().map(encode).collect::<Result<Vec<_>, _>>()?;
    let news: Vec<News> = diesel::sql_query(
        "INSERT INTO employees (org_id, employee_id, number, user_id, fact, version)
         SELECT $1, new.* FROM unnest($2, $3, $4, $5, $6) AS new (employee_id, number, user_id, fact, version)
         ON CONFLICT (org_id, employee_id) DO UPDATE
         SET number = excluded.number, user_id = excluded.user_id, fact = excluded.fact, version = excluded.version
         WHERE employees.version - $7 < excluded.version
         RETURNING employee_id",
    )
    .bind::<sql_types::Uuid, _>(tenant.org_id())
    .bind::<Array<sql_types::Uuid>, _>(column().map(|fact| fact.employee_id).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(column().map(|fact| fact.number.as_str()).collect::<Vec<_>>())
    .bind::<Array<Nullable<sql_types::Uuid>>, _>(column().map(|fact| fact.user_id).collect::<Vec<_>>())
    .bind::<Array<Jsonb>, _>(encoded)
    .bind::<Array<BigInt>, _>(column().map(|fact| fact.version).collect::<Vec<_>>())
    .bind::<BigInt, _>(how.allowance())
    .load(conn)?;
    if news.is_empty() {
        return Ok(());
    }
    let news: Vec<EmployeeId> = news.into_iter().map(|news| news.employee_id).collect();
    changed_all(conn, tenant, news.iter().map(|employee_id| employee_id.0).collect())?;
    let held: Vec<_> = news.iter().filter_map(|id| newest.get(id)).flat_map(|fact| held_by(fact)).collect();
    replace_assignments(conn, tenant, news, &held)
}

type Held<'a> = (EmployeeId, &'a AssignmentFact);

fn held_by(fact: &EmployeeFact) -> impl Iterator<Item = Held<'_>> {
    fact.assignments.iter().map(|assignment| (fact.employee_id, assignment))
}

/// What these employees held is over; this is what they hold.
fn replace_assignments(
    conn: &mut PgConnection,
    tenant: &Tenant,
    of: Vec<EmployeeId>,
    held: &[Held<'_>],
) -> Result<(), Fault> {
    // Most changes of an employee move nobody, and a row that stays as it is is not written again.
    over_rows(
        "DELETE FROM assignments a WHERE a.org_id = $1 AND a.employee_id = ANY ($8)
         AND NOT EXISTS (SELECT FROM {rows} WHERE {same})",
        tenant,
        held,
    )
    .bind::<Array<sql_types::Uuid>, _>(of)
    .execute(conn)?;
    over_rows(
        "INSERT INTO assignments (org_id, assignment_id, employee_id, unit_id, site_id, valid_from, valid_to)
         SELECT $1, new.* FROM {rows} WHERE NOT EXISTS (SELECT FROM assignments a WHERE a.org_id = $1 AND {same})",
        tenant,
        held,
    )
    .execute(conn)?;
    Ok(())
}

/// A statement over assignments that are held, `{rows}`, `new`; `{same}` is that `a` says what one of them does. `$1` is
/// the organisation.
fn over_rows<'a>(sql: &str, tenant: &Tenant, held: &[Held<'a>]) -> BoxedSqlQuery<'a, Pg, SqlQuery> {
    let rows =
        "unnest($2, $3, $4, $5, $6, $7) AS new (assignment_id, employee_id, unit_id, site_id, valid_from, valid_to)";
    let same = "(a.assignment_id, a.employee_id, a.unit_id, a.site_id, a.valid_from) =
        (new.assignment_id, new.employee_id, new.unit_id, new.site_id, new.valid_from)
        AND a.valid_to IS NOT DISTINCT FROM new.valid_to";
    diesel::sql_query(sql.replace("{rows}", rows).replace("{same}", same))
        .into_boxed()
        .bind::<sql_types::Uuid, _>(tenant.org_id())
        .bind::<Array<sql_types::Uuid>, _>(held.iter().map(|(_, of)| of.assignment_id).collect::<Vec<_>>())
        .bind::<Array<sql_types::Uuid>, _>(held.iter().map(|(id, _)| *id).collect::<Vec<_>>())
        .bind::<Array<sql_types::Uuid>, _>(held.iter().map(|(_, of)| of.unit_id).collect::<Vec<_>>())
        .bind::<Array<sql_types::Uuid>, _>(held.iter().map(|(_, of)| of.site_id).collect::<Vec<_>>())
        .bind::<Array<Date>, _>(held.iter().map(|(_, of)| of.valid_from.to_diesel()).collect::<Vec<_>>())
        .bind::<Array<Nullable<Date>>, _>(
            held.iter().map(|(_, of)| of.valid_to.map(jiff_diesel::ToDiesel::to_diesel)).collect::<Vec<_>>(),
        )
}

/// Notes a delegation. It is not in memory anywhere: who decides is looked up when somebody does.
pub(crate) fn keep_delegation(
    conn: &mut PgConnection,
    tenant: &Tenant,
    fact: &DelegationFact,
    how: Freshness,
) -> Result<(), Fault> {
    let row = (
        delegations::org_id.eq(tenant.org_id()),
        delegations::delegation_id.eq(fact.delegation_id),
        delegations::from_employee_id.eq(fact.from_employee_id),
        delegations::to_employee_id.eq(fact.to_employee_id),
        delegations::valid_from.eq(fact.valid_from.to_diesel()),
        delegations::valid_to.eq(fact.valid_to.to_diesel()),
        delegations::deleted.eq(fact.deleted),
        delegations::version.eq(fact.version),
    );
    diesel::insert_into(delegations::table)
        .values(row)
        .on_conflict((delegations::org_id, delegations::delegation_id))
        .do_update()
        .set((
            delegations::from_employee_id.eq(excluded(delegations::from_employee_id)),
            delegations::to_employee_id.eq(excluded(delegations::to_employee_id)),
            delegations::valid_from.eq(excluded(delegations::valid_from)),
            delegations::valid_to.eq(excluded(delegations::valid_to)),
            delegations::deleted.eq(excluded(delegations::deleted)),
            delegations::version.eq(excluded(delegations::version)),
        ))
        .filter((delegations::version - how.allowance()).lt(excluded(delegations::version)))
        .execute(conn)?;
    Ok(())
}
