//! The table of who holds which role.

use crate::error::Error;
use crate::roles::domain::Role;
use crate::schema::{employee_roles, employees};
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
    role: Role,
    at: Timestamp,
) -> Result<bool, Error> {
    let given = diesel::insert_into(employee_roles::table)
        .values((
            employee_roles::org_id.eq(tenant.org_id()),
            employee_roles::employee_id.eq(employee_id),
            employee_roles::role.eq(role.name()),
            employee_roles::given_at.eq(at.to_diesel()),
        ))
        .on_conflict_do_nothing()
        .execute(conn)?;
    Ok(given == 1)
}

/// Takes a role; says whether they had it.
pub(crate) fn take(
    conn: &mut PgConnection,
    tenant: &Tenant,
    employee_id: EmployeeId,
    role: Role,
) -> Result<bool, Error> {
    let taken =
        diesel::delete(employee_roles::table.find((tenant.org_id(), employee_id, role.name()))).execute(conn)?;
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
