//! The table of units.

use crate::error::Error;
use crate::schema::{assignments, employees, units};
use crate::units::domain::Unit;
use crate::units::tree::Tree;
use diesel::dsl::exists;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff_diesel::ToDiesel as _;
use rollcall_common::paging::Page;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{OrgId, UnitId};

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
    let found = units::table
        .find((tenant.org_id(), unit_id))
        .filter(units::removed_at.is_null())
        .select(Unit::as_select())
        .first(conn)
        .optional()?;
    Ok(found)
}

/// Whether there is such a unit, which then stays until the transaction ends.
pub(crate) fn hold(conn: &mut PgConnection, tenant: &Tenant, unit_id: UnitId) -> Result<bool, Error> {
    let held: Option<UnitId> = units::table
        .find((tenant.org_id(), unit_id))
        .filter(units::removed_at.is_null())
        .select(units::unit_id)
        .for_share()
        .first(conn)
        .optional()?;
    Ok(held.is_some())
}

/// Takes it out of the tree; answers its last version. The organisation must be locked.
pub(crate) fn remove(conn: &mut PgConnection, tenant: &Tenant, unit_id: UnitId, at: Timestamp) -> Result<i64, Error> {
    let version = diesel::update(units::table.find((tenant.org_id(), unit_id)))
        .set((
            units::removed_at.eq(at.to_diesel()),
            units::version.eq(units::version + 1),
            units::updated_at.eq(at.to_diesel()),
        ))
        .returning(units::version)
        .get_result(conn)?;
    Ok(version)
}

/// Whether units stand below it, or people work in it on `today` or later.
pub(crate) fn is_used(conn: &mut PgConnection, tenant: &Tenant, unit_id: UnitId, today: Date) -> Result<bool, Error> {
    let below = units::table
        .filter(units::org_id.eq(tenant.org_id()).and(units::parent_id.eq(unit_id)))
        .filter(units::removed_at.is_null());
    if diesel::select(exists(below)).get_result(conn)? {
        return Ok(true);
    }
    let people = still_held(tenant, today).filter(assignments::unit_id.eq(unit_id));
    Ok(diesel::select(exists(people)).get_result(conn)?)
}

/// Assignments of those who have not left that hold on `today` or later.
#[diesel::dsl::auto_type]
pub(crate) fn still_held(tenant: &Tenant, today: Date) -> _ {
    let org_id: OrgId = tenant.org_id();
    let day: jiff_diesel::Date = today.to_diesel();
    assignments::table
        .inner_join(
            employees::table
                .on(employees::org_id.eq(assignments::org_id).and(employees::employee_id.eq(assignments::employee_id))),
        )
        .filter(assignments::org_id.eq(org_id))
        .filter(assignments::valid_to.is_null().or(assignments::valid_to.ge(day).assume_not_null()))
        .filter(employees::left_on.is_null().or(employees::left_on.ge(day).assume_not_null()))
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

/// How many there are, with those that were removed.
pub(crate) fn count_with_removed(conn: &mut PgConnection, tenant: &Tenant) -> Result<i64, Error> {
    Ok(units::table.filter(units::org_id.eq(tenant.org_id())).count().get_result(conn)?)
}

/// All of them, ordered by id.
pub(crate) fn all(conn: &mut PgConnection, tenant: &Tenant) -> Result<Vec<Unit>, Error> {
    let all = units::table
        .filter(units::org_id.eq(tenant.org_id()).and(units::removed_at.is_null()))
        .order(units::unit_id.asc())
        .select(Unit::as_select())
        .load(conn)?;
    Ok(all)
}

/// How they hang together.
pub(crate) fn tree(conn: &mut PgConnection, tenant: &Tenant) -> Result<Tree, Error> {
    let links: Vec<(UnitId, Option<UnitId>)> = units::table
        .filter(units::org_id.eq(tenant.org_id()).and(units::removed_at.is_null()))
        .select((units::unit_id, units::parent_id))
        .load(conn)?;
    Ok(Tree::new(links))
}

/// A page, ordered by id.
pub(crate) fn list(conn: &mut PgConnection, tenant: &Tenant, page: &Page<UnitId>) -> Result<Vec<Unit>, Error> {
    let mut query = units::table
        .filter(units::org_id.eq(tenant.org_id()).and(units::removed_at.is_null()))
        .order(units::unit_id.asc())
        .limit(page.fetch())
        .select(Unit::as_select())
        .into_boxed();
    if let Some(after) = page.after {
        query = query.filter(units::unit_id.gt(after));
    }
    Ok(query.load(conn)?)
}
