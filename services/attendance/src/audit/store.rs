//! The record in the database.

use super::domain::AuditEvent;
use crate::schema::audit_events as table;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use jiff::Timestamp;
use jiff_diesel::ToDiesel as _;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{AuditEventId, EmployeeId};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

/// A change that is being made.
pub(crate) struct Entry<'a, T> {
    /// Who; none: the service.
    pub(crate) actor_id: Option<EmployeeId>,
    pub(crate) action: &'static str,
    pub(crate) subject_id: Uuid,
    pub(crate) reason: Option<&'a str>,
    pub(crate) before: Option<&'a T>,
    pub(crate) after: Option<&'a T>,
}

/// Notes a change.
pub(crate) fn record<T: Serialize>(
    conn: &mut PgConnection,
    tenant: &Tenant,
    entry: &Entry<'_, T>,
    now: Timestamp,
) -> Result<(), Fault> {
    let value = |state: Option<&T>| state.map(serde_json::to_value).transpose().map_err(Fault::internal);
    let row = (
        table::org_id.eq(tenant.org_id()),
        table::audit_event_id.eq(AuditEventId::generate()),
        table::at.eq(now.to_diesel()),
        table::actor_id.eq(entry.actor_id),
        table::action.eq(entry.action),
        table::subject_id.eq(entry.subject_id),
        table::reason.eq(entry.reason),
        table::before.eq(value(entry.before)?),
        table::after.eq(value(entry.after)?),
    );
    diesel::insert_into(table::table).values(row).execute(conn)?;
    Ok(())
}

/// Where a page starts.
pub(super) type After = (Timestamp, AuditEventId);

type Row = (
    AuditEventId,
    jiff_diesel::Timestamp,
    Option<EmployeeId>,
    String,
    Uuid,
    Option<String>,
    Option<Value>,
    Option<Value>,
);

/// A page, newest first; of one subject or of all.
pub(super) fn list(
    conn: &mut PgConnection,
    tenant: &Tenant,
    subject_id: Option<Uuid>,
    after: Option<After>,
    limit: i64,
) -> Result<Vec<AuditEvent>, Fault> {
    let mut query = table::table
        .filter(table::org_id.eq(tenant.org_id()))
        .order((table::at.desc(), table::audit_event_id.desc()))
        .select((
            table::audit_event_id,
            table::at,
            table::actor_id,
            table::action,
            table::subject_id,
            table::reason,
            table::before,
            table::after,
        ))
        .limit(limit)
        .into_boxed();
    if let Some(subject_id) = subject_id {
        query = query.filter(table::subject_id.eq(subject_id));
    }
    if let Some((at, id)) = after {
        let same = table::at.eq(at.to_diesel()).and(table::audit_event_id.lt(id));
        query = query.filter(table::at.lt(at.to_diesel()).or(same));
    }
    let event = |(audit_event_id, at, actor_id, action, subject_id, reason, before, after): Row| AuditEvent {
        audit_event_id,
        at: at.to_jiff(),
        actor_id,
        action,
        subject_id,
        reason,
        before,
        after,
    };
    Ok(query.load::<Row>(conn)?.into_iter().map(event).collect())
}
