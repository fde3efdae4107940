//! Deliveries of a webhook, for those who look after it.

use crate::schema::{webhook_deliveries as table, webhooks};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use jiff::Timestamp;
use jiff_diesel::{NullableTimestamp, ToDiesel as _};
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{EventId, WebhookDeliveryId, WebhookId};
use rollcall_notification_api::webhooks::{DeliveryState, WebhookDelivery};
use serde::{Deserialize, Serialize};

/// What the list is ordered by, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key(Timestamp, WebhookDeliveryId);

impl Key {
    /// Of a delivery.
    pub fn of(delivery: &WebhookDelivery) -> Self {
        Self(delivery.created_at, delivery.delivery_id)
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = table, check_for_backend(diesel::pg::Pg))]
struct Row {
    delivery_id: WebhookDeliveryId,
    event_id: EventId,
    event_type: String,
    payload: String,
    state: String,
    attempts: i32,
    #[diesel(deserialize_as = jiff_diesel::Timestamp)]
    next_attempt_at: Timestamp,
    request: Option<serde_json::Value>,
    answer: Option<serde_json::Value>,
    last_error: Option<String>,
    #[diesel(deserialize_as = jiff_diesel::Timestamp)]
    created_at: Timestamp,
    #[diesel(deserialize_as = NullableTimestamp)]
    finished_at: Option<Timestamp>,
}

impl Row {
    fn view(self) -> Result<WebhookDelivery, Fault> {
        Ok(WebhookDelivery {
            delivery_id: self.delivery_id,
            event_id: self.event_id,
            event_type: self.event_type,
            next_attempt_at: (self.state == DeliveryState::Queued.as_str()).then_some(self.next_attempt_at),
            state: self.state,
            attempts: self.attempts,
            created_at: self.created_at,
            finished_at: self.finished_at,
            request: self.request.map(serde_json::from_value).transpose().map_err(Fault::internal)?,
            answer: self.answer.map(serde_json::from_value).transpose().map_err(Fault::internal)?,
            error: self.last_error,
            payload: self.payload,
        })
    }
}

/// Deliveries of a webhook, newest first.
pub fn list(
    conn: &mut PgConnection,
    tenant: &Tenant,
    webhook_id: WebhookId,
    state: Option<DeliveryState>,
    after: Option<Key>,
    limit: i64,
) -> Result<Vec<WebhookDelivery>, Fault> {
    let mut query = table::table
        .filter(table::org_id.eq(tenant.org_id()))
        .filter(table::webhook_id.eq(webhook_id))
        .order((table::created_at.desc(), table::delivery_id.desc()))
        .limit(limit)
        .select(Row::as_select())
        .into_boxed();
    if let Some(state) = state {
        query = query.filter(table::state.eq(state.as_str()));
    }
    if let Some(Key(at, id)) = after {
        let before = table::created_at
            .lt(at.to_diesel())
            .or(table::created_at.eq(at.to_diesel()).and(table::delivery_id.lt(id)));
        query = query.filter(before);
    }
    let rows: Vec<Row> = query.load(conn)?;
    rows.into_iter().map(Row::view).collect()
}

/// Makes a delivery due at once, with all its attempts before it; one that is under way is left alone.
pub fn retry(
    conn: &mut PgConnection,
    tenant: &Tenant,
    webhook_id: WebhookId,
    delivery_id: WebhookDeliveryId,
    now: Timestamp,
) -> Result<WebhookDelivery, Fault> {
    let of_webhook = table::table.find((tenant.org_id(), delivery_id)).filter(table::webhook_id.eq(webhook_id));
    let held: Option<NullableTimestamp> = of_webhook.select(table::leased_until).for_update().first(conn).optional()?;
    let held = held.ok_or(Fault::NotFound)?.to_jiff();
    if held.is_none_or(|until| until <= now) {
        let era: i32 = webhooks::table.find((tenant.org_id(), webhook_id)).select(webhooks::era).first(conn)?;
        diesel::update(of_webhook)
            .set((
                table::state.eq(DeliveryState::Queued.as_str()),
                table::attempts.eq(0),
                table::era.eq(Some(era)),
                table::next_attempt_at.eq(now.to_diesel()),
                table::leased_until.eq(None::<jiff_diesel::Timestamp>),
                table::finished_at.eq(None::<jiff_diesel::Timestamp>),
            ))
            .execute(conn)?;
    }
    let row: Row = of_webhook.select(Row::as_select()).first(conn)?;
    row.view()
}
