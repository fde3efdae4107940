//! Punches as the engine takes them.

use super::facts::PunchFact;
use crate::schema::{added_punches as added, punches as table, voided_punches as voided};
use diesel::dsl::sql;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Jsonb, Nullable};
use jiff::Timestamp;
use jiff_diesel::ToDiesel as _;
use rollcall_attendance_api::punches::{Direction, PunchException};
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{EmployeeId, PunchId};
use serde_json::Value;
use std::collections::HashMap;

type Row = (EmployeeId, PunchId, jiff_diesel::Timestamp, String, Option<Value>);

/// The exceptions of a punch, without the empty list that most have: a month of a unit is tens of thousands of punches,
/// and reading that nothing is odd about them would take longer than the rest.
const EXCEPTIONS: &str = "nullif(punches.exceptions, '[]'::jsonb)";

/// The punches of some people from an instant to before another, in no order: those that came and those that
/// approved corrections added, without those that one voided.
pub(super) fn punches(
    conn: &mut PgConnection,
    tenant: &Tenant,
    people: &[EmployeeId],
    (from, until): (Timestamp, Timestamp),
) -> Result<HashMap<EmployeeId, Vec<PunchFact>>, Fault> {
    let rows: Vec<Row> = table::table
        .filter(table::org_id.eq(tenant.org_id()))
        .filter(table::employee_id.eq_any(people))
        .filter(table::at.ge(from.to_diesel()))
        .filter(table::at.lt(until.to_diesel()))
        .select((table::employee_id, table::punch_id, table::at, table::direction, sql::<Nullable<Jsonb>>(EXCEPTIONS)))
        .load(conn)?;
    let mut by_person: HashMap<EmployeeId, Vec<PunchFact>> = HashMap::new();
    for (employee_id, id, at, direction, exceptions) in rows {
        let direction = known(&direction)?;
        let exceptions: Option<Vec<PunchException>> =
            exceptions.map(serde_json::from_value).transpose().map_err(Fault::internal)?;
        let exceptions = exceptions.unwrap_or_default();
        let outside_geofence = exceptions.iter().any(|e| matches!(e, PunchException::OutsideGeofence { .. }));
        let outside_network = exceptions.contains(&PunchException::OutsideNetwork);
        let punch = PunchFact { id, at: at.to_jiff(), direction, outside_geofence, outside_network };
        by_person.entry(employee_id).or_default().push(punch);
    }
    let added: Vec<(EmployeeId, PunchId, jiff_diesel::Timestamp, String)> = added::table
        .filter(added::org_id.eq(tenant.org_id()))
        .filter(added::employee_id.eq_any(people))
        .filter(added::at.ge(from.to_diesel()))
        .filter(added::at.lt(until.to_diesel()))
        .select((added::employee_id, added::punch_id, added::at, added::direction))
        .load(conn)?;
    for (employee_id, id, at, direction) in added {
        let direction = known(&direction)?;
        let punch = PunchFact { id, at: at.to_jiff(), direction, outside_geofence: false, outside_network: false };
        by_person.entry(employee_id).or_default().push(punch);
    }
    let gone: Vec<(EmployeeId, PunchId)> = voided::table
        .filter(voided::org_id.eq(tenant.org_id()))
        .filter(voided::employee_id.eq_any(people))
        .filter(voided::at.ge(from.to_diesel()))
        .filter(voided::at.lt(until.to_diesel()))
        .select((voided::employee_id, voided::punch_id))
        .load(conn)?;
    for (employee_id, id) in gone {
        if let Some(punches) = by_person.get_mut(&employee_id) {
            punches.retain(|punch| punch.id != id);
        }
    }
    Ok(by_person)
}

fn known(direction: &str) -> Result<Direction, Fault> {
    Direction::of_word(direction).ok_or_else(|| Fault::internal(anyhow::anyhow!("{direction} is no direction")))
}
