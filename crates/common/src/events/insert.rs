//! The one statement that writes events and who is to be told of them.
//!
//! A column is one array, so the text is the same for one event and for a thousand: PostgreSQL plans it once a
//! connection. diesel's own insert of many rows has another text, and another plan, for each number of rows.

use super::NewEvent;
use crate::fault::Fault;
use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Jsonb, Nullable, Text, Timestamptz, Uuid};
use jiff::Timestamp;
use jiff_diesel::ToDiesel as _;
use rollcall_ids::{EventId, OrgId};
use serde::Serialize;

/// Events, column by column; and for each subscriber that wants one, its place among them.
pub(super) struct Add {
    now: jiff_diesel::Timestamp,
    traceparent: Option<String>,
    event_ids: Vec<EventId>,
    org_ids: Vec<Option<OrgId>>,
    kinds: Vec<&'static str>,
    subjects: Vec<String>,
    versions: Vec<Option<i64>>,
    data: Vec<serde_json::Value>,
    subscribers: Vec<String>,
    told_of: Vec<EventId>,
}

impl Add {
    pub(super) fn new(now: Timestamp, traceparent: Option<String>) -> Self {
        Self {
            now: now.to_diesel(),
            traceparent,
            event_ids: Vec::new(),
            org_ids: Vec::new(),
            kinds: Vec::new(),
            subjects: Vec::new(),
            versions: Vec::new(),
            data: Vec::new(),
            subscribers: Vec::new(),
            told_of: Vec::new(),
        }
    }

    /// Adds an event; one that nobody wants is left out.
    pub(super) fn push<'a, T: Serialize>(
        &mut self,
        event_id: EventId,
        event: &NewEvent<'_, T>,
        subscribers: impl Iterator<Item = &'a str>,
    ) -> Result<(), Fault> {
        let before = self.told_of.len();
        for subscriber in subscribers {
            self.subscribers.push(subscriber.to_owned());
            self.told_of.push(event_id);
        }
        if self.told_of.len() == before {
            return Ok(());
        }
        self.event_ids.push(event_id);
        self.org_ids.push(event.org_id);
        self.kinds.push(event.kind);
        self.subjects.push(event.subject.clone());
        self.versions.push(event.version);
        self.data.push(serde_json::to_value(event.data).map_err(Fault::internal)?);
        Ok(())
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.event_ids.is_empty()
    }
}

impl QueryFragment<Pg> for Add {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "WITH written AS (INSERT INTO outbox (event_id, org_id, kind, subject, aggregate_version, data, \
             traceparent, occurred_at) SELECT new.event_id, org_id, kind, subject, version, data, ",
        );
        out.push_bind_param::<Nullable<Text>, _>(&self.traceparent)?;
        out.push_sql(", ");
        out.push_bind_param::<Timestamptz, _>(&self.now)?;
        out.push_sql(" FROM unnest(");
        out.push_bind_param::<Array<Uuid>, _>(&self.event_ids)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Uuid>>, _>(&self.org_ids)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.kinds)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.subjects)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<BigInt>>, _>(&self.versions)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Jsonb>, _>(&self.data)?;
        out.push_sql(
            ") WITH ORDINALITY AS new (event_id, org_id, kind, subject, version, data, place) ORDER BY place \
             RETURNING event_id, position) \
             INSERT INTO outbox_deliveries (subscriber, event_id, position, next_attempt_at) \
             SELECT subscriber, event_id, position, ",
        );
        out.push_bind_param::<Timestamptz, _>(&self.now)?;
        out.push_sql(" FROM unnest(");
        out.push_bind_param::<Array<Text>, _>(&self.subscribers)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Uuid>, _>(&self.told_of)?;
        out.push_sql(") AS told (subscriber, event_id) JOIN written USING (event_id)");
        Ok(())
    }
}

impl QueryId for Add {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Add {
    type SqlType = ();
}

impl RunQueryDsl<PgConnection> for Add {}
