//! The tables of employees and of their assignments.

use crate::employees::domain::{Assignment, Dossier, Employee};
use crate::error::Error;
use crate::roles::domain::Role;
use crate::schema::{assignments, employee_roles, employees, units};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff_diesel::ToDiesel as _;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{EmployeeId, UnitId, UserId};
use std::collections::HashMap;

/// Adds one.
pub(crate) fn insert(
    conn: &mut PgConnection,
    tenant: &Tenant,
    employee: &Employee,
    at: Timestamp,
) -> Result<(), Error> {
    diesel::insert_into(employees::table)
        .values((
            employees::org_id.eq(tenant.org_id()),
            employees::employee_id.eq(employee.employee_id),
            employees::number.eq(&employee.number),
            employees::name.eq(&employee.name),
            employees::email.eq(&employee.email),
            employees::user_id.eq(employee.user_id),
            employees::hired_on.eq(employee.hired_on.to_diesel()),
            employees::left_on.eq(employee.left_on.map(Date::to_diesel)),
            employees::version.eq(employee.version),
            employees::created_at.eq(at.to_diesel()),
            employees::updated_at.eq(at.to_diesel()),
        ))
        .execute(conn)
        .map_err(Error::of_write)?;
    Ok(())
}

/// Adds an assignment.
pub(crate) fn assign(
    conn: &mut PgConnection,
    tenant: &Tenant,
    assignment: &Assignment,
    at: Timestamp,
) -> Result<(), Error> {
    diesel::insert_into(assignments::table)
        .values((
            assignments::org_id.eq(tenant.org_id()),
            assignments::assignment_id.eq(assignment.assignment_id),
            assignments::employee_id.eq(assignment.employee_id),
            assignments::unit_id.eq(assignment.unit_id),
            assignments::site_id.eq(assignment.site_id),
            assignments::manager_id.eq(assignment.manager_id),
            assignments::position.eq(&assignment.position),
            assignments::employment_type.eq(assignment.employment_type.name()),
            assignments::valid_from.eq(assignment.valid_from.to_diesel()),
            assignments::valid_to.eq(assignment.valid_to.map(Date::to_diesel)),
            assignments::created_at.eq(at.to_diesel()),
        ))
        .execute(conn)
        .map_err(Error::of_write)?;
    Ok(())
}

/// Lets the assignment that starts on the first day start on another first day.
pub(crate) fn move_start(
    conn: &mut PgConnection,
    tenant: &Tenant,
    employee_id: EmployeeId,
    from: Date,
    to: Date,
) -> Result<(), Error> {
    diesel::update(assignments::table)
        .filter(assignments::org_id.eq(tenant.org_id()))
        .filter(assignments::employee_id.eq(employee_id))
        .filter(assignments::valid_from.eq(from.to_diesel()))
        .set(assignments::valid_from.eq(to.to_diesel()))
        .execute(conn)
        .map_err(Error::of_write)?;
    Ok(())
}

/// One employee, held until the transaction ends.
pub(crate) fn lock(
    conn: &mut PgConnection,
    tenant: &Tenant,
    employee_id: EmployeeId,
) -> Result<Option<Dossier>, Error> {
    let locked = employees::table
        .find((tenant.org_id(), employee_id))
        .select(Employee::as_select())
        .for_no_key_update()
        .first(conn)
        .optional()?;
    whole(conn, tenant, locked)
}

/// One employee.
pub(crate) fn find(
    conn: &mut PgConnection,
    tenant: &Tenant,
    employee_id: EmployeeId,
) -> Result<Option<Dossier>, Error> {
    let found =
        employees::table.find((tenant.org_id(), employee_id)).select(Employee::as_select()).first(conn).optional()?;
    whole(conn, tenant, found)
}

/// The employee that an account is linked to.
pub(crate) fn by_user(conn: &mut PgConnection, tenant: &Tenant, user_id: UserId) -> Result<Option<Dossier>, Error> {
    let found = employees::table
        .filter(employees::org_id.eq(tenant.org_id()).and(employees::user_id.eq(user_id)))
        .select(Employee::as_select())
        .first(conn)
        .optional()?;
    whole(conn, tenant, found)
}

/// Whether there is such an employee.
pub(crate) fn exists(conn: &mut PgConnection, tenant: &Tenant, employee_id: EmployeeId) -> Result<bool, Error> {
    let one = employees::table.find((tenant.org_id(), employee_id));
    Ok(diesel::select(diesel::dsl::exists(one)).get_result(conn)?)
}

/// Writes them with the next version; they must be locked.
pub(crate) fn save(conn: &mut PgConnection, tenant: &Tenant, employee: &Employee, at: Timestamp) -> Result<(), Error> {
    diesel::update(employees::table.find((tenant.org_id(), employee.employee_id)))
        .set((
            employees::number.eq(&employee.number),
            employees::name.eq(&employee.name),
            employees::email.eq(&employee.email),
            employees::user_id.eq(employee.user_id),
            employees::hired_on.eq(employee.hired_on.to_diesel()),
            employees::left_on.eq(employee.left_on.map(Date::to_diesel)),
            employees::version.eq(employees::version + 1),
            employees::updated_at.eq(at.to_diesel()),
        ))
        .execute(conn)
        .map_err(Error::of_write)?;
    Ok(())
}

/// Counts a change to what belongs to them but stands in another table, and holds them until the transaction ends.
pub(crate) fn touch(
    conn: &mut PgConnection,
    tenant: &Tenant,
    employee_id: EmployeeId,
    at: Timestamp,
) -> Result<(), Error> {
    diesel::update(employees::table.find((tenant.org_id(), employee_id)))
        .set((employees::version.eq(employees::version + 1), employees::updated_at.eq(at.to_diesel())))
        .execute(conn)?;
    Ok(())
}

fn whole(conn: &mut PgConnection, tenant: &Tenant, employee: Option<Employee>) -> Result<Option<Dossier>, Error> {
    match employee {
        None => Ok(None),
        Some(employee) => Ok(dossiers(conn, tenant, vec![employee])?.pop()),
    }
}

/// The employees with all that belongs to them, in the same order: three statements however many they are.
pub(crate) fn dossiers(
    conn: &mut PgConnection,
    tenant: &Tenant,
    employees: Vec<Employee>,
) -> Result<Vec<Dossier>, Error> {
    let ids: Vec<EmployeeId> = employees.iter().map(|employee| employee.employee_id).collect();
    let held: Vec<Assignment> = assignments::table
        .filter(assignments::org_id.eq(tenant.org_id()).and(assignments::employee_id.eq_any(&ids)))
        .order((assignments::employee_id.asc(), assignments::valid_from.asc()))
        .select(Assignment::as_select())
        .load(conn)?;
    let given: Vec<(EmployeeId, String)> = employee_roles::table
        .filter(employee_roles::org_id.eq(tenant.org_id()).and(employee_roles::employee_id.eq_any(&ids)))
        .order((employee_roles::employee_id.asc(), employee_roles::role.asc()))
        .select((employee_roles::employee_id, employee_roles::role))
        .load(conn)?;
    let headed: Vec<(Option<EmployeeId>, UnitId)> = units::table
        .filter(units::org_id.eq(tenant.org_id()).and(units::head_employee_id.eq_any(&ids)))
        .order(units::unit_id.asc())
        .select((units::head_employee_id, units::unit_id))
        .load(conn)?;

    let mut assignments = grouped(held.into_iter().map(|assignment| (assignment.employee_id, assignment)));
    // A role that this release does not know gives nothing.
    let mut roles = grouped(given.into_iter().filter_map(|(id, name)| Some((id, Role::named(&name)?))));
    let mut headed = grouped(headed.into_iter().filter_map(|(id, unit)| Some((id?, unit))));
    let whole = employees.into_iter().map(|employee| {
        let id = employee.employee_id;
        Dossier {
            employee,
            assignments: assignments.remove(&id).unwrap_or_default(),
            roles: roles.remove(&id).unwrap_or_default(),
            headed: headed.remove(&id).unwrap_or_default(),
        }
    });
    Ok(whole.collect())
}

fn grouped<T>(pairs: impl Iterator<Item = (EmployeeId, T)>) -> HashMap<EmployeeId, Vec<T>> {
    let mut groups: HashMap<EmployeeId, Vec<T>> = HashMap::new();
    for (id, item) in pairs {
        groups.entry(id).or_default().push(item);
    }
    groups
}
