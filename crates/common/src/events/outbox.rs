//! Writing events.

use super::insert::Add;
use crate::clock::Clock;
use crate::context;
use crate::db;
use crate::fault::Fault;
use crate::settings::TypePrefixes;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use rollcall_ids::{EventId, OrgId};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Events written by one statement at most: its arrays stay at a few megabytes.
const MOST_ROWS: usize = 1000;

/// An event about to be written.
#[derive(Debug)]
pub struct NewEvent<'a, T> {
    /// Its type, like `org.employee.changed.v1`.
    pub kind: &'static str,
    /// Id of what it is about.
    pub subject: String,
    /// The organisation it happens in.
    pub org_id: Option<OrgId>,
    /// Version of what it is about.
    pub version: Option<i64>,
    /// What its type says.
    pub data: &'a T,
}

/// Where events are written. Cheap to clone.
#[derive(Clone)]
pub struct Outbox {
    clock: Clock,
    subscribers: Arc<BTreeMap<String, TypePrefixes>>,
    secret: Arc<[&'static str]>,
}

impl Outbox {
    pub(crate) fn new(
        clock: Clock,
        subscribers: BTreeMap<String, TypePrefixes>,
        secret: impl Into<Arc<[&'static str]>>,
    ) -> Self {
        Self { clock, subscribers: Arc::new(subscribers), secret: secret.into() }
    }

    /// The types whose data hold a secret.
    pub(crate) fn secret_kinds(&self) -> Arc<[&'static str]> {
        Arc::clone(&self.secret)
    }

    /// Writes an event in the caller's transaction, for every subscriber that wants its type. Once that has
    /// committed, the dispatcher sends it.
    pub fn emit<T: Serialize>(&self, conn: &mut PgConnection, event: &NewEvent<'_, T>) -> Result<EventId, Fault> {
        let event_id = EventId::generate();
        self.write(conn, std::iter::once((event_id, event)))?;
        Ok(event_id)
    }

    /// Like [`Outbox::emit`], for many: one statement for each thousand. They are sent in the order given; so are the
    /// ids that are answered.
    pub fn emit_all<T: Serialize>(
        &self,
        conn: &mut PgConnection,
        events: &[NewEvent<'_, T>],
    ) -> Result<Vec<EventId>, Fault> {
        let ids: Vec<EventId> = events.iter().map(|_| EventId::generate()).collect();
        for (ids, events) in ids.chunks(MOST_ROWS).zip(events.chunks(MOST_ROWS)) {
            self.write(conn, ids.iter().copied().zip(events))?;
        }
        Ok(ids)
    }

    fn write<'a, T: Serialize + 'a>(
        &self,
        conn: &mut PgConnection,
        events: impl Iterator<Item = (EventId, &'a NewEvent<'a, T>)>,
    ) -> Result<(), Fault> {
        let mut rows = Add::new(self.clock.now(), context::trace().map(|trace| trace.traceparent()));
        for (event_id, event) in events {
            let wanted = self.subscribers.iter().filter(|(_, prefixes)| prefixes.matches(event.kind));
            rows.push(event_id, event, wanted.map(|(subscriber, _)| subscriber.as_str()))?;
        }
        if rows.is_empty() {
            return Ok(());
        }
        rows.execute(conn)?;
        db::note_emitted();
        Ok(())
    }
}
