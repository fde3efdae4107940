//! What is owed to webhooks, for the worker: leases, and what became of attempts.

use super::domain::{Run, Verdict};
use super::secrets;
use super::sender::{Exchange, Message};
use super::store;
use crate::schema::{webhook_deliveries as table, webhooks};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Int4, Text, Timestamptz, Uuid};
use jiff::{SignedDuration, Timestamp};
use jiff_diesel::{NullableTimestamp, ToDiesel as _};
use rollcall_common::fault::Fault;
use rollcall_common::seal::SealingKey;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{EventId, OrgId, WebhookDeliveryId, WebhookId};

/// A delivery that a worker has leased.
#[derive(Clone, Debug, QueryableByName)]
pub struct Leased {
    /// Whose.
    #[diesel(sql_type = Uuid)]
    pub org_id: OrgId,
    /// Its id.
    #[diesel(sql_type = Uuid)]
    pub delivery_id: WebhookDeliveryId,
    /// Where it belongs.
    #[diesel(sql_type = Uuid)]
    pub webhook_id: WebhookId,
    /// The event.
    #[diesel(sql_type = Uuid)]
    pub event_id: EventId,
    /// Where it goes.
    #[diesel(sql_type = Text)]
    pub url: String,
    /// What is sent.
    #[diesel(sql_type = Text)]
    pub payload: String,
    /// How often it was tried, this time included.
    #[diesel(sql_type = Int4)]
    pub attempts: i32,
    /// Until when nobody else takes it.
    #[diesel(sql_type = Timestamptz, deserialize_as = jiff_diesel::Timestamp)]
    pub leased_until: Timestamp,
}

/// How much is taken.
#[derive(Clone, Copy, Debug)]
pub struct Portion {
    /// Over all webhooks.
    pub most: i64,
    /// Under way to one webhook, on all instances; to one that is failing, one.
    pub each: i64,
    /// For how long nobody else takes it.
    pub lease: SignedDuration,
}

/// Takes what is due, fairly: the first of every webhook before the second of any, and no more of one than may be under
/// way to it. Its cost grows with the webhooks that something is owed to, not with how much.
pub fn claim(conn: &mut PgConnection, now: Timestamp, portion: Portion) -> Result<Vec<Leased>, Fault> {
    const STATEMENT: &str = "
        WITH RECURSIVE owed AS (
            (SELECT org_id, webhook_id FROM webhook_deliveries WHERE state = 'queued'
             ORDER BY org_id, webhook_id LIMIT 1)
            UNION ALL
            SELECT further.org_id, further.webhook_id FROM owed CROSS JOIN LATERAL (
                SELECT d.org_id, d.webhook_id FROM webhook_deliveries d
                WHERE d.state = 'queued' AND (d.org_id, d.webhook_id) > (owed.org_id, owed.webhook_id)
                ORDER BY d.org_id, d.webhook_id LIMIT 1) further
        ), due AS (
            SELECT d.org_id, d.delivery_id, w.url
            FROM owed
            JOIN webhooks w ON w.org_id = owed.org_id AND w.webhook_id = owed.webhook_id
                AND w.enabled AND (w.paused_until IS NULL OR w.paused_until <= $1)
            CROSS JOIN LATERAL (
                SELECT count(*) AS held FROM webhook_deliveries h
                WHERE h.org_id = w.org_id AND h.webhook_id = w.webhook_id AND h.leased_until > $1) under_way
            CROSS JOIN LATERAL (
                SELECT q.org_id, q.delivery_id, q.next_attempt_at FROM webhook_deliveries q
                WHERE q.org_id = w.org_id AND q.webhook_id = w.webhook_id AND q.state = 'queued'
                    AND (q.era IS NULL OR q.era >= w.era)
                    AND q.next_attempt_at <= $1 AND (q.leased_until IS NULL OR q.leased_until <= $1)
                ORDER BY q.next_attempt_at, q.delivery_id
                LIMIT greatest(0, CASE WHEN w.failing_since IS NULL THEN $4 ELSE 1 END - under_way.held)) d
            ORDER BY
                under_way.held
                    + row_number() OVER (PARTITION BY d.org_id, w.webhook_id ORDER BY d.next_attempt_at, d.delivery_id),
                d.next_attempt_at
            LIMIT $3
        )
        UPDATE webhook_deliveries d SET attempts = d.attempts + 1, leased_until = $2
        FROM due
        WHERE d.org_id = due.org_id AND d.delivery_id = due.delivery_id
            AND d.state = 'queued' AND (d.leased_until IS NULL OR d.leased_until <= $1)
        RETURNING d.org_id, d.delivery_id, d.webhook_id, d.event_id, due.url, d.payload, d.attempts, d.leased_until";
    work_for_all(conn)?;
    // One instance counts and takes at a time, or two would each fill what is free.
    diesel::sql_query("SELECT pg_advisory_xact_lock(hashtextextended('claim webhook deliveries', 0))").execute(conn)?;
    let until = now.checked_add(portion.lease).map_err(Fault::internal)?;
    Ok(diesel::sql_query(STATEMENT)
        .bind::<Timestamptz, _>(now.to_diesel())
        .bind::<Timestamptz, _>(until.to_diesel())
        .bind::<BigInt, _>(portion.most)
        .bind::<BigInt, _>(portion.each)
        .load(conn)?)
}

/// What is sent for a leased delivery, signed with every secret that signs now.
pub fn message(
    conn: &mut PgConnection,
    leased: &Leased,
    sealing: &SealingKey,
    now: Timestamp,
) -> Result<Message, Fault> {
    let secrets = secrets::of_webhook(conn, leased.org_id, leased.webhook_id, sealing, now)?;
    let secrets: Vec<_> = secrets.into_iter().map(|(secret, _)| secret).collect();
    // Removed in the meantime: nothing leaves unsigned.
    if secrets.is_empty() {
        return Err(Fault::NotFound);
    }
    Ok(Message::signed(&leased.url, leased.event_id, &leased.payload, &secrets, now))
}

/// What has become of a webhook by an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// Nothing of note.
    Unchanged,
    /// It is to be switched off, for this reason.
    Off(&'static str),
}

/// How a webhook is when the outcome of an attempt is noted.
#[derive(Queryable, Selectable)]
#[diesel(table_name = webhooks, check_for_backend(diesel::pg::Pg))]
struct Known {
    url: String,
    enabled: bool,
    #[diesel(deserialize_as = NullableTimestamp)]
    failing_since: Option<Timestamp>,
    #[diesel(deserialize_as = NullableTimestamp)]
    last_failed_at: Option<Timestamp>,
    failures: i32,
}

impl Known {
    fn run(&self) -> Option<Run> {
        Some(Run { since: self.failing_since?, last: self.last_failed_at?, failures: self.failures })
    }
}

/// Notes what became of an attempt, unless the lease ran out and somebody else has it now. `off_after` is how long a
/// webhook may fail. What another address answered than the webhook has by now says nothing about it: unless it took the
/// event, that goes to the new address as if it were new.
pub fn finish(
    conn: &mut PgConnection,
    tenant: &Tenant,
    leased: &Leased,
    exchange: &Exchange,
    verdict: Verdict,
    off_after: SignedDuration,
    now: Timestamp,
) -> Result<After, Fault> {
    let webhook = (tenant.org_id(), leased.webhook_id);
    let found: Option<Known> =
        webhooks::table.find(webhook).select(Known::as_select()).for_no_key_update().first(conn).optional()?;
    // Removed in the meantime, and the delivery with it.
    let Some(known) = found else { return Ok(After::Unchanged) };
    let moved = known.url != leased.url;
    let (state, again, attempts) = match verdict {
        Verdict::Delivered => ("delivered", None, leased.attempts),
        Verdict::Failed { .. } | Verdict::Gone if moved && known.enabled => ("queued", None, 0),
        Verdict::Failed { again: Some(wait), .. } if known.enabled => ("queued", Some(wait), leased.attempts),
        Verdict::Failed { .. } | Verdict::Gone => ("dead", None, leased.attempts),
    };
    let next = again.map_or(Ok(now), |wait| now.checked_add(wait)).map_err(Fault::internal)?;
    let mine = table::table
        .find((tenant.org_id(), leased.delivery_id))
        .filter(table::state.eq("queued"))
        .filter(table::leased_until.eq(Some(leased.leased_until.to_diesel())));
    let noted = diesel::update(mine)
        .set((
            table::state.eq(state),
            table::attempts.eq(attempts),
            table::next_attempt_at.eq(next.to_diesel()),
            table::leased_until.eq(None::<jiff_diesel::Timestamp>),
            table::attempted_at.eq(Some(exchange.request.at.to_diesel())),
            table::request.eq(Some(serde_json::to_value(&exchange.request).map_err(Fault::internal)?)),
            table::answer.eq(exchange
                .answer
                .as_ref()
                .map(serde_json::to_value)
                .transpose()
                .map_err(Fault::internal)?),
            table::last_error.eq(exchange.error.as_ref()),
            table::finished_at.eq((state != "queued").then(|| now.to_diesel())),
        ))
        .execute(conn)?;
    if noted == 0 || !known.enabled || moved {
        return Ok(After::Unchanged);
    }
    match verdict {
        Verdict::Delivered => {
            if known.failing_since.is_some() {
                let well = (
                    webhooks::failing_since.eq(None::<jiff_diesel::Timestamp>),
                    webhooks::last_failed_at.eq(None::<jiff_diesel::Timestamp>),
                    webhooks::failures.eq(0),
                    webhooks::paused_until.eq(None::<jiff_diesel::Timestamp>),
                );
                diesel::update(webhooks::table.find(webhook)).set(well).execute(conn)?;
            }
            Ok(After::Unchanged)
        }
        Verdict::Gone => Ok(After::Off("gone")),
        Verdict::Failed { pause, .. } => {
            let run = Run::with(known.run(), now);
            let until = pause.map(|pause| now.checked_add(pause)).transpose().map_err(Fault::internal)?;
            diesel::update(webhooks::table.find(webhook))
                .set((
                    webhooks::failing_since.eq(Some(run.since.to_diesel())),
                    webhooks::last_failed_at.eq(Some(run.last.to_diesel())),
                    webhooks::failures.eq(run.failures),
                ))
                .execute(conn)?;
            if let Some(until) = until {
                diesel::update(webhooks::table.find(webhook))
                    .set(webhooks::paused_until.eq(Some(until.to_diesel())))
                    .execute(conn)?;
            }
            Ok(if run.is_enough(off_after) { After::Off("failing") } else { After::Unchanged })
        }
    }
}

/// Switches a webhook off and answers its address, which the notice names.
pub fn switch_off(
    conn: &mut PgConnection,
    tenant: &Tenant,
    webhook_id: WebhookId,
    reason: &str,
    now: Timestamp,
) -> Result<rollcall_notification_api::webhooks::Webhook, Fault> {
    store::switch_off(conn, tenant, webhook_id, reason, now)?;
    store::find(conn, tenant, webhook_id)
}

/// Gives back what was leased and not brought to an end: the attempt does not count. It is due again as it was, or
/// `later`.
pub fn give_back(
    conn: &mut PgConnection,
    tenant: &Tenant,
    leased: &Leased,
    later: Option<Timestamp>,
) -> Result<(), Fault> {
    let mine = table::table
        .find((tenant.org_id(), leased.delivery_id))
        .filter(table::leased_until.eq(Some(leased.leased_until.to_diesel())));
    diesel::update(mine)
        .set((
            table::leased_until.eq(None::<jiff_diesel::Timestamp>),
            table::attempts.eq(table::attempts - 1),
            later.map(|later| table::next_attempt_at.eq(later.to_diesel())),
        ))
        .execute(conn)?;
    Ok(())
}

/// The worker serves every organisation; row-level security lets it, until the transaction ends.
pub fn work_for_all(conn: &mut PgConnection) -> QueryResult<()> {
    diesel::sql_query("SELECT set_config('app.task', 'webhooks', true)").execute(conn).map(drop)
}
