//! Rotations in the database: added to, never edited.

use crate::rotations::domain::Cycle;
use crate::schema::rotations as table;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use jiff::Timestamp;
use jiff_diesel::ToDiesel as _;
use rollcall_attendance_api::rotations::{Rotation, RotationBody};
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{EmployeeId, RotationId, ShiftId};
use serde_json::Value;
use std::collections::HashMap;

#[derive(Queryable, Selectable)]
#[diesel(table_name = table)]
struct Row {
    rotation_id: RotationId,
    name: String,
    anchor_date: jiff_diesel::Date,
    cycle: Value,
    created_at: jiff_diesel::Timestamp,
}

impl Row {
    fn view(self) -> Result<Rotation, Fault> {
        let cycle = serde_json::from_value(self.cycle).map_err(Fault::internal)?;
        let body = RotationBody { name: self.name, anchor_date: self.anchor_date.to_jiff(), cycle };
        Ok(Rotation { rotation_id: self.rotation_id, body, created_at: self.created_at.to_jiff() })
    }
}

/// Adds a rotation.
pub(crate) fn add(
    conn: &mut PgConnection,
    tenant: &Tenant,
    by: EmployeeId,
    cycle: Cycle,
    now: Timestamp,
) -> Result<Rotation, Fault> {
    let rotation_id = RotationId::generate();
    diesel::insert_into(table::table)
        .values((
            table::org_id.eq(tenant.org_id()),
            table::rotation_id.eq(rotation_id),
            table::name.eq(&cycle.name),
            table::anchor_date.eq(cycle.anchor.to_diesel()),
            table::cycle.eq(serde_json::to_value(&cycle.days).map_err(Fault::internal)?),
            table::created_at.eq(now.to_diesel()),
            table::created_by.eq(by),
        ))
        .execute(conn)?;
    let body = RotationBody { name: cycle.name, anchor_date: cycle.anchor, cycle: cycle.days };
    Ok(Rotation { rotation_id, body, created_at: now })
}

/// One of them.
pub(crate) fn one(conn: &mut PgConnection, tenant: &Tenant, id: RotationId) -> Result<Option<Rotation>, Fault> {
    let row = table::table.find((tenant.org_id(), id)).select(Row::as_select()).first(conn).optional()?;
    row.map(Row::view).transpose()
}

/// A page of them, oldest first.
pub(crate) fn list(
    conn: &mut PgConnection,
    tenant: &Tenant,
    after: Option<(Timestamp, RotationId)>,
    limit: i64,
) -> Result<Vec<Rotation>, Fault> {
    let mut query = table::table
        .filter(table::org_id.eq(tenant.org_id()))
        .order((table::created_at, table::rotation_id))
        .select(Row::as_select())
        .limit(limit)
        .into_boxed();
    if let Some((at, id)) = after {
        let same = table::created_at.eq(at.to_diesel()).and(table::rotation_id.gt(id));
        query = query.filter(table::created_at.gt(at.to_diesel()).or(same));
    }
    query.load::<Row>(conn)?.into_iter().map(Row::view).collect()
}

/// Those that plan a shift on some day.
pub(crate) fn with_shift(
    conn: &mut PgConnection,
    tenant: &Tenant,
    shift_id: ShiftId,
) -> Result<Vec<RotationId>, Fault> {
    Ok(table::table
        .filter(table::org_id.eq(tenant.org_id()))
        .filter(table::cycle.contains(serde_json::json!([shift_id])))
        .select(table::rotation_id)
        .load(conn)?)
}

/// The cycles of some of them.
pub(crate) fn cycles(
    conn: &mut PgConnection,
    tenant: &Tenant,
    ids: &[RotationId],
) -> Result<HashMap<RotationId, Cycle>, Fault> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<Row> = table::table
        .filter(table::org_id.eq(tenant.org_id()))
        .filter(table::rotation_id.eq_any(ids))
        .select(Row::as_select())
        .load(conn)?;
    let cycle = |row: Row| {
        let days = serde_json::from_value(row.cycle).map_err(Fault::internal)?;
        Ok((row.rotation_id, Cycle { name: row.name, anchor: row.anchor_date.to_jiff(), days }))
    };
    rows.into_iter().map(cycle).collect()
}
