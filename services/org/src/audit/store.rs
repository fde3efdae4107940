//! The table of audit events.

use crate::audit::domain::{AuditEvent, Entry};
use crate::error::Error;
use crate::schema::audit_events;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use jiff_diesel::ToDiesel as _;
use rollcall_common::paging::Page;
use rollcall_common::tenant::Tenant;

/// Adds one.
pub(crate) fn append(conn: &mut PgConnection, tenant: &Tenant, entry: Entry) -> Result<(), Error> {
    append_all(conn, tenant, vec![entry])
}

/// Adds several in one statement.
pub(crate) fn append_all(conn: &mut PgConnection, tenant: &Tenant, entries: Vec<Entry>) -> Result<(), Error> {
    let row = |entry: Entry| {
        (
            audit_events::org_id.eq(tenant.org_id()),
            audit_events::at.eq(entry.at.to_diesel()),
            audit_events::actor_user_id.eq(entry.actor.user_id),
            audit_events::actor_employee_id.eq(entry.actor.employee_id),
            audit_events::address.eq(entry.actor.address),
            audit_events::action.eq(entry.action),
            audit_events::subject_kind.eq(entry.subject_kind),
            audit_events::subject_id.eq(entry.subject_id),
            audit_events::before.eq(entry.before),
            audit_events::after.eq(entry.after),
        )
    };
    let rows: Vec<_> = entries.into_iter().map(row).collect();
    diesel::insert_into(audit_events::table).values(rows).execute(conn)?;
    Ok(())
}

/// A page, newest first.
pub(crate) fn list(conn: &mut PgConnection, tenant: &Tenant, page: &Page<i64>) -> Result<Vec<AuditEvent>, Error> {
    let mut query = audit_events::table
        .filter(audit_events::org_id.eq(tenant.org_id()))
        .order(audit_events::sequence.desc())
        .limit(page.fetch())
        .select(AuditEvent::as_select())
        .into_boxed();
    if let Some(after) = page.after {
        query = query.filter(audit_events::sequence.lt(after));
    }
    Ok(query.load(conn)?)
}
