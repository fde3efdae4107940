//! Giving and taking roles.

use crate::act::Act;
use crate::employees::domain::Dossier;
use crate::employees::store as employees;
use crate::error::Error;
use crate::members::domain::Member;
use crate::orgs::store as orgs;
use crate::roles::domain::Role;
use crate::roles::store;
use diesel::pg::PgConnection;
use rollcall_common::extract::IfMatch;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::EmployeeId;

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Let them have the role.
    Give(Role),
    /// Let them not have the role.
    Take(Role),
}

/// Gives or takes a role; to have it already, or not, is fine. The organisation is locked, so two owners who take
/// the role from each other at the same time do so one after the other, and the second is refused.
pub(crate) fn change(
    conn: &mut PgConnection,
    tenant: &Tenant,
    act: &Act,
    member: &Member,
    employee_id: EmployeeId,
    step: Step,
    if_match: IfMatch,
) -> Result<Dossier, Error> {
    orgs::lock(conn, tenant)?;
    let before = employees::lock(conn, tenant, employee_id)?.ok_or(Fault::NotFound)?;
    member.must_see(conn, tenant, &before)?;
    let (Step::Give(role) | Step::Take(role)) = step;
    if !role.may_be_given_by(&member.grants) {
        return Err(Fault::Forbidden.into());
    }
    if_match.check(before.employee.version)?;
    let (changed, action) = match step {
        Step::Give(_) => (store::give(conn, tenant, employee_id, role, act.at)?, "employee.role_given"),
        Step::Take(_) => (store::take(conn, tenant, employee_id, role)?, "employee.role_taken"),
    };
    if !changed {
        return Ok(before);
    }
    if !store::has_owner(conn, tenant, act.today)? {
        return Err(Error::LastOwner);
    }
    employees::touch(conn, tenant, employee_id, act.at)?;
    let after = employees::find(conn, tenant, employee_id)?.ok_or(Fault::NotFound)?;
    act.employee(conn, tenant, action, Some(&before), &after)?;
    Ok(after)
}
