//! Adding, changing and removing assignments. The employee is locked; that no two hold on one day is the database's to
//! refuse.

use crate::act::Act;
use crate::assignments::input::{AssignmentAddition, AssignmentPatch};
use crate::assignments::store;
use crate::employees::domain::{Assignment, Dossier};
use crate::employees::store as employees;
use crate::error::Error;
use crate::members::domain::Member;
use crate::sites::store as sites;
use crate::units::store as units;
use diesel::pg::PgConnection;
use rollcall_common::extract::IfMatch;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_common::validate::{Fields, Rejection};
use rollcall_ids::{AssignmentId, EmployeeId, SiteId, UnitId};
use rollcall_org_api::rights::Permission;

/// Adds one; with `end_previous` the one that holds on its first day ends the day before.
pub(crate) fn create(
    conn: &mut PgConnection,
    tenant: &Tenant,
    act: &Act,
    member: &Member,
    employee_id: EmployeeId,
    addition: &AssignmentAddition,
) -> Result<(Assignment, Dossier), Error> {
    let before = employees::lock(conn, tenant, employee_id)?.ok_or(Fault::NotFound)?;
    member.must_change(conn, tenant, &before)?;
    let mut fields = Fields::new();
    let added = addition.assignment(&mut fields, employee_id);
    must_fit(conn, tenant, member, fields, &before, &added)?;
    let previous = before.assignment_on(added.valid_from).filter(|held| held.valid_from < added.valid_from);
    if let Some(previous) = previous.filter(|_| addition.end_previous) {
        let ended = Assignment { valid_to: added.valid_from.yesterday().ok(), ..previous.clone() };
        store::save(conn, tenant, &ended)?;
    }
    store::insert(conn, tenant, &added, act.at)?;
    let after = changed(conn, tenant, act, "employee.assigned", &before)?;
    Ok((added, after))
}

/// Changes one.
pub(crate) fn patch(
    conn: &mut PgConnection,
    tenant: &Tenant,
    act: &Act,
    member: &Member,
    (employee_id, assignment_id): (EmployeeId, AssignmentId),
    patch: &AssignmentPatch,
    if_match: IfMatch,
) -> Result<(Assignment, Dossier), Error> {
    let (before, held) = held(conn, tenant, member, (employee_id, assignment_id), if_match)?;
    let mut fields = Fields::new();
    let wanted = patch.apply(&mut fields, &held);
    if wanted == held {
        return Ok((held, before));
    }
    must_fit(conn, tenant, member, fields, &before, &wanted)?;
    store::save(conn, tenant, &wanted)?;
    let after = changed(conn, tenant, act, "employee.assignment_changed", &before)?;
    Ok((wanted, after))
}

/// Removes one, as if it had never been.
pub(crate) fn remove(
    conn: &mut PgConnection,
    tenant: &Tenant,
    act: &Act,
    member: &Member,
    (employee_id, assignment_id): (EmployeeId, AssignmentId),
    if_match: IfMatch,
) -> Result<(), Error> {
    let (before, held) = held(conn, tenant, member, (employee_id, assignment_id), if_match)?;
    store::remove(conn, tenant, held.assignment_id)?;
    changed(conn, tenant, act, "employee.assignment_deleted", &before)?;
    Ok(())
}

/// The employee, locked, with the one of their assignments that is meant.
fn held(
    conn: &mut PgConnection,
    tenant: &Tenant,
    member: &Member,
    (employee_id, assignment_id): (EmployeeId, AssignmentId),
    if_match: IfMatch,
) -> Result<(Dossier, Assignment), Error> {
    let dossier = employees::lock(conn, tenant, employee_id)?.ok_or(Fault::NotFound)?;
    member.must_change(conn, tenant, &dossier)?;
    let held = dossier.assignments.iter().find(|held| held.assignment_id == assignment_id);
    let held = held.cloned().ok_or(Fault::NotFound)?;
    if_match.check(dossier.employee.version)?;
    Ok((dossier, held))
}

fn changed(
    conn: &mut PgConnection,
    tenant: &Tenant,
    act: &Act,
    action: &'static str,
    before: &Dossier,
) -> Result<Dossier, Error> {
    let employee_id = before.employee.employee_id;
    employees::touch(conn, tenant, employee_id, act.at)?;
    let after = employees::find(conn, tenant, employee_id)?.ok_or(Fault::NotFound)?;
    act.employee(conn, tenant, action, Some(before), &after)?;
    Ok(after)
}

/// 403 when the employee would be put out of the caller's reach; 422 naming what does not fit, with what `fields` has.
fn must_fit(
    conn: &mut PgConnection,
    tenant: &Tenant,
    member: &Member,
    mut fields: Fields,
    dossier: &Dossier,
    wanted: &Assignment,
) -> Result<(), Error> {
    must_reach(conn, tenant, member, (wanted.employee_id, wanted.manager_id, wanted.unit_id))?;
    must_exist(conn, tenant, &mut fields, "", (Some(wanted.unit_id), Some(wanted.site_id), wanted.manager_id))?;
    if wanted.manager_id == Some(wanted.employee_id) {
        fields.reject("/manager_id", Rejection::new("own_manager", "nobody is their own manager"));
    }
    if wanted.valid_from < dossier.employee.hired_on {
        fields.reject("/valid_from", Rejection::new("before_hired_on", "must not be before hired_on"));
    }
    Ok(fields.finish()?)
}

/// 403 unless the caller may change somebody who works in this unit under this manager. A unit that is not there is in
/// nobody's reach and out of nobody's: it is for [`must_exist`] to name.
pub(crate) fn must_reach(
    conn: &mut PgConnection,
    tenant: &Tenant,
    member: &Member,
    (person, manager, unit): (EmployeeId, Option<EmployeeId>, UnitId),
) -> Result<(), Error> {
    if member.reach(Permission::EmployeesWrite).everyone {
        return Ok(());
    }
    let tree = units::tree(conn, tenant)?;
    if !tree.has(unit) || member.may(Permission::EmployeesWrite, person, manager, Some(unit), &tree) {
        Ok(())
    } else {
        Err(Fault::Forbidden.into())
    }
}

/// Notes what is not there; what is there stays until the transaction ends.
pub(crate) fn must_exist(
    conn: &mut PgConnection,
    tenant: &Tenant,
    fields: &mut Fields,
    prefix: &str,
    (unit, site, manager): (Option<UnitId>, Option<SiteId>, Option<EmployeeId>),
) -> Result<(), Error> {
    if let Some(unit) = unit
        && !units::hold(conn, tenant, unit)?
    {
        fields.reject(&format!("{prefix}/unit_id"), Rejection::new("unknown_unit", "there is no such unit"));
    }
    if let Some(site) = site
        && !sites::hold(conn, tenant, site)?
    {
        fields.reject(&format!("{prefix}/site_id"), Rejection::new("unknown_site", "there is no such site"));
    }
    if let Some(manager) = manager
        && !employees::exists(conn, tenant, manager)?
    {
        let unknown = Rejection::new("unknown_employee", "there is no such employee");
        fields.reject(&format!("{prefix}/manager_id"), unknown);
    }
    Ok(())
}
