//! The table of units.

use crate::error::Error;
use crate::schema::units;
use crate::units::domain::Unit;
use crate::units::tree::Tree;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use jiff::Timestamp;
use jiff_diesel::ToDiesel as _;
use rollcall_common::paging::Page;
use rollcall_common::tenant::Tenant;
use rollcall_ids::UnitId;

/// Adds one.
pub(crate) fn insert(conn: &mut PgConnection, tenant: &Tenant, unit: &Unit, at: Timestamp) -> Result<(), Error> {
    diesel::insert_into(units::table)
        .values((
            units::org_id.eq(tenant.org_id()),
            units::unit_id.eq(unit.unit_id),
            units::name.eq(&unit.name),
            units::code.eq(&unit.code),
            units::parent_id.eq(unit.parent_id),
            units::head_employee_id.eq(unit.head_employee_id),
            units::version.eq(unit.version),
            units::created_at.eq(at.to_diesel()),
            units::updated_at.eq(at.to_diesel()),
        ))
        .execute(conn)
        .map_err(Error::of_write)?;
    Ok(())
}

/// One unit.
pub(crate) fn find(conn: &mut PgConnection, tenant: &Tenant, unit_id: UnitId) -> Result<Option<Unit>, Error> {
    Ok(units::table.find((tenant.org_id(), unit_id)).select(Unit::as_select()).first(conn).optional()?)
}

/// The unit that has none above.
pub(crate) fn root(conn: &mut PgConnection, tenant: &Tenant) -> Result<UnitId, Error> {
    let root = units::table
        .filter(units::org_id.eq(tenant.org_id()).and(units::parent_id.is_null()))
        .select(units::unit_id)
        .first(conn)?;
    Ok(root)
}

/// Writes it with the next version; the organisation must be locked.
pub(crate) fn save(conn: &mut PgConnection, tenant: &Tenant, unit: &Unit, at: Timestamp) -> Result<Unit, Error> {
    diesel::update(units::table.find((tenant.org_id(), unit.unit_id)))
        .set((
            units::name.eq(&unit.name),
            units::code.eq(&unit.code),
            units::parent_id.eq(unit.parent_id),
            units::head_employee_id.eq(unit.head_employee_id),
            units::version.eq(units::version + 1),
            units::updated_at.eq(at.to_diesel()),
        ))
        .returning(Unit::as_returning())
        .get_result(conn)
        .map_err(Error::of_write)
}

/// All of them, ordered by id.
pub(crate) fn all(conn: &mut PgConnection, tenant: &Tenant) -> Result<Vec<Unit>, Error> {
    let all = units::table
        .filter(units::org_id.eq(tenant.org_id()))
        .order(units::unit_id.asc())
        .select(Unit::as_select())
        .load(conn)?;
    Ok(all)
}

/// How they hang together.
pub(crate) fn tree(conn: &mut PgConnection, tenant: &Tenant) -> Result<Tree, Error> {
    let links: Vec<(UnitId, Option<UnitId>)> =
        units::table.filter(units::org_id.eq(tenant.org_id())).select((units::unit_id, units::parent_id)).load(conn)?;
    Ok(Tree::new(links))
}

/// A page, ordered by id.
pub(crate) fn list(conn: &mut PgConnection, tenant: &Tenant, page: &Page<UnitId>) -> Result<Vec<Unit>, Error> {
    let mut query = units::table
        .filter(units::org_id.eq(tenant.org_id()))
        .order(units::unit_id.asc())
        .limit(page.fetch())
        .select(Unit::as_select())
        .into_boxed();
    if let Some(after) = page.after {
        query = query.filter(units::unit_id.gt(after));
    }
    Ok(query.load(conn)?)
}
