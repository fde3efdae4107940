//! Punches in the database: added and read, never edited.

use crate::punches::decide::Key;
use crate::schema::punches as table;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, Text, Uuid};
use jiff::Timestamp;
use jiff_diesel::ToDiesel as _;
use rollcall_attendance_api::punches::Punch;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{DeviceId, EmployeeId, OrgId, PunchId, SiteId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::HashMap;

#[derive(Clone, Queryable, QueryableByName, Selectable)]
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
    device_id: Option<DeviceId>,
}

/// By the unique index of the three.
const BY_KEYS: &str = "
    SELECT punches.*
    FROM unnest($1, $2, $3) AS wanted (org_id, employee_id, idempotency_key)
    JOIN punches USING (org_id, employee_id, idempotency_key)";

/// An enum as the word it is on the wire.
pub(crate) fn word(value: &impl Serialize) -> Result<String, Fault> {
    match serde_json::to_value(value).map_err(Fault::internal)? {
        Value::String(word) => Ok(word),
        other => Err(Fault::internal(anyhow::anyhow!("{other} is no word"))),
    }
}

/// The enum that is this word on the wire.
pub(crate) fn of_word<T: DeserializeOwned>(word: String) -> Result<T, Fault> {
    serde_json::from_value(Value::String(word)).map_err(Fault::internal)
}

impl Row {
    fn punch(self) -> Result<Punch, Fault> {
        Ok(Punch {
            punch_id: self.punch_id,
            employee_id: self.employee_id,
            at: self.at.to_jiff(),
            direction: of_word(self.direction)?,
            source: of_word(self.source)?,
            offline: self.offline,
            site_id: self.site_id,
            device_id: self.device_id,
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

/// Punches with their fingerprints, by organisation, employee and key.
pub(crate) type ByKey = HashMap<(OrgId, EmployeeId, String), (Punch, Vec<u8>)>;

/// The punches that were stored under these keys, with their fingerprints; those of devices in both forms. Each by its own:
/// three lists beside one another would find every key of a batch at everybody in it, and terminals count theirs from one.
pub(crate) fn by_keys(conn: &mut PgConnection, keys: &[(&Tenant, EmployeeId, &Key)]) -> Result<ByKey, Fault> {
    let (mut orgs, mut people, mut names) = (Vec::new(), Vec::new(), Vec::new());
    for (tenant, employee_id, key) in keys {
        for form in std::iter::once(key.stored()).chain(key.before_devices()) {
            orgs.push(tenant.org_id());
            people.push(*employee_id);
            names.push(form);
        }
    }
    let rows: Vec<Row> = diesel::sql_query(BY_KEYS)
        .bind::<Array<Uuid>, _>(orgs)
        .bind::<Array<Uuid>, _>(people)
        .bind::<Array<Text>, _>(names)
        .load(conn)?;
    rows.into_iter()
        .map(|mut row| {
            let key = (row.org_id, row.employee_id, row.idempotency_key.take().unwrap_or_default());
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
