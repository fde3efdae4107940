//! The table of assignments.

use crate::employees::domain::Assignment;
use crate::error::Error;
use crate::schema::assignments;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff_diesel::ToDiesel as _;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{AssignmentId, EmployeeId};

/// Adds one.
pub(crate) fn insert(
    conn: &mut PgConnection,
    tenant: &Tenant,
    assignment: &Assignment,
    at: Timestamp,
) -> Result<(), Error> {
    insert_all(conn, tenant, std::slice::from_ref(assignment), at)
}

/// Adds several in one statement.
pub(crate) fn insert_all(
    conn: &mut PgConnection,
    tenant: &Tenant,
    added: &[Assignment],
    at: Timestamp,
) -> Result<(), Error> {
    let row = |assignment: &Assignment| {
        (
            assignments::org_id.eq(tenant.org_id()),
            assignments::assignment_id.eq(assignment.assignment_id),
            assignments::employee_id.eq(assignment.employee_id),
            assignments::unit_id.eq(assignment.unit_id),
            assignments::site_id.eq(assignment.site_id),
            assignments::manager_id.eq(assignment.manager_id),
            assignments::position.eq(assignment.position.clone()),
            assignments::employment_type.eq(assignment.employment_type.name()),
            assignments::valid_from.eq(assignment.valid_from.to_diesel()),
            assignments::valid_to.eq(assignment.valid_to.map(Date::to_diesel)),
            assignments::created_at.eq(at.to_diesel()),
        )
    };
    let rows: Vec<_> = added.iter().map(row).collect();
    diesel::insert_into(assignments::table).values(rows).execute(conn).map_err(Error::of_write)?;
    Ok(())
}

/// Writes one; its employee must be locked.
pub(crate) fn save(conn: &mut PgConnection, tenant: &Tenant, assignment: &Assignment) -> Result<(), Error> {
    diesel::update(assignments::table.find((tenant.org_id(), assignment.assignment_id)))
        .set((
            assignments::unit_id.eq(assignment.unit_id),
            assignments::site_id.eq(assignment.site_id),
            assignments::manager_id.eq(assignment.manager_id),
            assignments::position.eq(&assignment.position),
            assignments::employment_type.eq(assignment.employment_type.name()),
            assignments::valid_from.eq(assignment.valid_from.to_diesel()),
            assignments::valid_to.eq(assignment.valid_to.map(Date::to_diesel)),
        ))
        .execute(conn)
        .map_err(Error::of_write)?;
    Ok(())
}

/// Deletes one; its employee must be locked.
pub(crate) fn remove(conn: &mut PgConnection, tenant: &Tenant, assignment_id: AssignmentId) -> Result<(), Error> {
    diesel::delete(assignments::table.find((tenant.org_id(), assignment_id))).execute(conn)?;
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
