//! What is over: deliveries of webhooks that were switched off, and webhooks that were removed. There may be very many, so
//! it goes in portions.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz, Uuid};
use jiff::Timestamp;
use jiff_diesel::ToDiesel as _;
use rollcall_ids::WebhookId;

/// Why a delivery was given up when its webhook was switched off.
pub const SWITCHED_OFF: &str = "the webhook was switched off";
/// Deliveries that are given up in the transaction that switches a webhook; the rest follows.
pub const AT_ONCE: i64 = 1_000;

/// Gives up what waits for a webhook that is off, or has waited since before it was switched on again: of one webhook or
/// of all that the transaction may see, at most so many. What is under way ends as it ends. Says how many.
pub fn give_up(
    conn: &mut PgConnection,
    webhook_id: Option<WebhookId>,
    now: Timestamp,
    most: i64,
) -> QueryResult<usize> {
    const STATEMENT: &str = "
        UPDATE webhook_deliveries d SET state = 'dead', leased_until = NULL, last_error = $3, finished_at = $1
        FROM (
            SELECT q.org_id, q.delivery_id FROM webhooks w CROSS JOIN LATERAL (
                SELECT q.org_id, q.delivery_id FROM webhook_deliveries q
                WHERE q.org_id = w.org_id AND q.webhook_id = w.webhook_id AND q.state = 'queued'
                    AND (q.leased_until IS NULL OR q.leased_until <= $1) AND (NOT w.enabled OR q.era < w.era)
                LIMIT $2) q
            WHERE (NOT w.enabled OR w.era > 0) AND ($4 IS NULL OR w.webhook_id = $4)
            LIMIT $2) over
        WHERE d.org_id = over.org_id AND d.delivery_id = over.delivery_id AND d.state = 'queued'
            AND (d.leased_until IS NULL OR d.leased_until <= $1)";
    diesel::sql_query(STATEMENT)
        .bind::<Timestamptz, _>(now.to_diesel())
        .bind::<BigInt, _>(most)
        .bind::<Text, _>(SWITCHED_OFF)
        .bind::<Nullable<Uuid>, _>(webhook_id)
        .execute(conn)
}

/// Drops deliveries of webhooks that were removed, at most so many, and those webhooks that have none any more. Says how
/// many deliveries.
pub fn purge(conn: &mut PgConnection, most: i64) -> QueryResult<usize> {
    const DELIVERIES: &str = "
        DELETE FROM webhook_deliveries WHERE ctid IN (
            SELECT d.ctid FROM webhooks w JOIN webhook_deliveries d
                ON d.org_id = w.org_id AND d.webhook_id = w.webhook_id
            WHERE w.removed_at IS NOT NULL LIMIT $1)";
    const WEBHOOKS: &str = "
        DELETE FROM webhooks w WHERE w.removed_at IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM webhook_deliveries d WHERE d.org_id = w.org_id AND d.webhook_id = w.webhook_id)";
    let dropped = diesel::sql_query(DELIVERIES).bind::<BigInt, _>(most).execute(conn)?;
    diesel::sql_query(WEBHOOKS).execute(conn)?;
    Ok(dropped)
}
