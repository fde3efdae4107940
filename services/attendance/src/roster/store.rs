//! Plans in the database: added to, never edited.

use crate::roster::domain::{Entry, NewEntry, Planned, Plans, Target};
use crate::rotations::store as rotation_store;
use crate::schema::{roster_entries as table, roster_versions as versions, shifts};
use crate::shifts::store as shift_store;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff_diesel::ToDiesel as _;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{EmployeeId, RosterEntryId, RotationId, ShiftId};
use std::collections::HashSet;
use uuid::Uuid;

/// Those of the shifts that exist.
pub(crate) fn known_shifts(
    conn: &mut PgConnection,
    tenant: &Tenant,
    ids: &[ShiftId],
) -> Result<HashSet<ShiftId>, Fault> {
    let known: Vec<ShiftId> = shifts::table
        .filter(shifts::org_id.eq(tenant.org_id()))
        .filter(shifts::shift_id.eq_any(ids))
        .select(shifts::shift_id)
        .load(conn)?;
    Ok(known.into_iter().collect())
}

/// Adds plans in their order: a later one beats an earlier one.
pub(crate) fn add(
    conn: &mut PgConnection,
    tenant: &Tenant,
    by: EmployeeId,
    entries: &[NewEntry],
    now: Timestamp,
) -> Result<Vec<RosterEntryId>, Fault> {
    let ids: Vec<RosterEntryId> = entries.iter().map(|_| RosterEntryId::generate()).collect();
    let rows: Vec<_> = entries
        .iter()
        .zip(&ids)
        .map(|(entry, id)| {
            let (kind, target_id) = entry.target.parts();
            let (shift_id, rotation_id) = match entry.planned {
                Planned::Off => (None, None),
                Planned::Shift(id) => (Some(id), None),
                Planned::Rotation(id) => (None, Some(id)),
            };
            (
                table::org_id.eq(tenant.org_id()),
                table::roster_entry_id.eq(*id),
                table::kind.eq(kind),
                table::target_id.eq(target_id),
                table::from_date.eq(entry.from.to_diesel()),
                table::to_date.eq(entry.to.to_diesel()),
                table::shift_id.eq(shift_id),
                table::rotation_id.eq(rotation_id),
                table::created_at.eq(now.to_diesel()),
                table::created_by.eq(by),
            )
        })
        .collect();
    diesel::insert_into(table::table).values(rows).execute(conn)?;
    Ok(ids)
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = table)]
struct Row {
    roster_entry_id: RosterEntryId,
    seq: i64,
    kind: String,
    target_id: Uuid,
    from_date: jiff_diesel::Date,
    to_date: jiff_diesel::Date,
    shift_id: Option<ShiftId>,
    rotation_id: Option<RotationId>,
}

impl Row {
    fn entry(self) -> Option<Entry> {
        let target = Target::of_parts(&self.kind, self.target_id)?;
        let (from, to) = (self.from_date.to_jiff(), self.to_date.to_jiff());
        let shift = || self.shift_id.map_or(Planned::Off, Planned::Shift);
        let planned = self.rotation_id.map_or_else(shift, Planned::Rotation);
        let plan = NewEntry { target, from, to, planned };
        Some(Entry { id: self.roster_entry_id, seq: self.seq, plan })
    }
}

/// The plans for any of `targets` that touch the dates, with the shifts they name.
pub(crate) fn plans(
    conn: &mut PgConnection,
    tenant: &Tenant,
    targets: &HashSet<Target>,
    (from, to): (Date, Date),
) -> Result<Plans, Fault> {
    let ids: Vec<Uuid> = targets.iter().map(|target| target.parts().1).collect();
    let rows: Vec<Row> = table::table
        .filter(table::org_id.eq(tenant.org_id()))
        .filter(table::target_id.eq_any(ids))
        .filter(table::to_date.ge(from.to_diesel()))
        .filter(table::from_date.le(to.to_diesel()))
        .select(Row::as_select())
        .load(conn)?;
    let entries: Vec<Entry> = rows.into_iter().filter_map(Row::entry).collect();
    let (mut shifts, mut rotations) = (HashSet::new(), HashSet::new());
    for entry in &entries {
        match entry.plan.planned {
            Planned::Off => {}
            Planned::Shift(id) => drop(shifts.insert(id)),
            Planned::Rotation(id) => drop(rotations.insert(id)),
        }
    }
    let cycles = rotation_store::cycles(conn, tenant, &rotations.into_iter().collect::<Vec<_>>())?;
    shifts.extend(cycles.values().flat_map(|cycle| cycle.days.iter().copied().flatten()));
    let versions = shift_store::all_versions(conn, tenant, &shifts.into_iter().collect::<Vec<_>>())?;
    Ok(Plans::new(entries, versions, cycles))
}

/// Whom the plans concern that touch the dates and name a shift, or a rotation with it.
pub(crate) fn targets_of_shift(
    conn: &mut PgConnection,
    tenant: &Tenant,
    shift_id: ShiftId,
    (from, to): (Date, Date),
) -> Result<HashSet<Target>, Fault> {
    let rotations = rotation_store::with_shift(conn, tenant, shift_id)?;
    let named: Vec<(String, Uuid)> = table::table
        .filter(table::org_id.eq(tenant.org_id()))
        .filter(table::shift_id.eq(shift_id).or(table::rotation_id.eq_any(rotations)))
        .filter(table::to_date.ge(from.to_diesel()))
        .filter(table::from_date.le(to.to_diesel()))
        .select((table::kind, table::target_id))
        .distinct()
        .load(conn)?;
    Ok(named.into_iter().filter_map(|(kind, id)| Target::of_parts(&kind, id)).collect())
}

/// The version of the organisation's roster: how often it was changed.
pub(crate) fn version(conn: &mut PgConnection, tenant: &Tenant) -> Result<i64, Fault> {
    let version = versions::table.find(tenant.org_id()).select(versions::version).first(conn).optional()?;
    Ok(version.unwrap_or(0))
}

/// Counts a change of the organisation's roster; answers the new version. Two changes at once come one after the
/// other: the row is locked until the first is committed.
pub(crate) fn count_change(conn: &mut PgConnection, tenant: &Tenant) -> Result<i64, Fault> {
    Ok(diesel::insert_into(versions::table)
        .values((versions::org_id.eq(tenant.org_id()), versions::version.eq(1)))
        .on_conflict(versions::org_id)
        .do_update()
        .set(versions::version.eq(versions::version + 1))
        .returning(versions::version)
        .get_result(conn)?)
}
