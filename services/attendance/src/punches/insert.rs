//! The one statement that adds punches, of however many requests.
//!
//! A column is one array, so the text is the same for one row and for 256: PostgreSQL plans it once a connection.
//! diesel's own insert of many rows has another text, and another plan, for each number of rows.

use crate::punches::decide::{Decided, Key};
use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, Binary, Bool, Double, Jsonb, Nullable, Text, Timestamptz, Uuid};
use jiff_diesel::ToDiesel as _;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{DeviceId, EmployeeId, OrgId, PunchId, SiteId};
use serde_json::Value;
use std::collections::HashSet;

/// In the order of the arrays.
const COLUMNS: &str = "(org_id, punch_id, employee_id, at, direction, source, offline, site_id, latitude, longitude, \
                       accuracy_m, note, exceptions, received_at, recorded_by, idempotency_key, fingerprint, device_id)";

/// A device's punch may be there under the key alone, as devices' keys were stored before the device stood in them. Looked
/// up by the unique index, one after another, and for devices only: as a join it might read the whole table.
const NOT_STORED_BEFORE_DEVICES: &str = "
    WHERE new.device_id IS NULL OR (
        SELECT before.punch_id FROM punches AS before
        WHERE before.org_id = new.org_id AND before.employee_id = new.employee_id
            AND before.idempotency_key = split_part(new.idempotency_key, chr(31), 2)
            AND before.device_id = new.device_id
    ) IS NULL";

const UNLESS_TAKEN: &str = "
    ON CONFLICT (org_id, employee_id, idempotency_key) DO NOTHING RETURNING punch_id";

/// Punches, column by column.
#[derive(Default)]
struct Add {
    org_ids: Vec<OrgId>,
    punch_ids: Vec<PunchId>,
    employee_ids: Vec<EmployeeId>,
    ats: Vec<jiff_diesel::Timestamp>,
    directions: Vec<String>,
    sources: Vec<String>,
    offlines: Vec<bool>,
    site_ids: Vec<Option<SiteId>>,
    latitudes: Vec<Option<f64>>,
    longitudes: Vec<Option<f64>>,
    accuracies: Vec<Option<f64>>,
    notes: Vec<Option<String>>,
    exceptions: Vec<Value>,
    received_ats: Vec<jiff_diesel::Timestamp>,
    recorded_by: Vec<EmployeeId>,
    keys: Vec<Option<String>>,
    fingerprints: Vec<Option<Vec<u8>>>,
    device_ids: Vec<Option<DeviceId>>,
}

impl Add {
    fn push(&mut self, tenant: &Tenant, Decided { punch, key, .. }: &Decided) -> Result<(), Fault> {
        self.org_ids.push(tenant.org_id());
        self.punch_ids.push(punch.punch_id);
        self.employee_ids.push(punch.employee_id);
        self.ats.push(punch.at.to_diesel());
        self.directions.push(super::store::word(&punch.direction)?);
        self.sources.push(super::store::word(&punch.source)?);
        self.offlines.push(punch.offline);
        self.site_ids.push(punch.site_id);
        self.latitudes.push(punch.latitude);
        self.longitudes.push(punch.longitude);
        self.accuracies.push(punch.accuracy_m);
        self.notes.push(punch.note.clone());
        self.exceptions.push(serde_json::to_value(&punch.exceptions).map_err(Fault::internal)?);
        self.received_ats.push(punch.received_at.to_diesel());
        self.recorded_by.push(punch.recorded_by);
        self.keys.push(key.as_ref().map(|key| key.stored().to_owned()));
        self.fingerprints.push(key.as_ref().map(|key| key.fingerprint.to_vec()));
        self.device_ids.push(punch.device_id);
        Ok(())
    }
}

impl QueryFragment<Pg> for Add {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        for part in ["INSERT INTO punches ", COLUMNS, " SELECT * FROM unnest("] {
            out.push_sql(part);
        }
        out.push_bind_param::<Array<Uuid>, _>(&self.org_ids)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Uuid>, _>(&self.punch_ids)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Uuid>, _>(&self.employee_ids)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Timestamptz>, _>(&self.ats)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.directions)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.sources)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Bool>, _>(&self.offlines)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Uuid>>, _>(&self.site_ids)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Double>>, _>(&self.latitudes)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Double>>, _>(&self.longitudes)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Double>>, _>(&self.accuracies)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Text>>, _>(&self.notes)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Jsonb>, _>(&self.exceptions)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Timestamptz>, _>(&self.received_ats)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Uuid>, _>(&self.recorded_by)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Text>>, _>(&self.keys)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Binary>>, _>(&self.fingerprints)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Uuid>>, _>(&self.device_ids)?;
        for part in [") AS new ", COLUMNS, NOT_STORED_BEFORE_DEVICES, UNLESS_TAKEN] {
            out.push_sql(part);
        }
        Ok(())
    }
}

impl QueryId for Add {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Add {
    type SqlType = Uuid;
}

impl RunQueryDsl<PgConnection> for Add {}

/// Which of the punches of a statement were added.
pub(super) enum Added {
    /// Nearly always.
    All,
    /// The keys of the others were taken.
    Some(HashSet<PunchId>),
}

impl Added {
    /// Whether this one was.
    pub(super) fn has(&self, id: PunchId) -> bool {
        match self {
            Self::All => true,
            Self::Some(ids) => ids.contains(&id),
        }
    }
}

/// Adds punches in one statement, in a transaction that has proof for their organisations; answers which were added. One
/// whose key is taken is left out, also when it was taken by one before it in the same statement.
pub(super) fn add(conn: &mut PgConnection, punches: &[(Tenant, &Decided)]) -> Result<Added, Fault> {
    let mut sorted: Vec<_> = punches.iter().collect();
    // Two instances that write the same keys take them in the same order, so neither waits for the other in a
    // circle. Stable: of two with one key the first that came is first.
    sorted.sort_by(|a, b| order(a).cmp(&order(b)));
    let mut rows = Add::default();
    for (tenant, decided) in sorted {
        rows.push(tenant, decided)?;
    }
    let added: Vec<PunchId> = rows.load(conn)?;
    Ok(if added.len() == punches.len() { Added::All } else { Added::Some(added.into_iter().collect()) })
}

/// By what the punches of a statement are sorted.
fn order<'a>((tenant, decided): &'a (Tenant, &Decided)) -> (OrgId, EmployeeId, Option<&'a str>) {
    (tenant.org_id(), decided.punch.employee_id, decided.key.as_ref().map(Key::stored))
}
