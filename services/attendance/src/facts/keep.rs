//! Writes the copy of org's facts. Each carries org's version, and an older one changes nothing: events may come in
//! any order, and answers between them.

use crate::schema::{assignments, delegations, employees, fact_changes, holiday_calendars, orgs, sites, units};
use diesel::pg::PgConnection;
use diesel::query_dsl::methods::FilterDsl as _;
use diesel::upsert::excluded;
use diesel::{ExpressionMethods as _, RunQueryDsl as _};
use jiff_diesel::ToDiesel as _;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_org_api::facts::{DelegationFact, EmployeeFact, HolidayCalendarFact, OrgFact, SiteFact, UnitFact};
use rollcall_org_api::internal::Member;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

/// Notes that a fact has changed, for those who have it in memory.
pub(crate) fn changed(conn: &mut PgConnection, tenant: &Tenant, subject: Uuid) -> Result<(), Fault> {
    diesel::insert_into(fact_changes::table)
        .values((fact_changes::org_id.eq(tenant.org_id()), fact_changes::subject.eq(subject)))
        .on_conflict((fact_changes::org_id, fact_changes::subject))
        .do_update()
        .set(fact_changes::changed_at.eq(excluded(fact_changes::changed_at)))
        .execute(conn)?;
    Ok(())
}

fn encode(fact: &impl Serialize) -> Result<Value, Fault> {
    serde_json::to_value(fact).map_err(Fault::internal)
}

/// Notes what org answered about a member.
pub(crate) fn keep_member(conn: &mut PgConnection, tenant: &Tenant, member: &Member) -> Result<(), Fault> {
    keep_org(conn, tenant, &member.org)?;
    for unit in &member.units {
        keep_unit(conn, tenant, unit)?;
    }
    for site in &member.sites {
        keep_site(conn, tenant, site)?;
    }
    keep_employee(conn, tenant, &member.employee)
}

/// Notes an organisation.
pub(crate) fn keep_org(conn: &mut PgConnection, tenant: &Tenant, fact: &OrgFact) -> Result<(), Fault> {
    let row = (orgs::org_id.eq(tenant.org_id()), orgs::fact.eq(encode(fact)?), orgs::version.eq(fact.version));
    let news = diesel::insert_into(orgs::table)
        .values(row)
        .on_conflict(orgs::org_id)
        .do_update()
        .set((orgs::fact.eq(excluded(orgs::fact)), orgs::version.eq(excluded(orgs::version))))
        .filter(orgs::version.lt(excluded(orgs::version)))
        .execute(conn)?;
    if news > 0 { changed(conn, tenant, tenant.org_id().0) } else { Ok(()) }
}

/// Notes a unit.
pub(crate) fn keep_unit(conn: &mut PgConnection, tenant: &Tenant, fact: &UnitFact) -> Result<(), Fault> {
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
        .filter(units::version.lt(excluded(units::version)))
        .execute(conn)?;
    if news > 0 { changed(conn, tenant, tenant.org_id().0) } else { Ok(()) }
}

/// Notes a site.
pub(crate) fn keep_site(conn: &mut PgConnection, tenant: &Tenant, fact: &SiteFact) -> Result<(), Fault> {
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
        .set((sites::fact.eq(excluded(sites::fact)), sites::version.eq(excluded(sites::version))))
        .filter(sites::version.lt(excluded(sites::version)))
        .execute(conn)?;
    if news > 0 { changed(conn, tenant, tenant.org_id().0) } else { Ok(()) }
}

/// Notes a calendar of holidays.
pub(crate) fn keep_calendar(conn: &mut PgConnection, tenant: &Tenant, fact: &HolidayCalendarFact) -> Result<(), Fault> {
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
        .filter(table::version.lt(excluded(table::version)))
        .execute(conn)?;
    if news > 0 { changed(conn, tenant, tenant.org_id().0) } else { Ok(()) }
}

/// Notes an employee and, when it is news, their assignments.
pub(crate) fn keep_employee(conn: &mut PgConnection, tenant: &Tenant, fact: &EmployeeFact) -> Result<(), Fault> {
    let org_id = tenant.org_id();
    let row = (
        employees::org_id.eq(org_id),
        employees::employee_id.eq(fact.employee_id),
        employees::number.eq(&fact.number),
        employees::user_id.eq(fact.user_id),
        employees::fact.eq(encode(fact)?),
        employees::version.eq(fact.version),
    );
    let news = diesel::insert_into(employees::table)
        .values(row)
        .on_conflict((employees::org_id, employees::employee_id))
        .do_update()
        .set((
            employees::number.eq(excluded(employees::number)),
            employees::user_id.eq(excluded(employees::user_id)),
            employees::fact.eq(excluded(employees::fact)),
            employees::version.eq(excluded(employees::version)),
        ))
        .filter(employees::version.lt(excluded(employees::version)))
        .execute(conn)?;
    if news == 0 {
        return Ok(());
    }
    changed(conn, tenant, fact.employee_id.0)?;
    let mine =
        assignments::table.filter(assignments::org_id.eq(org_id)).filter(assignments::employee_id.eq(fact.employee_id));
    diesel::delete(mine).execute(conn)?;
    let rows: Vec<_> = fact
        .assignments
        .iter()
        .map(|a| {
            (
                assignments::org_id.eq(org_id),
                assignments::assignment_id.eq(a.assignment_id),
                assignments::employee_id.eq(fact.employee_id),
                assignments::unit_id.eq(a.unit_id),
                assignments::site_id.eq(a.site_id),
                assignments::valid_from.eq(a.valid_from.to_diesel()),
                assignments::valid_to.eq(a.valid_to.map(jiff_diesel::ToDiesel::to_diesel)),
            )
        })
        .collect();
    diesel::insert_into(assignments::table).values(rows).execute(conn)?;
    Ok(())
}

/// Notes a delegation. It is not in memory anywhere: who decides is looked up when somebody does.
pub(crate) fn keep_delegation(conn: &mut PgConnection, tenant: &Tenant, fact: &DelegationFact) -> Result<(), Fault> {
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
        .filter(delegations::version.lt(excluded(delegations::version)))
        .execute(conn)?;
    Ok(())
}
