//! Adding, changing, moving and removing units. The organisation is locked, so two moves that together would make a cycle are
//! made one after the other, and the second is refused.

use crate::act::Act;
use crate::employees::store as employees;
use crate::error::Error;
use crate::members::domain::Member;
use crate::orgs::store as orgs;
use crate::roles::domain::ScopeKind;
use crate::units::domain::{NewUnit, Unit, UnitPatch};
use crate::units::store;
use crate::units::tree::Tree;
use diesel::pg::PgConnection;
use rollcall_common::extract::IfMatch;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_common::validate::{Fields, Rejection};
use rollcall_ids::{EmployeeId, UnitId};
use rollcall_org_api::rights::may_in_org;
use std::collections::BTreeSet;

/// Levels of the tree at most: an answer that shows it nests as deep.
const DEEPEST: usize = 20;

/// Units that an organisation has at most, those that were removed too: the other services keep all of them, because history
/// names them, and go through them with every answer. Whatever is in them, what org says of a member, with all units and
/// sites, stays within the 32 MiB that an answer may have.
const MOST_UNITS: i64 = 10_000;

fn too_deep(fields: &mut Fields) {
    let detail = format!("a tree of units has at most {DEEPEST} levels");
    fields.reject("/parent_id", Rejection::new("too_deep", detail));
}

/// Adds a unit.
pub(crate) fn create(
    conn: &mut PgConnection,
    tenant: &Tenant,
    act: &Act,
    member: &Member,
    body: &NewUnit,
) -> Result<Unit, Error> {
    orgs::lock(conn, tenant)?;
    let parent_id = match body.parent_id {
        Some(parent) => parent,
        None => store::root(conn, tenant)?,
    };
    let tree = store::tree(conn, tenant)?;
    // Nobody works in it yet, so it is reached by whoever reaches the unit above, and nobody rises by that.
    must_not_rise(member, &tree, parent_id, (Some(parent_id), body.head_employee_id))?;
    let mut fields = Fields::new();
    let addition = body.parse(&mut fields);
    must_exist(conn, tenant, &mut fields, Some(parent_id), body.head_employee_id)?;
    if tree.unit_and_above(parent_id).len() >= DEEPEST {
        too_deep(&mut fields);
    }
    if store::count_with_removed(conn, tenant)? >= MOST_UNITS {
        let detail = format!("at most {MOST_UNITS} units, with those removed");
        fields.reject("/name", Rejection::new("too_many", detail));
    }
    let (addition,) = fields.all((addition,))?;
    let unit = Unit {
        unit_id: UnitId::generate(),
        name: addition.name.as_str().to_owned(),
        code: addition.code.as_ref().map(|code| code.as_str().to_owned()),
        parent_id: Some(parent_id),
        head_employee_id: body.head_employee_id,
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
    member: &Member,
    unit_id: UnitId,
    patch: &UnitPatch,
    if_match: IfMatch,
) -> Result<Unit, Error> {
    orgs::lock(conn, tenant)?;
    let before = store::find(conn, tenant, unit_id)?.ok_or(Fault::NotFound)?;
    let parent = patch.parent_id.or(before.parent_id);
    let head = patch.head_employee_id.unwrap_or(before.head_employee_id);
    let moved = parent.filter(|_| parent != before.parent_id);
    let tree = if moved.is_some() || head != before.head_employee_id {
        let tree = store::tree(conn, tenant)?;
        must_not_rise(member, &tree, unit_id, (parent, head))?;
        tree
    } else {
        Tree::default()
    };
    if_match.check(before.version)?;
    let mut fields = Fields::new();
    let change = patch.parse(&mut fields);
    must_exist(conn, tenant, &mut fields, patch.parent_id, patch.head_employee_id.flatten())?;
    // Where it does not go at all, how deep it would stand is no question.
    let refused = moved.and_then(|parent| {
        let cycle = tree.would_cycle(unit_id, parent).then_some(Error::UnitCycle);
        if before.parent_id.is_none() { Some(Error::RootUnit) } else { cycle }
    });
    if let Some(parent) = moved.filter(|_| refused.is_none())
        && tree.unit_and_above(parent).len() + tree.height(unit_id) > DEEPEST
    {
        too_deep(&mut fields);
    }
    let (change,) = fields.all((change,))?;
    let wanted = before.with(&change);
    if wanted == before {
        return Ok(before);
    }
    if let Some(refused) = refused {
        return Err(refused);
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

/// Nobody rises by what they set themselves: 403 when the caller would come to reach the people of `unit` by heading it or
/// a unit above it, and a role of theirs whose scope is units allows what they do not hold for the whole organisation.
fn must_not_rise(
    member: &Member,
    tree: &Tree,
    unit: UnitId,
    (parent, head): (Option<UnitId>, Option<EmployeeId>),
) -> Result<(), Fault> {
    let headed = |unit: UnitId| tree.unit_and_above(unit).iter().any(|above| member.dossier.headed.contains(above));
    let reaches = head == Some(member.employee_id()) || parent.is_some_and(headed);
    if headed(unit) || !reaches {
        return Ok(());
    }
    let by_unit = member.dossier.roles.iter().filter(|role| role.scope == ScopeKind::Unit);
    let in_org = by_unit.flat_map(|role| &role.permissions).all(|permission| may_in_org(&member.grants, *permission));
    if in_org { Ok(()) } else { Err(Fault::Forbidden) }
}

/// Notes what is not there.
fn must_exist(
    conn: &mut PgConnection,
    tenant: &Tenant,
    fields: &mut Fields,
    parent: Option<UnitId>,
    head: Option<EmployeeId>,
) -> Result<(), Error> {
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
    Ok(())
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
