//! One transaction for the punches of one batch, with what others are told of them.

use crate::punches::decide::{Decided, Key};
use crate::punches::insert;
use crate::punches::store::{self, ByKey};
use diesel::pg::PgConnection;
use rollcall_attendance_api::events::PUNCH_OUTSIDE_GEOFENCE;
use rollcall_attendance_api::punches::Punch;
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
    /// Its key was used before, for another one.
    Mismatch,
}

/// Writes punches of any organisations for which there is proof; what became of each, in their order.
pub(super) fn commit(
    conn: &mut PgConnection,
    outbox: &Outbox,
    punches: &[(Tenant, &Decided)],
) -> Result<Vec<Written>, Fault> {
    let added = insert::add(conn, punches)?;
    let is_new = |decided: &Decided| added.has(decided.punch.punch_id);
    for (tenant, decided) in punches.iter().filter(|(_, decided)| is_new(decided)) {
        if let Some(data) = &decided.tell {
            let subject = decided.punch.punch_id.to_string();
            let org_id = Some(tenant.org_id());
            outbox.emit(conn, &NewEvent { kind: PUNCH_OUTSIDE_GEOFENCE, subject, org_id, version: None, data })?;
        }
    }
    let taken = punches.iter().filter(|(_, decided)| !is_new(decided));
    let keys: Vec<_> = taken.filter_map(|(t, d)| Some((t, d.punch.employee_id, d.key.as_ref()?))).collect();
    let before = if keys.is_empty() { HashMap::default() } else { store::by_keys(conn, &keys)? };
    let verdict = |(tenant, decided): &(Tenant, &Decided)| {
        if is_new(decided) {
            return Ok(Written::Created(decided.punch.clone()));
        }
        let key = decided.key.as_ref();
        let found = key.and_then(|key| repeated(&before, tenant, decided.punch.employee_id, key));
        found.ok_or_else(|| Fault::internal(anyhow::anyhow!("a punch was neither added nor there before")))
    };
    punches.iter().map(verdict).collect()
}

/// What a repetition is told of the punch that was stored under its key; none: there is none.
pub(super) fn repeated(before: &ByKey, tenant: &Tenant, employee_id: EmployeeId, key: &Key) -> Option<Written> {
    let stored_as = |key: &str| before.get(&(tenant.org_id(), employee_id, key.to_owned()));
    // Other devices, and members, may have used what this one chose.
    let without_device = || stored_as(key.before_devices()?).filter(|(punch, _)| punch.device_id == key.device_id);
    let (punch, fingerprint) = stored_as(key.stored()).or_else(without_device)?;
    Some(if key.is_same(punch, fingerprint) { Written::Replayed(punch.clone()) } else { Written::Mismatch })
}
