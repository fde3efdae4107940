//! The tables of who holds which role, and of the roles that an organisation made.

use crate::error::Error;
use crate::roles::custom::{CustomRole, CustomRoleRow, slug};
use crate::roles::domain::Role;
use crate::schema::{custom_roles, employee_roles, employees};
use diesel::dsl::exists;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff_diesel::ToDiesel as _;
use rollcall_common::tenant::Tenant;
use rollcall_ids::EmployeeId;

/// Gives a role; says whether it is new to them.
pub(crate) fn give(
    conn: &mut PgConnection,
    tenant: &Tenant,
    employee_id: EmployeeId,
    role: &str,
    at: Timestamp,
) -> Result<bool, Error> {
    let given = diesel::insert_into(employee_roles::table)
        .values((
            employee_roles::org_id.eq(tenant.org_id()),
            employee_roles::employee_id.eq(employee_id),
            employee_roles::role.eq(role),
            employee_roles::given_at.eq(at.to_diesel()),
        ))
        .on_conflict_do_nothing()
        .execute(conn)?;
    Ok(given == 1)
}

/// Gives a role to several who are new, in one statement.
pub(crate) fn give_all(
    conn: &mut PgConnection,
    tenant: &Tenant,
    holders: &[EmployeeId],
    role: Role,
    at: Timestamp,
) -> Result<(), Error> {
    let row = |holder: &EmployeeId| {
        (
            employee_roles::org_id.eq(tenant.org_id()),
            employee_roles::employee_id.eq(*holder),
            employee_roles::role.eq(role.name()),
            employee_roles::given_at.eq(at.to_diesel()),
        )
    };
    let rows: Vec<_> = holders.iter().map(row).collect();
    diesel::insert_into(employee_roles::table).values(rows).execute(conn)?;
    Ok(())
}

/// Takes a role; says whether they had it.
pub(crate) fn take(
    conn: &mut PgConnection,
    tenant: &Tenant,
    employee_id: EmployeeId,
    role: &str,
) -> Result<bool, Error> {
    let taken = diesel::delete(employee_roles::table.find((tenant.org_id(), employee_id, role))).execute(conn)?;
    Ok(taken == 1)
}

/// Whether somebody is an owner who can sign in today and has no last day: one who will leave is none to rely on.
/// Means something only while the organisation is locked.
pub(crate) fn has_owner(conn: &mut PgConnection, tenant: &Tenant, today: Date) -> Result<bool, Error> {
    let owners = employee_roles::table
        .inner_join(employees::table.on(
            employees::org_id.eq(employee_roles::org_id).and(employees::employee_id.eq(employee_roles::employee_id)),
        ))
        .filter(employee_roles::org_id.eq(tenant.org_id()))
        .filter(employee_roles::role.eq(Role::Owner.name()))
        .filter(employees::user_id.is_not_null())
        .filter(employees::hired_on.le(today.to_diesel()))
        .filter(employees::left_on.is_null());
    Ok(diesel::select(exists(owners)).get_result(conn)?)
}

/// Adds one of the organisation's own.
pub(crate) fn insert(conn: &mut PgConnection, tenant: &Tenant, role: &CustomRole, at: Timestamp) -> Result<(), Error> {
    diesel::insert_into(custom_roles::table)
        .values((
            custom_roles::org_id.eq(tenant.org_id()),
            custom_roles::role.eq(&role.role),
            custom_roles::name.eq(&role.name),
            custom_roles::scope.eq(role.scope.name()),
            custom_roles::permissions.eq(names(role)),
            custom_roles::version.eq(role.version),
            custom_roles::created_at.eq(at.to_diesel()),
            custom_roles::updated_at.eq(at.to_diesel()),
        ))
        .execute(conn)
        .map_err(Error::of_write)?;
    Ok(())
}

fn names(role: &CustomRole) -> Vec<&'static str> {
    role.permissions.iter().map(|permission| permission.name()).collect()
}

/// One of the organisation's own. What cannot be the name of one, as it stands in a path, is not looked for: PostgreSQL takes
/// no NUL.
pub(crate) fn find(conn: &mut PgConnection, tenant: &Tenant, role: &str) -> Result<Option<CustomRole>, Error> {
    if slug(role).is_err() {
        return Ok(None);
    }
    let row =
        custom_roles::table.find((tenant.org_id(), role)).select(CustomRoleRow::as_select()).first(conn).optional()?;
    Ok(row.map(CustomRole::from))
}

/// All of the organisation's own, ordered by name on the wire.
pub(crate) fn all(conn: &mut PgConnection, tenant: &Tenant) -> Result<Vec<CustomRole>, Error> {
    let rows = custom_roles::table
        .filter(custom_roles::org_id.eq(tenant.org_id()))
        .order(custom_roles::role.asc())
        .select(CustomRoleRow::as_select())
        .load(conn)?;
    Ok(rows.into_iter().map(CustomRole::from).collect())
}

/// How many the organisation made.
pub(crate) fn count(conn: &mut PgConnection, tenant: &Tenant) -> Result<i64, Error> {
    Ok(custom_roles::table.filter(custom_roles::org_id.eq(tenant.org_id())).count().get_result(conn)?)
}

/// Writes one with the next version; the organisation must be locked.
pub(crate) fn save(
    conn: &mut PgConnection,
    tenant: &Tenant,
    role: &CustomRole,
    at: Timestamp,
) -> Result<CustomRole, Error> {
    let row: CustomRoleRow = diesel::update(custom_roles::table.find((tenant.org_id(), &role.role)))
        .set((
            custom_roles::name.eq(&role.name),
            custom_roles::scope.eq(role.scope.name()),
            custom_roles::permissions.eq(names(role)),
            custom_roles::version.eq(custom_roles::version + 1),
            custom_roles::updated_at.eq(at.to_diesel()),
        ))
        .returning(CustomRoleRow::as_returning())
        .get_result(conn)?;
    Ok(row.into())
}

/// Deletes one.
pub(crate) fn remove(conn: &mut PgConnection, tenant: &Tenant, role: &str) -> Result<(), Error> {
    diesel::delete(custom_roles::table.find((tenant.org_id(), role))).execute(conn)?;
    Ok(())
}

/// Who holds a role, ordered by id.
pub(crate) fn holders(conn: &mut PgConnection, tenant: &Tenant, role: &str) -> Result<Vec<EmployeeId>, Error> {
    let holders = employee_roles::table
        .filter(employee_roles::org_id.eq(tenant.org_id()).and(employee_roles::role.eq(role)))
        .order(employee_roles::employee_id.asc())
        .select(employee_roles::employee_id)
        .load(conn)?;
    Ok(holders)
}
