//! Hiring and changing employees.

use crate::act::Act;
use crate::assignments::commands::must_exist;
use crate::assignments::store as assignments;
use crate::employees::domain::{Assignment, Dossier, Employee};
use crate::employees::input::{Change, Hire};
use crate::employees::store;
use crate::error::Error;
use crate::invitations::commands as invitations;
use crate::members::authority::must_still;
use crate::members::domain::Member;
use crate::orgs::store as orgs;
use crate::roles::domain::Role;
use crate::roles::store as roles;
use crate::sites::store as sites;
use crate::units::store as units;
use diesel::pg::PgConnection;
use rollcall_common::extract::IfMatch;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_common::validate::Fields;
use rollcall_ids::{AssignmentId, EmployeeId, SiteId, UnitId};
use rollcall_org_api::rights::Permission;

/// Adds an employee with their first assignment and the role `employee`, and invites them if asked to.
pub(crate) fn hire(
    conn: &mut PgConnection,
    tenant: &Tenant,
    act: &Act,
    member: &Member,
    hire: &Hire,
) -> Result<Dossier, Error> {
    let tree = units::tree(conn, tenant)?;
    let (unit_id, site_id) = place(conn, tenant, hire)?;
    let employee_id = EmployeeId::generate();
    if !member.may(Permission::EmployeesWrite, employee_id, hire.manager_id, Some(unit_id), &tree) {
        return Err(Fault::Forbidden.into());
    }
    let employee = Employee {
        employee_id,
        number: hire.number.as_str().to_owned(),
        name: hire.name.as_str().to_owned(),
        email: hire.email.as_ref().map(|email| email.as_str().to_owned()),
        user_id: None,
        hired_on: hire.hired_on,
        left_on: hire.left_on,
        version: 1,
    };
    let assignment = Assignment {
        assignment_id: AssignmentId::generate(),
        employee_id,
        unit_id,
        site_id,
        manager_id: hire.manager_id,
        position: hire.position.as_ref().map(|position| position.as_str().to_owned()),
        employment_type: hire.employment_type,
        valid_from: hire.hired_on,
        valid_to: None,
    };
    store::insert(conn, tenant, &employee, act.at)?;
    assignments::insert(conn, tenant, &assignment, act.at)?;
    roles::give(conn, tenant, employee_id, Role::Employee.name(), act.at)?;
    let dossier = store::find(conn, tenant, employee_id)?.ok_or(Fault::NotFound)?;
    act.employee(conn, tenant, "employee.created", None, &dossier)?;
    if hire.invite {
        invitations::send(conn, tenant, act, member, &dossier.employee)?;
    }
    Ok(dossier)
}

/// The unit and the site of a first assignment; 422 naming what is not there.
fn place(conn: &mut PgConnection, tenant: &Tenant, hire: &Hire) -> Result<(UnitId, SiteId), Error> {
    let mut fields = Fields::new();
    let unit_id = match hire.unit_id {
        Some(unit) => unit,
        None => units::root(conn, tenant)?,
    };
    let site_id = match hire.site_id {
        Some(site) => site,
        None => sites::first(conn, tenant)?,
    };
    must_exist(conn, tenant, &mut fields, "/assignment", (Some(unit_id), Some(site_id), hire.manager_id))?;
    fields.finish()?;
    Ok((unit_id, site_id))
}

/// Changes an employee.
pub(crate) fn patch(
    conn: &mut PgConnection,
    tenant: &Tenant,
    act: &Act,
    member: &Member,
    employee_id: EmployeeId,
    change: Change,
    if_match: IfMatch,
) -> Result<Dossier, Error> {
    // Whether an owner remains depends on all owners; the organisation comes before the employee, as everywhere.
    let moves_employment = change.moves_employment();
    if moves_employment {
        orgs::lock(conn, tenant)?;
    }
    let before = store::lock(conn, tenant, employee_id)?.ok_or(Fault::NotFound)?;
    member.must_change(conn, tenant, &before)?;
    if_match.check(before.employee.version)?;
    let wanted = change.apply(&before.employee)?;
    if wanted == before.employee {
        return Ok(before);
    }
    let readdressed = before.employee.user_id.is_none() && wanted.email != before.employee.email;
    if readdressed || moves_employment {
        member.must_decide_over(&before)?;
    }
    if wanted.hired_on != before.employee.hired_on {
        assignments::move_start(conn, tenant, employee_id, before.employee.hired_on, wanted.hired_on)?;
    }
    store::save(conn, tenant, &wanted, act.at)?;
    if moves_employment {
        if !roles::has_owner(conn, tenant, act.today)? {
            return Err(Error::LastOwner);
        }
        must_still(conn, tenant, member, act.at)?;
    }
    let after = store::find(conn, tenant, employee_id)?.ok_or(Fault::NotFound)?;
    act.employee(conn, tenant, "employee.changed", Some(&before), &after)?;
    Ok(after)
}
