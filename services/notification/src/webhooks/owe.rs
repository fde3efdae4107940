//! What an event makes owed to webhooks, in the transaction that takes it.

use super::payload;
use crate::schema::{webhook_deliveries, webhooks};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use jiff::Timestamp;
use jiff_diesel::ToDiesel as _;
use rollcall_common::events::CloudEvent;
use rollcall_common::fault::Fault;
use rollcall_common::problem::FieldError;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{EventId, WebhookDeliveryId, WebhookId};
use rollcall_notification_api::webhooks::WebhookMessage;
use std::collections::HashSet;

/// Deliveries stored by one statement.
const ROWS_AT_A_TIME: usize = 1_000;

/// Owes events to every webhook of the organisation that is on and wants their types, once each however often it is
/// tried. Answers those that are owed to any.
pub fn owe(
    conn: &mut PgConnection,
    tenant: &Tenant,
    events: &[&CloudEvent],
    now: Timestamp,
) -> Result<HashSet<EventId>, Fault> {
    let published: Vec<_> =
        events.iter().filter_map(|event| Some((*event, payload::published(&event.kind)?))).collect();
    if published.is_empty() {
        return Ok(HashSet::new());
    }
    // Held against being removed until the deliveries are there.
    let found: Vec<(WebhookId, i32, Vec<Option<String>>)> = webhooks::table
        .filter(webhooks::org_id.eq(tenant.org_id()))
        .filter(webhooks::enabled)
        .filter(webhooks::removed_at.is_null())
        .order(webhooks::webhook_id)
        .select((webhooks::webhook_id, webhooks::era, webhooks::event_types))
        .for_key_share()
        .load(conn)?;
    let mut rows = Vec::new();
    let mut owed = HashSet::new();
    for (event, published) in published {
        let wants = |types: &[Option<String>]| types.is_empty() || types.iter().flatten().any(|it| *it == event.kind);
        let wanting: Vec<_> = found.iter().filter(|(_, _, types)| wants(types)).collect();
        if wanting.is_empty() {
            continue;
        }
        let data = (published.publish)(&event.data).map_err(|error| {
            let error = FieldError { pointer: "/data".into(), code: "wrong_type".into(), detail: error.to_string() };
            Fault::Malformed(vec![error])
        })?;
        let message = WebhookMessage { kind: event.kind.clone(), timestamp: event.time, org_id: tenant.org_id(), data };
        let payload = serde_json::to_string(&message).map_err(Fault::internal)?;
        rows.extend(wanting.into_iter().map(|(webhook_id, era, _)| {
            (
                webhook_deliveries::org_id.eq(tenant.org_id()),
                webhook_deliveries::delivery_id.eq(WebhookDeliveryId::generate()),
                webhook_deliveries::webhook_id.eq(*webhook_id),
                webhook_deliveries::era.eq(Some(*era)),
                webhook_deliveries::event_id.eq(event.id),
                webhook_deliveries::event_type.eq(&event.kind),
                webhook_deliveries::payload.eq(payload.clone()),
                webhook_deliveries::next_attempt_at.eq(now.to_diesel()),
                webhook_deliveries::created_at.eq(now.to_diesel()),
            )
        }));
        owed.insert(event.id);
    }
    // A statement takes so many values: nine of a row.
    for rows in rows.chunks(ROWS_AT_A_TIME) {
        diesel::insert_into(webhook_deliveries::table).values(rows).on_conflict_do_nothing().execute(conn)?;
    }
    Ok(owed)
}
