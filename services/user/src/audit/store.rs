//! Rows of `audit_events`. They are added and read, never changed; the role that serves may do nothing else.

use crate::audit::domain::Act;
use crate::origin::Origin;
use crate::schema::audit_events;
use diesel::prelude::*;
use jiff::Timestamp;
use jiff_diesel::ToDiesel as _;
use rollcall_common::paging::Page;
use rollcall_ids::{EventId, SessionId, UserId};
use serde::{Deserialize, Serialize};

/// What is written of an act.
pub struct Entry<'a> {
    /// Whose account; none where somebody tried one that does not exist.
    pub user_id: Option<UserId>,
    /// What was done.
    pub act: Act,
    /// The session or API token it was done with, or that it is about.
    pub session_id: Option<SessionId>,
    /// From where.
    pub origin: &'a Origin,
}

/// Writes an act in the caller's transaction.
pub fn record(conn: &mut PgConnection, entry: &Entry<'_>, now: Timestamp) -> QueryResult<()> {
    diesel::insert_into(audit_events::table)
        .values((
            audit_events::event_id.eq(EventId::generate()),
            audit_events::user_id.eq(entry.user_id),
            audit_events::kind.eq(entry.act.as_str()),
            audit_events::at.eq(now.to_diesel()),
            audit_events::session_id.eq(entry.session_id),
            audit_events::device.eq(&entry.origin.device),
            audit_events::address.eq(entry.origin.address.to_string()),
        ))
        .execute(conn)
        .map(drop)
}

/// An act as it is stored.
#[derive(Queryable, Selectable)]
#[diesel(table_name = audit_events, check_for_backend(diesel::pg::Pg))]
pub struct Row {
    /// Its id.
    pub event_id: EventId,
    /// What was done.
    pub kind: String,
    /// When.
    pub at: jiff_diesel::Timestamp,
    /// With which session or API token, or about which.
    pub session_id: Option<SessionId>,
    /// What the client called itself.
    pub device: String,
    /// From where.
    pub address: String,
}

/// Where a page ends.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Key(pub Timestamp, pub EventId);

/// What was done to an account, newest first.
pub fn of_user(conn: &mut PgConnection, user_id: UserId, page: &Page<Key>) -> QueryResult<Vec<Row>> {
    let mut query = audit_events::table.filter(audit_events::user_id.eq(user_id)).into_boxed();
    if let Some(Key(at, id)) = &page.after {
        let at = at.to_diesel();
        query = query.filter(audit_events::at.lt(at).or(audit_events::at.eq(at).and(audit_events::event_id.lt(*id))));
    }
    query
        .order((audit_events::at.desc(), audit_events::event_id.desc()))
        .select(Row::as_select())
        .limit(page.fetch())
        .load(conn)
}
