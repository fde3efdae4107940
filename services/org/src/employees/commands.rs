//! Hiring and changing employees.

use crate::act::Act;
use crate::assignments::commands::{must_exist, must_reach};
use crate::assignments::store as assignments;
use crate::employees::domain::{Assignment, Dossier, Employee};
use crate::employees::input::{EmployeePatch, NewEmployee};
use crate::employees::store;
use crate::error::Error;
use crate::invitations::{commands as invitations, store as open_invitations};
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
use rollcall_ids::{AssignmentId, EmployeeId};

/// Adds an employee with their first assignment and the role `employee`, and invites them if asked to.
pub(crate) fn hire(
    conn: &mut PgConnection,
    tenant: &Tenant,
    act: &Act,
    member: &Member,
    body: &NewEmployee,
) -> Result<Dossier, Error> {
    let (unit_id, site_id, manager_id) = body.named();
    let unit_id = match unit_id {
        Some(unit) => unit,
        None => units::root(conn, tenant)?,
    };
    let site_id = match site_id {
        Some(site) => site,
        None => sites::first(conn, tenant)?,
    };
    let employee_id = EmployeeId::generate();
    must_reach(conn, tenant, member, (employee_id, manager_id, unit_id))?;
    let mut fields = Fields::new();
    let hire = body.parse(&mut fields);
    must_exist(conn, tenant, &mut fields, "/assignment", (Some(unit_id), Some(site_id), manager_id))?;
    let (hire,) = fields.all((hire,))?;
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
        manager_id,
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

/// Changes an employee.
pub(crate) fn patch(
    conn: &mut PgConnection,
    tenant: &Tenant,
    act: &Act,
    member: &Member,
    employee_id: EmployeeId,
    patch: &EmployeePatch,
    if_match: IfMatch,
) -> Result<Dossier, Error> {
    // Whether an owner remains depends on all owners; the organisation comes before the employee, as everywhere.
    let moves_employment = patch.moves_employment();
    if moves_employment {
        orgs::lock(conn, tenant)?;
    }
    let before = store::lock(conn, tenant, employee_id)?.ok_or(Fault::NotFound)?;
    member.must_change(conn, tenant, &before)?;
    if_match.check(before.employee.version)?;
    let wanted = patch.apply(&before);
    if wanted.as_ref().is_ok_and(|wanted| *wanted == before.employee) {
        return Ok(before);
    }
    // Who may not do it is told that, and not what is wrong with it.
    let readdressed = before.employee.user_id.is_none() && patch.readdresses(&before.employee);
    if readdressed || moves_employment {
        member.must_decide_over(&before)?;
    }
    let wanted = wanted?;
    if wanted.hired_on != before.employee.hired_on {
        assignments::move_start(conn, tenant, employee_id, before.employee.hired_on, wanted.hired_on)?;
    }
    store::save(conn, tenant, &wanted, act.at)?;
    if before.employee.is_readdressed_as(&wanted) {
        // Whoever reads what was sent to the address of before must not become this employee.
        open_invitations::replace_open(conn, tenant, employee_id, act.at)?;
    }
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
