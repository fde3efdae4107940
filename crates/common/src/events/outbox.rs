//! Writing events.

use crate::clock::Clock;
use crate::db;
use crate::fault::Fault;
use crate::schema::{outbox, outbox_deliveries};
use crate::settings::TypePrefixes;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use jiff_diesel::ToDiesel as _;
use opentelemetry::propagation::Injector;
use rollcall_ids::{EventId, OrgId};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

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
}

impl Outbox {
    pub(crate) fn new(clock: Clock, subscribers: BTreeMap<String, TypePrefixes>) -> Self {
        Self { clock, subscribers: Arc::new(subscribers) }
    }

    /// Writes an event in the caller's transaction, for every subscriber that wants its type. Once that has
    /// committed, the dispatcher sends it.
    pub fn emit<T: Serialize>(&self, conn: &mut PgConnection, event: &NewEvent<'_, T>) -> Result<EventId, Fault> {
        let event_id = EventId::generate();
        let wanted: Vec<_> = self.subscribers.iter().filter(|(_, prefixes)| prefixes.matches(event.kind)).collect();
        if wanted.is_empty() {
            return Ok(event_id);
        }
        let now = self.clock.now().to_diesel();
        let position: i64 = diesel::insert_into(outbox::table)
            .values((
                outbox::event_id.eq(event_id),
                outbox::org_id.eq(event.org_id),
                outbox::kind.eq(event.kind),
                outbox::subject.eq(&event.subject),
                outbox::aggregate_version.eq(event.version),
                outbox::data.eq(serde_json::to_value(event.data).map_err(Fault::internal)?),
                outbox::traceparent.eq(traceparent()),
                outbox::occurred_at.eq(now),
            ))
            .returning(outbox::position)
            .get_result(conn)?;
        let deliveries: Vec<_> = wanted
            .iter()
            .map(|(subscriber, _)| {
                (
                    outbox_deliveries::subscriber.eq(*subscriber),
                    outbox_deliveries::event_id.eq(event_id),
                    outbox_deliveries::position.eq(position),
                    outbox_deliveries::next_attempt_at.eq(now),
                )
            })
            .collect();
        diesel::insert_into(outbox_deliveries::table).values(deliveries).execute(conn)?;
        db::note_emitted();
        Ok(event_id)
    }
}

/// The W3C trace context of the work at hand.
fn traceparent() -> Option<String> {
    struct Only(Option<String>);
    impl Injector for Only {
        fn set(&mut self, key: &str, value: String) {
            if key == "traceparent" {
                self.0 = Some(value);
            }
        }
    }
    let mut only = Only(None);
    let context = tracing::Span::current().context();
    opentelemetry::global::get_text_map_propagator(|propagator| propagator.inject_context(&context, &mut only));
    only.0
}
