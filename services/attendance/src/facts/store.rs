//! Reads the copy of org's facts.

use crate::devices::store as devices;
use crate::facts::domain::Org;
use crate::punch_rules::store as punch_rules;
use crate::schema::{assignments, employees, fact_changes, holiday_calendars as calendars, orgs, sites, units};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff_diesel::ToDiesel as _;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{EmployeeId, SiteId, UnitId, UserId};
use rollcall_org_api::facts::EmployeeFact;
use serde::de::DeserializeOwned;
use serde_json::Value;

fn decode<T: DeserializeOwned>(fact: Value) -> Result<T, Fault> {
    serde_json::from_value(fact).map_err(Fault::internal)
}

/// When the organisation changed last, with its units, sites and calendars.
pub(crate) fn org_changed_at(conn: &mut PgConnection, tenant: &Tenant) -> Result<Option<Timestamp>, Fault> {
    let key = (tenant.org_id(), tenant.org_id().0);
    let at = fact_changes::table.find(key).select(fact_changes::changed_at).first::<jiff_diesel::Timestamp>(conn);
    Ok(at.optional()?.map(jiff_diesel::Timestamp::to_jiff))
}

/// The organisation with its units and sites; none: nothing is known of it yet.
pub(crate) fn org(conn: &mut PgConnection, tenant: &Tenant) -> Result<Option<Org>, Fault> {
    let id = tenant.org_id();
    let fact: Option<Value> = orgs::table.find(id).select(orgs::fact).first(conn).optional()?;
    let Some(fact) = fact else { return Ok(None) };
    let of_units: Vec<Value> = units::table.filter(units::org_id.eq(id)).select(units::fact).load(conn)?;
    let of_sites: Vec<Value> = sites::table.filter(sites::org_id.eq(id)).select(sites::fact).load(conn)?;
    let of_units = of_units.into_iter().map(decode).collect::<Result<_, _>>()?;
    let of_sites = of_sites.into_iter().map(decode).collect::<Result<_, _>>()?;
    let of_days: Vec<Value> = calendars::table.filter(calendars::org_id.eq(id)).select(calendars::fact).load(conn)?;
    let of_days = of_days.into_iter().map(decode).collect::<Result<_, _>>()?;
    let (rules, doors) = (punch_rules::all(conn, tenant)?, devices::doors(conn, tenant)?);
    Ok(Some(Org::new(decode(fact)?, of_units, of_sites).with_calendars(of_days).with_doors(rules, doors)))
}

/// The employee that an account is linked to. Should two be known for a moment, the one linked last.
pub(crate) fn employee_of_user(
    conn: &mut PgConnection,
    tenant: &Tenant,
    user_id: UserId,
) -> Result<Option<EmployeeFact>, Fault> {
    let fact: Option<Value> = employees::table
        .filter(employees::org_id.eq(tenant.org_id()))
        .filter(employees::user_id.eq(user_id))
        .order(employees::version.desc())
        .select(employees::fact)
        .first(conn)
        .optional()?;
    fact.map(decode).transpose()
}

/// Several employees; those who are not known are missing from the answer.
pub(crate) fn employees(
    conn: &mut PgConnection,
    tenant: &Tenant,
    ids: &[EmployeeId],
) -> Result<Vec<EmployeeFact>, Fault> {
    let facts: Vec<Value> = employees::table
        .filter(employees::org_id.eq(tenant.org_id()))
        .filter(employees::employee_id.eq_any(ids))
        .select(employees::fact)
        .load(conn)?;
    facts.into_iter().map(decode).collect()
}

/// Who is named, or was assigned to one of the units or sites on any day of the range.
pub(crate) fn people_concerned(
    conn: &mut PgConnection,
    tenant: &Tenant,
    (named, of_units, of_sites): (&[EmployeeId], &[UnitId], &[SiteId]),
    (from, to): (Date, Date),
) -> Result<Vec<EmployeeFact>, Fault> {
    let assigned = assignments::table
        .filter(assignments::org_id.eq(tenant.org_id()))
        .filter(assignments::unit_id.eq_any(of_units).or(assignments::site_id.eq_any(of_sites)))
        .filter(assignments::valid_from.le(to.to_diesel()))
        .filter(assignments::valid_to.is_null().or(assignments::valid_to.ge(from.to_diesel())))
        .select(assignments::employee_id);
    let facts: Vec<Value> = employees::table
        .filter(employees::org_id.eq(tenant.org_id()))
        .filter(employees::employee_id.eq_any(named).or(employees::employee_id.eq_any(assigned)))
        .order(employees::employee_id)
        .select(employees::fact)
        .load(conn)?;
    facts.into_iter().map(decode).collect()
}

/// Where a page of people starts: number and id of the last one before.
pub(crate) type AfterPerson = (String, EmployeeId);

/// Where somebody is assigned to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Places<'a> {
    /// One of these units.
    Units(&'a [UnitId]),
    /// One of these sites.
    Sites(&'a [SiteId]),
}

/// Who was assigned to one of the units on any day of the range, by number.
pub(crate) fn people_of_units(
    conn: &mut PgConnection,
    tenant: &Tenant,
    of: &[UnitId],
    dates: (Date, Date),
    after: Option<&AfterPerson>,
    limit: i64,
) -> Result<Vec<EmployeeFact>, Fault> {
    people_of(conn, tenant, Places::Units(of), dates, after, limit)
}

/// Who was assigned to one of the places on any day of the range, by number.
pub(crate) fn people_of(
    conn: &mut PgConnection,
    tenant: &Tenant,
    of: Places<'_>,
    (from, to): (Date, Date),
    after: Option<&AfterPerson>,
    limit: i64,
) -> Result<Vec<EmployeeFact>, Fault> {
    let assigned = assignments::table
        .filter(assignments::org_id.eq(tenant.org_id()))
        .filter(assignments::valid_from.le(to.to_diesel()))
        .filter(assignments::valid_to.is_null().or(assignments::valid_to.ge(from.to_diesel())))
        .select(assignments::employee_id)
        .into_boxed();
    let assigned = match of {
        Places::Units(units) => assigned.filter(assignments::unit_id.eq_any(units)),
        Places::Sites(sites) => assigned.filter(assignments::site_id.eq_any(sites)),
    };
    let mut query = employees::table
        .filter(employees::org_id.eq(tenant.org_id()))
        .filter(employees::employee_id.eq_any(assigned))
        .order((employees::number, employees::employee_id))
        .select(employees::fact)
        .limit(limit)
        .into_boxed();
    if let Some((number, id)) = after {
        let later = employees::number.eq(number).and(employees::employee_id.gt(*id));
        query = query.filter(employees::number.gt(number).or(later));
    }
    query.load::<Value>(conn)?.into_iter().map(decode).collect()
}

/// Everybody whom the organisation has and had, by number.
pub(crate) fn people(
    conn: &mut PgConnection,
    tenant: &Tenant,
    after: Option<&AfterPerson>,
    limit: i64,
) -> Result<Vec<EmployeeFact>, Fault> {
    let mut query = employees::table
        .filter(employees::org_id.eq(tenant.org_id()))
        .order((employees::number, employees::employee_id))
        .select(employees::fact)
        .limit(limit)
        .into_boxed();
    if let Some((number, id)) = after {
        let later = employees::number.eq(number).and(employees::employee_id.gt(*id));
        query = query.filter(employees::number.gt(number).or(later));
    }
    query.load::<Value>(conn)?.into_iter().map(decode).collect()
}
