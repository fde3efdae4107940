//! Giving and taking roles, and making them.

use crate::act::Act;
use crate::employees::domain::Dossier;
use crate::employees::store as employees;
use crate::error::Error;
use crate::members::authority::must_still;
use crate::members::domain::Member;
use crate::orgs::store as orgs;
use crate::roles::custom::{Change, CustomRole};
use crate::roles::domain::{HeldRole, Role};
use crate::roles::store;
use diesel::pg::PgConnection;
use rollcall_common::extract::IfMatch;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::EmployeeId;

/// Roles of its own that an organisation has at most.
const MOST_ROLES: i64 = 100;

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Let them have the role.
    Give,
    /// Let them not have the role.
    Take,
}

/// Gives or takes a role; to have it already, or not, is fine. The organisation is locked, so two owners who take
/// the role from each other at the same time do so one after the other, and the second is refused.
pub(crate) fn change(
    conn: &mut PgConnection,
    tenant: &Tenant,
    act: &Act,
    member: &Member,
    employee_id: EmployeeId,
    (step, name): (Step, &str),
    if_match: IfMatch,
) -> Result<Dossier, Error> {
    orgs::lock(conn, tenant)?;
    let before = employees::lock(conn, tenant, employee_id)?.ok_or(Fault::NotFound)?;
    member.must_see(conn, tenant, &before)?;
    let role = named(conn, tenant, name)?;
    if !role.may_be_given_by(&member.grants) {
        return Err(Fault::Forbidden.into());
    }
    if_match.check(before.employee.version)?;
    let still = must_still(conn, tenant, member, act.at);
    let (changed, action) = match step {
        Step::Give => (store::give(conn, tenant, employee_id, name, act.at)?, "employee.role_given"),
        Step::Take => (store::take(conn, tenant, employee_id, name)?, "employee.role_taken"),
    };
    // Of two last owners who demote each other the second hears of the conflict, not of the right that the first took.
    if changed && !store::has_owner(conn, tenant, act.today)? {
        return Err(Error::LastOwner);
    }
    still?;
    if !changed {
        return Ok(before);
    }
    employees::touch(conn, tenant, employee_id, act.at)?;
    let after = employees::find(conn, tenant, employee_id)?.ok_or(Fault::NotFound)?;
    act.employee(conn, tenant, action, Some(&before), &after)?;
    Ok(after)
}

/// The role of that name, built in or the organisation's own.
fn named(conn: &mut PgConnection, tenant: &Tenant, name: &str) -> Result<HeldRole, Error> {
    match Role::named(name) {
        Some(role) => Ok(role.into()),
        None => Ok(store::find(conn, tenant, name)?.ok_or(Fault::NotFound)?.held()),
    }
}

/// Makes a role. Who makes one must be able to give it, or a role would be a way to rise.
pub(crate) fn create(
    conn: &mut PgConnection,
    tenant: &Tenant,
    act: &Act,
    member: &Member,
    role: CustomRole,
) -> Result<CustomRole, Error> {
    orgs::lock(conn, tenant)?;
    must_still(conn, tenant, member, act.at)?;
    must_give(member, &role)?;
    if store::count(conn, tenant)? >= MOST_ROLES {
        return Err(Fault::invalid("/role", "too_many", format!("at most {MOST_ROLES} roles of its own")).into());
    }
    store::insert(conn, tenant, &role, act.at)?;
    act.role(conn, tenant, "role.created", None, Some(&role))?;
    Ok(role)
}

/// Changes a role; whoever holds it is told of to the other services, for their rights are others now.
pub(crate) fn patch(
    conn: &mut PgConnection,
    tenant: &Tenant,
    act: &Act,
    member: &Member,
    name: &str,
    change: Change,
    version: i64,
) -> Result<CustomRole, Error> {
    orgs::lock(conn, tenant)?;
    must_still(conn, tenant, member, act.at)?;
    let before = own(conn, tenant, name)?;
    IfMatch(Some(version)).check(before.version)?;
    let wanted = before.with(change);
    must_give(member, &before)?;
    must_give(member, &wanted)?;
    if wanted == before {
        return Ok(before);
    }
    let after = store::save(conn, tenant, &wanted, act.at)?;
    act.role(conn, tenant, "role.changed", Some(&before), Some(&after))?;
    for holder in store::holders(conn, tenant, name)? {
        employees::touch(conn, tenant, holder, act.at)?;
        let dossier = employees::find(conn, tenant, holder)?.ok_or(Fault::NotFound)?;
        act.employee_fact(conn, tenant, &dossier)?;
    }
    Ok(after)
}

/// Deletes a role that nobody holds.
pub(crate) fn remove(
    conn: &mut PgConnection,
    tenant: &Tenant,
    act: &Act,
    member: &Member,
    name: &str,
    if_match: IfMatch,
) -> Result<(), Error> {
    orgs::lock(conn, tenant)?;
    must_still(conn, tenant, member, act.at)?;
    let before = own(conn, tenant, name)?;
    if_match.check(before.version)?;
    must_give(member, &before)?;
    if !store::holders(conn, tenant, name)?.is_empty() {
        return Err(Error::RoleInUse);
    }
    store::remove(conn, tenant, name)?;
    act.role(conn, tenant, "role.deleted", Some(&before), None)
}

/// One of the organisation's own; the built-in ones are nobody's to change.
fn own(conn: &mut PgConnection, tenant: &Tenant, name: &str) -> Result<CustomRole, Error> {
    if Role::named(name).is_some() {
        return Err(Fault::Forbidden.into());
    }
    Ok(store::find(conn, tenant, name)?.ok_or(Fault::NotFound)?)
}

fn must_give(member: &Member, role: &CustomRole) -> Result<(), Fault> {
    if role.held().may_be_given_by(&member.grants) { Ok(()) } else { Err(Fault::Forbidden) }
}
