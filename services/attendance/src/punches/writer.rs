//! Makes punches durable: they are in the database, with what others are told of them, before it answers.

use crate::punches::decide::{Decided, Key};
use crate::punches::store;
use diesel::pg::PgConnection;
use rollcall_attendance_api::events::PUNCH_OUTSIDE_GEOFENCE;
use rollcall_attendance_api::punches::Punch;
use rollcall_common::db::Database;
use rollcall_common::events::{NewEvent, Outbox};
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::EmployeeId;
use std::collections::HashMap;

/// What became of a punch.
#[derive(Clone, Debug)]
pub(crate) enum Written {
    /// It is stored now.
    Created(Punch),
    /// It was stored before, with this key and this body.
    Replayed(Punch),
    /// Its key was used before with another body.
    Mismatch,
}

/// Writes punches.
#[derive(Clone)]
pub(crate) struct Writer {
    db: Database,
    outbox: Outbox,
}

impl Writer {
    /// A writer to `db`.
    pub(crate) fn new(db: Database, outbox: Outbox) -> Self {
        Self { db, outbox }
    }

    /// Writes punches together: all of them are durable, or were before, or none is.
    pub(crate) async fn write(&self, tenant: &Tenant, punches: Vec<Decided>) -> Result<Vec<Written>, Fault> {
        if punches.is_empty() {
            return Ok(Vec::new());
        }
        let (of, outbox) = (*tenant, self.outbox.clone());
        self.db.transaction(tenant, move |conn| write(conn, &of, &outbox, punches)).await
    }

    /// The punch that was stored under this key, as a repetition would be answered; none: there is none.
    pub(crate) async fn written(
        &self,
        tenant: &Tenant,
        employee_id: EmployeeId,
        key: Key,
    ) -> Result<Option<Written>, Fault> {
        let of = *tenant;
        let load = move |conn: &mut PgConnection| {
            let found = store::by_keys(conn, &of, &[(employee_id, &key)])?.into_values().next();
            Ok(found.map(|(punch, fingerprint)| judged(punch, &fingerprint, &key)))
        };
        self.db.transaction(tenant, load).await
    }
}

fn write(
    conn: &mut PgConnection,
    tenant: &Tenant,
    outbox: &Outbox,
    punches: Vec<Decided>,
) -> Result<Vec<Written>, Fault> {
    let added = store::add(conn, tenant, &punches)?;
    for decided in punches.iter().filter(|decided| added.contains(&decided.punch.punch_id)) {
        if let Some(data) = &decided.tell {
            let subject = decided.punch.punch_id.to_string();
            let org_id = Some(tenant.org_id());
            outbox.emit(conn, &NewEvent { kind: PUNCH_OUTSIDE_GEOFENCE, subject, org_id, version: None, data })?;
        }
    }
    let taken = punches.iter().filter(|decided| !added.contains(&decided.punch.punch_id));
    let keys: Vec<_> = taken.filter_map(|d| Some((d.punch.employee_id, d.key.as_ref()?))).collect();
    let before = if keys.is_empty() { HashMap::default() } else { store::by_keys(conn, tenant, &keys)? };
    let verdict = |decided: Decided| {
        if added.contains(&decided.punch.punch_id) {
            return Ok(Written::Created(decided.punch));
        }
        let found = decided.key.as_ref().and_then(|key| {
            let (punch, fingerprint) = before.get(&(decided.punch.employee_id, key.key.clone()))?;
            Some(judged(punch.clone(), fingerprint, key))
        });
        found.ok_or_else(|| Fault::internal(anyhow::anyhow!("a punch was neither added nor there before")))
    };
    punches.into_iter().map(verdict).collect()
}

fn judged(punch: Punch, fingerprint: &[u8], key: &Key) -> Written {
    if fingerprint == key.fingerprint { Written::Replayed(punch) } else { Written::Mismatch }
}
