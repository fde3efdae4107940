//! The table of employees.

use crate::employees::domain::{Dossier, Employee};
use crate::employees::whole::Whole;
use crate::error::Error;
use crate::schema::employees;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff_diesel::ToDiesel as _;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{EmployeeId, UserId};

/// Adds one.
pub(crate) fn insert(
    conn: &mut PgConnection,
    tenant: &Tenant,
    employee: &Employee,
    at: Timestamp,
) -> Result<(), Error> {
    insert_all(conn, tenant, &[employee], at)
}

/// Adds several in one statement.
pub(crate) fn insert_all(
    conn: &mut PgConnection,
    tenant: &Tenant,
    added: &[&Employee],
    at: Timestamp,
) -> Result<(), Error> {
    let row = |employee: &&Employee| {
        (
            employees::org_id.eq(tenant.org_id()),
            employees::employee_id.eq(employee.employee_id),
            employees::number.eq(employee.number.clone()),
            employees::name.eq(employee.name.clone()),
            employees::email.eq(employee.email.clone()),
            employees::user_id.eq(employee.user_id),
            employees::hired_on.eq(employee.hired_on.to_diesel()),
            employees::left_on.eq(employee.left_on.map(Date::to_diesel)),
            employees::version.eq(employee.version),
            employees::created_at.eq(at.to_diesel()),
            employees::updated_at.eq(at.to_diesel()),
        )
    };
    let rows: Vec<_> = added.iter().map(row).collect();
    diesel::insert_into(employees::table).values(rows).execute(conn).map_err(Error::of_write)?;
    Ok(())
}

/// Everybody, ordered by number: one statement.
pub(crate) fn all(conn: &mut PgConnection, tenant: &Tenant) -> Result<Vec<Dossier>, Error> {
    let rows: Vec<Whole> = employees::table
        .filter(employees::org_id.eq(tenant.org_id()))
        .order(employees::number.asc())
        .select(Whole::select())
        .load(conn)?;
    rows.into_iter().map(Whole::dossier).collect()
}

/// Holds everybody until the transaction ends.
pub(crate) fn lock_all(conn: &mut PgConnection, tenant: &Tenant) -> Result<(), Error> {
    let _: Vec<EmployeeId> = employees::table
        .filter(employees::org_id.eq(tenant.org_id()))
        .order(employees::employee_id.asc())
        .select(employees::employee_id)
        .for_no_key_update()
        .load(conn)?;
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
    let found = employees::table.find((tenant.org_id(), employee_id)).select(Whole::select()).first(conn).optional()?;
    found.map(Whole::dossier).transpose()
}

/// The employee that an account is linked to.
pub(crate) fn by_user(conn: &mut PgConnection, tenant: &Tenant, user_id: UserId) -> Result<Option<Dossier>, Error> {
    let found = employees::table
        .filter(employees::org_id.eq(tenant.org_id()).and(employees::user_id.eq(user_id)))
        .select(Whole::select())
        .first(conn)
        .optional()?;
    found.map(Whole::dossier).transpose()
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
        Some(employee) => find(conn, tenant, employee.employee_id),
    }
}
