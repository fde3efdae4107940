//! Founding and changing an organisation.

use crate::act::Act;
use crate::assignments::store as assignments;
use crate::employees::domain::{Assignment, Employee, EmploymentType};
use crate::employees::input::EmployeeNumber;
use crate::employees::store as employees;
use crate::error::Error;
use crate::orgs::domain::{Change, Founding, Org};
use crate::orgs::store;
use crate::roles::domain::Role;
use crate::roles::store as roles;
use crate::sites::domain::Site;
use crate::sites::store as sites;
use crate::units::domain::Unit;
use crate::units::store as units;
use diesel::pg::PgConnection;
use rollcall_common::extract::IfMatch;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{AssignmentId, EmployeeId, SiteId, UnitId};
use rollcall_user_api::internal::Contact;

/// Makes the organisation with its root unit, its first site and its first employee, who owns it.
pub(crate) fn found(
    conn: &mut PgConnection,
    tenant: &Tenant,
    act: &Act,
    founding: &Founding,
    founder: &Contact,
) -> Result<Org, Error> {
    let org = Org {
        org_id: tenant.org_id(),
        name: founding.name.as_str().to_owned(),
        time_zone: founding.time_zone.as_str().to_owned(),
        locale: founding.locale.as_ref().map_or(&*founder.locale, |locale| locale.as_str()).to_owned(),
        country: founding.country.as_ref().map(|country| country.as_str().to_owned()),
        week_start: founding.week_start,
        version: 1,
    };
    let unit = Unit {
        unit_id: UnitId::generate(),
        name: org.name.clone(),
        code: None,
        parent_id: None,
        head_employee_id: None,
        version: 1,
    };
    let site = Site {
        site_id: SiteId::generate(),
        name: org.name.clone(),
        time_zone: org.time_zone.clone(),
        earlier_time_zones: vec![],
        geofence: None,
        allowed_networks: vec![],
        holiday_calendar_id: None,
        version: 1,
    };
    store::insert(conn, tenant, &org, act.at)?;
    act.org(conn, tenant, "org.created", None, &org)?;
    units::insert(conn, tenant, &unit, act.at)?;
    act.unit(conn, tenant, "unit.created", None, &unit)?;
    sites::insert(conn, tenant, &site, act.at)?;
    act.site(conn, tenant, "site.created", None, &site)?;
    first_employee(conn, tenant, act, founder, (unit.unit_id, site.site_id))?;
    Ok(org)
}

fn first_employee(
    conn: &mut PgConnection,
    tenant: &Tenant,
    act: &Act,
    founder: &Contact,
    (unit_id, site_id): (UnitId, SiteId),
) -> Result<(), Error> {
    let employee_id = EmployeeId::generate();
    let employee = Employee {
        employee_id,
        number: EmployeeNumber::first().as_str().to_owned(),
        name: founder.name.clone(),
        email: Some(founder.email.clone()),
        user_id: Some(founder.user_id),
        hired_on: act.today,
        left_on: None,
        version: 1,
    };
    let assignment = Assignment {
        assignment_id: AssignmentId::generate(),
        employee_id,
        unit_id,
        site_id,
        manager_id: None,
        position: None,
        employment_type: EmploymentType::FullTime,
        valid_from: act.today,
        valid_to: None,
    };
    employees::insert(conn, tenant, &employee, act.at)?;
    assignments::insert(conn, tenant, &assignment, act.at)?;
    for role in [Role::Owner, Role::Employee] {
        roles::give(conn, tenant, employee_id, role.name(), act.at)?;
    }
    let dossier = employees::find(conn, tenant, employee_id)?.ok_or(Fault::NotFound)?;
    act.employee(conn, tenant, "employee.created", None, &dossier)
}

/// Changes the organisation.
pub(crate) fn patch(
    conn: &mut PgConnection,
    tenant: &Tenant,
    act: &Act,
    change: Change,
    if_match: IfMatch,
) -> Result<Org, Error> {
    let before = store::lock(conn, tenant)?;
    if_match.check(before.version)?;
    let wanted = before.with(change);
    if wanted == before {
        return Ok(before);
    }
    let after = store::save(conn, tenant, &wanted, act.at)?;
    act.org(conn, tenant, "org.changed", Some(&before), &after)?;
    Ok(after)
}
