//! Plans in the database: added to, never edited.

use crate::roster::domain::{Entry, NewEntry, Plans, Target};
use crate::schema::{roster_entries as table, shifts};
use crate::shifts::store as shift_store;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff_diesel::ToDiesel as _;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{EmployeeId, RosterEntryId, ShiftId};
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
            (
                table::org_id.eq(tenant.org_id()),
                table::roster_entry_id.eq(*id),
                table::kind.eq(kind),
                table::target_id.eq(target_id),
                table::from_date.eq(entry.from.to_diesel()),
                table::to_date.eq(entry.to.to_diesel()),
                table::shift_id.eq(entry.shift_id),
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
}

impl Row {
    fn entry(self) -> Option<Entry> {
        let target = Target::of_parts(&self.kind, self.target_id)?;
        let (from, to) = (self.from_date.to_jiff(), self.to_date.to_jiff());
        let plan = NewEntry { target, from, to, shift_id: self.shift_id };
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
    let shifts: HashSet<ShiftId> = entries.iter().filter_map(|entry| entry.plan.shift_id).collect();
    let versions = shift_store::all_versions(conn, tenant, &shifts.into_iter().collect::<Vec<_>>())?;
    Ok(Plans::new(entries, versions))
}
