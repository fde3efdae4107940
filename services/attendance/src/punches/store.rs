//! Punches in the database: added and read, never edited.

use crate::punches::decide::{Decided, Key};
use crate::schema::punches as table;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use jiff::Timestamp;
use jiff_diesel::ToDiesel as _;
use rollcall_attendance_api::punches::Punch;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{EmployeeId, OrgId, PunchId, SiteId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::{HashMap, HashSet};

#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = table)]
struct Row {
    org_id: OrgId,
    punch_id: PunchId,
    employee_id: EmployeeId,
    at: jiff_diesel::Timestamp,
    direction: String,
    source: String,
    offline: bool,
    site_id: Option<SiteId>,
    latitude: Option<f64>,
    longitude: Option<f64>,
    accuracy_m: Option<f64>,
    note: Option<String>,
    exceptions: Value,
    received_at: jiff_diesel::Timestamp,
    recorded_by: EmployeeId,
    idempotency_key: Option<String>,
    fingerprint: Option<Vec<u8>>,
}

/// An enum as the word it is on the wire.
fn word(value: &impl Serialize) -> Result<String, Fault> {
    match serde_json::to_value(value).map_err(Fault::internal)? {
        Value::String(word) => Ok(word),
        other => Err(Fault::internal(anyhow::anyhow!("{other} is no word"))),
    }
}

fn of_word<T: DeserializeOwned>(word: String) -> Result<T, Fault> {
    serde_json::from_value(Value::String(word)).map_err(Fault::internal)
}

impl Row {
    fn new(tenant: &Tenant, Decided { punch, key, .. }: &Decided) -> Result<Self, Fault> {
        Ok(Self {
            org_id: tenant.org_id(),
            punch_id: punch.punch_id,
            employee_id: punch.employee_id,
            at: punch.at.to_diesel(),
            direction: word(&punch.direction)?,
            source: word(&punch.source)?,
            offline: punch.offline,
            site_id: punch.site_id,
            latitude: punch.latitude,
            longitude: punch.longitude,
            accuracy_m: punch.accuracy_m,
            note: punch.note.clone(),
            exceptions: serde_json::to_value(&punch.exceptions).map_err(Fault::internal)?,
            received_at: punch.received_at.to_diesel(),
            recorded_by: punch.recorded_by,
            idempotency_key: key.as_ref().map(|key| key.key.clone()),
            fingerprint: key.as_ref().map(|key| key.fingerprint.to_vec()),
        })
    }

    fn punch(self) -> Result<Punch, Fault> {
        Ok(Punch {
            punch_id: self.punch_id,
            employee_id: self.employee_id,
            at: self.at.to_jiff(),
            direction: of_word(self.direction)?,
            source: of_word(self.source)?,
            offline: self.offline,
            site_id: self.site_id,
            latitude: self.latitude,
            longitude: self.longitude,
            accuracy_m: self.accuracy_m,
            note: self.note,
            exceptions: serde_json::from_value(self.exceptions).map_err(Fault::internal)?,
            received_at: self.received_at.to_jiff(),
            recorded_by: self.recorded_by,
        })
    }
}

/// Adds punches in one statement; answers which were added. One whose key is taken is left out.
pub(crate) fn add(conn: &mut PgConnection, tenant: &Tenant, punches: &[Decided]) -> Result<HashSet<PunchId>, Fault> {
    let mut rows = punches.iter().map(|decided| Row::new(tenant, decided)).collect::<Result<Vec<_>, _>>()?;
    // Two requests with the same keys take them in the same order, so neither waits for the other in a circle.
    rows.sort_by(|a, b| (a.employee_id, &a.idempotency_key).cmp(&(b.employee_id, &b.idempotency_key)));
    let added: Vec<PunchId> = diesel::insert_into(table::table)
        .values(&rows)
        .on_conflict((table::org_id, table::employee_id, table::idempotency_key))
        .do_nothing()
        .returning(table::punch_id)
        .get_results(conn)?;
    Ok(added.into_iter().collect())
}

/// Punches with their fingerprints, by employee and key.
pub(crate) type ByKey = HashMap<(EmployeeId, String), (Punch, Vec<u8>)>;

/// The punches that were stored under these keys, with their fingerprints.
pub(crate) fn by_keys(conn: &mut PgConnection, tenant: &Tenant, keys: &[(EmployeeId, &Key)]) -> Result<ByKey, Fault> {
    let people: Vec<EmployeeId> = keys.iter().map(|(employee_id, _)| *employee_id).collect();
    let names: Vec<&str> = keys.iter().map(|(_, key)| key.key.as_str()).collect();
    let rows: Vec<Row> = table::table
        .filter(table::org_id.eq(tenant.org_id()))
        .filter(table::employee_id.eq_any(people))
        .filter(table::idempotency_key.eq_any(names))
        .select(Row::as_select())
        .load(conn)?;
    rows.into_iter()
        .map(|mut row| {
            let key = (row.employee_id, row.idempotency_key.take().unwrap_or_default());
            let fingerprint = row.fingerprint.take().unwrap_or_default();
            Ok((key, (row.punch()?, fingerprint)))
        })
        .collect()
}

/// Where a page of punches starts: instant and id of the last one before.
pub(crate) type AfterPunch = (Timestamp, PunchId);

/// Punches of one employee from an instant to before another, newest first.
pub(crate) fn newest_first(
    conn: &mut PgConnection,
    tenant: &Tenant,
    employee_id: EmployeeId,
    (from, until): (Option<Timestamp>, Option<Timestamp>),
    after: Option<AfterPunch>,
    limit: i64,
) -> Result<Vec<Punch>, Fault> {
    let mut query = table::table
        .filter(table::org_id.eq(tenant.org_id()))
        .filter(table::employee_id.eq(employee_id))
        .order((table::at.desc(), table::punch_id.desc()))
        .select(Row::as_select())
        .limit(limit)
        .into_boxed();
    if let Some(from) = from {
        query = query.filter(table::at.ge(from.to_diesel()));
    }
    if let Some(until) = until {
        query = query.filter(table::at.lt(until.to_diesel()));
    }
    if let Some((at, id)) = after {
        let earlier = table::at.eq(at.to_diesel()).and(table::punch_id.lt(id));
        query = query.filter(table::at.lt(at.to_diesel()).or(earlier));
    }
    query.load::<Row>(conn)?.into_iter().map(Row::punch).collect()
}
