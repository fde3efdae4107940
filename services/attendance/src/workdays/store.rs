//! Punches as the engine takes them.

use super::facts::PunchFact;
use crate::schema::{added_punches as added, punches as table, voided_punches as voided};
use diesel::dsl::sql;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Jsonb, Nullable, Text};
use jiff::Timestamp;
use jiff_diesel::ToDiesel as _;
use rollcall_attendance_api::punches::{Direction, PunchException};
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{EmployeeId, PunchId, SiteId};
use serde_json::Value;
use std::collections::{HashMap, HashSet};

/// One of a union: whose, which, when, and, unless it is one that does not count, its direction and its exceptions.
type Row = (EmployeeId, PunchId, jiff_diesel::Timestamp, Option<String>, Option<Value>);

/// The exceptions of a punch, without the empty list that most have: a month of a unit is tens of thousands of punches,
/// and reading that nothing is odd about them would take longer than the rest.
const EXCEPTIONS: &str = "nullif(punches.exceptions, '[]'::jsonb)";

/// The punches of some people from an instant to before another, in no order: those that came and those that
/// approved corrections added, without those that one voided.
///
/// One statement, which sees one state of the three tables: of a correction that is approved meanwhile all is seen or
/// nothing, and never a day with the punch that it adds and the one that it replaces. What does not count is taken out
/// here: that is cheaper than to look for each of tens of thousands whether it is among the few.
pub(super) fn punches(
    conn: &mut PgConnection,
    tenant: &Tenant,
    people: &[EmployeeId],
    (from, until): (Timestamp, Timestamp),
) -> Result<HashMap<EmployeeId, Vec<PunchFact>>, Fault> {
    let (from, until) = (from.to_diesel(), until.to_diesel());
    let none = || sql::<Nullable<Jsonb>>("NULL::jsonb");
    let came = table::table
        .filter(table::org_id.eq(tenant.org_id()))
        .filter(table::employee_id.eq_any(people))
        .filter(table::at.ge(from))
        .filter(table::at.lt(until))
        .select((
            table::employee_id,
            table::punch_id,
            table::at,
            table::direction.nullable(),
            sql::<Nullable<Jsonb>>(EXCEPTIONS),
        ));
    let added = added::table
        .filter(added::org_id.eq(tenant.org_id()))
        .filter(added::employee_id.eq_any(people))
        .filter(added::at.ge(from))
        .filter(added::at.lt(until))
        .select((added::employee_id, added::punch_id, added::at, added::direction.nullable(), none()));
    let voided = voided::table
        .filter(voided::org_id.eq(tenant.org_id()))
        .filter(voided::employee_id.eq_any(people))
        .filter(voided::at.ge(from))
        .filter(voided::at.lt(until))
        .select((voided::employee_id, voided::punch_id, voided::at, sql::<Nullable<Text>>("NULL::text"), none()));
    let mut by_person: HashMap<EmployeeId, Vec<PunchFact>> = HashMap::new();
    let mut gone: Vec<(EmployeeId, PunchId)> = Vec::new();
    for (employee_id, id, at, direction, exceptions) in came.union_all(added).union_all(voided).load::<Row>(conn)? {
        let Some(direction) = direction else {
            gone.push((employee_id, id));
            continue;
        };
        let direction = known(&direction)?;
        let exceptions: Option<Vec<PunchException>> =
            exceptions.map(serde_json::from_value).transpose().map_err(Fault::internal)?;
        let exceptions = exceptions.unwrap_or_default();
        let outside_geofence = exceptions.iter().any(|e| matches!(e, PunchException::OutsideGeofence { .. }));
        let outside_network = exceptions.contains(&PunchException::OutsideNetwork);
        let punch = PunchFact { id, at: at.to_jiff(), direction, outside_geofence, outside_network };
        by_person.entry(employee_id).or_default().push(punch);
    }
    for (employee_id, id) in gone {
        if let Some(punches) = by_person.get_mut(&employee_id) {
            punches.retain(|punch| punch.id != id);
        }
    }
    Ok(by_person)
}

/// The sites where some punches of some people were made, from an instant to before another; what names none is missing from
/// the answer. All punches of these people between the two are read and the others left out here: the key begins with people
/// and instants, and with a list of punches beside the list of people PostgreSQL would look for each at everybody.
pub(super) fn sites(
    conn: &mut PgConnection,
    tenant: &Tenant,
    (people, punches): (&[EmployeeId], &[PunchId]),
    (from, until): (Timestamp, Timestamp),
) -> Result<HashMap<PunchId, SiteId>, Fault> {
    let wanted: HashSet<&PunchId> = punches.iter().collect();
    let made = table::table
        .filter(table::org_id.eq(tenant.org_id()))
        .filter(table::employee_id.eq_any(people))
        .filter(table::at.ge(from.to_diesel()))
        .filter(table::at.lt(until.to_diesel()))
        .select((table::punch_id, table::site_id))
        .load::<(PunchId, Option<SiteId>)>(conn)?;
    let named = made.into_iter().filter(|(punch_id, _)| wanted.contains(punch_id));
    Ok(named.filter_map(|(punch_id, site_id)| Some((punch_id, site_id?))).collect())
}

fn known(direction: &str) -> Result<Direction, Fault> {
    Direction::of_word(direction).ok_or_else(|| Fault::internal(anyhow::anyhow!("{direction} is no direction")))
}
