//! Adding, changing, moving and removing units. The organisation is locked, so two moves that together would make a cycle are
//! made one after the other, and the second is refused.

use crate::act::Act;
use crate::employees::store as employees;
use crate::error::Error;
use crate::orgs::store as orgs;
use crate::units::domain::{Addition, Change, Unit};
use crate::units::store;
use diesel::pg::PgConnection;
use rollcall_common::extract::IfMatch;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_common::validate::{Fields, Rejection};
use rollcall_ids::{EmployeeId, UnitId};
use std::collections::BTreeSet;

/// Levels of the tree at most: an answer that shows it nests as deep.
const DEEPEST: usize = 20;

/// Units that an organisation has at most, those that were removed too: the other services keep all of them, because history
/// names them, and go through them with every answer. Whatever is in them, what org says of a member, with all units and
/// sites, stays within the 32 MiB that an answer may have.
const MOST_UNITS: i64 = 10_000;

fn too_deep() -> Error {
    Fault::invalid("/parent_id", "too_deep", format!("a tree of units has at most {DEEPEST} levels")).into()
}

/// Adds a unit.
pub(crate) fn create(conn: &mut PgConnection, tenant: &Tenant, act: &Act, addition: &Addition) -> Result<Unit, Error> {
    orgs::lock(conn, tenant)?;
    let parent_id = match addition.parent_id {
        Some(parent) => parent,
        None => store::root(conn, tenant)?,
    };
    must_exist(conn, tenant, Some(parent_id), addition.head_employee_id)?;
    if store::tree(conn, tenant)?.unit_and_above(parent_id).len() >= DEEPEST {
        return Err(too_deep());
    }
    if store::count_with_removed(conn, tenant)? >= MOST_UNITS {
        return Err(
            Fault::invalid("/name", "too_many", format!("at most {MOST_UNITS} units, with those removed")).into()
        );
    }
    let unit = Unit {
        unit_id: UnitId::generate(),
        name: addition.name.as_str().to_owned(),
        code: addition.code.as_ref().map(|code| code.as_str().to_owned()),
        parent_id: Some(parent_id),
        head_employee_id: addition.head_employee_id,
        version: 1,
    };
    store::insert(conn, tenant, &unit, act.at)?;
    act.unit(conn, tenant, "unit.created", None, &unit)?;
    rights_changed(conn, tenant, act, None, unit.head_employee_id)?;
    Ok(unit)
}

/// Changes a unit, its place in the tree included.
pub(crate) fn patch(
    conn: &mut PgConnection,
    tenant: &Tenant,
    act: &Act,
    unit_id: UnitId,
    change: &Change,
    if_match: IfMatch,
) -> Result<Unit, Error> {
    orgs::lock(conn, tenant)?;
    let before = store::find(conn, tenant, unit_id)?.ok_or(Fault::NotFound)?;
    if_match.check(before.version)?;
    must_exist(conn, tenant, change.parent_id, change.head_employee_id.flatten())?;
    let wanted = before.with(change);
    if wanted == before {
        return Ok(before);
    }
    if let Some(parent) = wanted.parent_id.filter(|_| wanted.parent_id != before.parent_id) {
        if before.parent_id.is_none() {
            return Err(Error::RootUnit);
        }
        let tree = store::tree(conn, tenant)?;
        if tree.would_cycle(unit_id, parent) {
            return Err(Error::UnitCycle);
        }
        if tree.unit_and_above(parent).len() + tree.height(unit_id) > DEEPEST {
            return Err(too_deep());
        }
    }
    let after = store::save(conn, tenant, &wanted, act.at)?;
    act.unit(conn, tenant, "unit.changed", Some(&before), &after)?;
    rights_changed(conn, tenant, act, before.head_employee_id, after.head_employee_id)?;
    Ok(after)
}

/// Removes a unit in which nobody works, today or later, and below which none stands. Those who once worked there
/// keep it in their history.
pub(crate) fn remove(
    conn: &mut PgConnection,
    tenant: &Tenant,
    act: &Act,
    unit_id: UnitId,
    if_match: IfMatch,
) -> Result<(), Error> {
    orgs::lock(conn, tenant)?;
    let before = store::find(conn, tenant, unit_id)?.ok_or(Fault::NotFound)?;
    if_match.check(before.version)?;
    if before.parent_id.is_none() {
        return Err(Error::RootUnit);
    }
    // Removed first: whoever is just being assigned to it holds the row until they are seen.
    let version = store::remove(conn, tenant, unit_id, act.at)?;
    if store::is_used(conn, tenant, unit_id, act.today)? {
        return Err(Error::UnitNotEmpty);
    }
    act.unit_removed(conn, tenant, &before, version)?;
    rights_changed(conn, tenant, act, before.head_employee_id, None)
}

/// 422 naming what is not there.
fn must_exist(
    conn: &mut PgConnection,
    tenant: &Tenant,
    parent: Option<UnitId>,
    head: Option<EmployeeId>,
) -> Result<(), Error> {
    let mut fields = Fields::new();
    if let Some(parent) = parent
        && store::find(conn, tenant, parent)?.is_none()
    {
        fields.reject("/parent_id", Rejection::new("unknown_unit", "there is no such unit"));
    }
    if let Some(head) = head
        && !employees::exists(conn, tenant, head)?
    {
        fields.reject("/head_employee_id", Rejection::new("unknown_employee", "there is no such employee"));
    }
    Ok(fields.finish()?)
}

/// What a manager reaches depends on the units they head, so both heads are new to the other services.
fn rights_changed(
    conn: &mut PgConnection,
    tenant: &Tenant,
    act: &Act,
    before: Option<EmployeeId>,
    after: Option<EmployeeId>,
) -> Result<(), Error> {
    if before == after {
        return Ok(());
    }
    // In the order of their ids, as everywhere where two rows are held.
    let heads: BTreeSet<EmployeeId> = before.into_iter().chain(after).collect();
    for head in heads {
        employees::touch(conn, tenant, head, act.at)?;
        let dossier = employees::find(conn, tenant, head)?.ok_or(Fault::NotFound)?;
        act.employee_fact(conn, tenant, &dossier)?;
    }
    Ok(())
}
