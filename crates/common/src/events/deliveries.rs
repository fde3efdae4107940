//! What is to be sent to whom, as the database knows it: claimed under a lease, then taken, refused or given back.

use super::letters::forget_secrets;
use super::{CloudEvent, IntakeVerdict};
use crate::fault::Fault;
use crate::schema::outbox_deliveries as deliveries;
use crate::secret::full_jitter;
use diesel::connection::SimpleConnection as _;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text, Timestamptz, Uuid as SqlUuid};
use jiff::{SignedDuration, Timestamp};
use jiff_diesel::ToDiesel as _;
use rollcall_ids::{EventId, OrgId};
use std::collections::HashMap;
use std::time::Duration;

/// How long a claimed batch is ours: longer than sending it may take, and no longer than that needs, because what a
/// crash leaves claimed waits so long.
pub(super) const LEASE: SignedDuration = SignedDuration::from_secs(8);
/// The wait of one event that could not be applied: doubles from the first to the second. Half of it is certain, so
/// that it is not asked for all the time; the other half is chance, so that many do not come back together.
const REFUSED: (Duration, Duration) = (Duration::from_secs(5), Duration::from_hours(1));
/// An event is given up after so many refusals: with the waits above, three days' worth. Time alone does not count:
/// a subscriber that was away for four days and fails once after its return has not refused anything for long.
const MOST_REFUSALS: i32 = 104;

/// The deliveries to `$1` of the events `$2`, joined to `d`. Not `d.subscriber = $1 AND d.event_id = ANY ($2)`: of a table
/// that was empty when PostgreSQL last looked at it, it believes that a subscriber has one row of two hundred, and reads
/// all of them through the key's first column; with 30,000 that wait a batch took 30 ms instead of 3. What it
/// cannot take for a constant it looks up one by one.
const THESE: &str = "(SELECT $1 AS subscriber, unnest($2) AS event_id) AS these
     WHERE d.subscriber = these.subscriber AND d.event_id = these.event_id";

/// A delivery that is ours for a while, with its event.
#[derive(QueryableByName)]
pub(super) struct Claimed {
    #[diesel(sql_type = SqlUuid)]
    pub(super) event_id: EventId,
    #[diesel(sql_type = diesel::sql_types::Nullable<SqlUuid>)]
    org_id: Option<OrgId>,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Text)]
    subject: String,
    #[diesel(sql_type = diesel::sql_types::Nullable<BigInt>)]
    aggregate_version: Option<i64>,
    #[diesel(sql_type = diesel::sql_types::Jsonb)]
    data: serde_json::Value,
    #[diesel(sql_type = diesel::sql_types::Nullable<Text>)]
    traceparent: Option<String>,
    #[diesel(sql_type = Timestamptz)]
    occurred_at: jiff_diesel::Timestamp,
    #[diesel(sql_type = diesel::sql_types::Integer)]
    attempts: i32,
}

impl Claimed {
    pub(super) fn event(&self, service: &str) -> CloudEvent {
        CloudEvent {
            specversion: "1.0".to_owned(),
            id: self.event_id,
            source: format!("/rollcall/{service}"),
            kind: self.kind.clone(),
            subject: self.subject.clone(),
            time: self.occurred_at.to_jiff(),
            datacontenttype: "application/json".to_owned(),
            orgid: self.org_id,
            aggregateversion: self.aggregate_version,
            traceparent: self.traceparent.clone(),
            data: self.data.clone(),
        }
    }
}

/// Does not wait for the disk at the commit. A claim that is lost with the machine was never made, and what was taken is
/// sent once more: the consumer knows its id. Others see either at once all the same.
fn commit_lightly(conn: &mut PgConnection) -> Result<(), Fault> {
    Ok(conn.batch_execute("SET LOCAL synchronous_commit = off")?)
}

/// Takes the oldest due deliveries. `SKIP LOCKED` and the lease let two instances work side by side. What was written by a
/// clock that was ahead is not waited for: what was never tried is due, and so is a lease that is longer than any is.
pub(super) fn claim(
    conn: &mut PgConnection,
    subscriber: &str,
    size: i64,
    now: Timestamp,
) -> Result<Vec<Claimed>, Fault> {
    if size == 0 {
        return Ok(Vec::new());
    }
    commit_lightly(conn)?;
    let mut claimed: Vec<Claimed> = diesel::sql_query(
        "WITH due AS (
             SELECT subscriber, event_id FROM outbox_deliveries
             WHERE subscriber = $1 AND state = 'pending'
               AND (next_attempt_at <= $2 OR attempts = 0 OR next_attempt_at > $5)
               AND (leased_until IS NULL OR leased_until < $2 OR leased_until > $6)
             ORDER BY position LIMIT $3 FOR UPDATE SKIP LOCKED
         ), taken AS (
             UPDATE outbox_deliveries d SET leased_until = $4, attempts = attempts + 1
             FROM due WHERE d.subscriber = due.subscriber AND d.event_id = due.event_id
             RETURNING d.event_id, d.position, d.attempts
         )
         SELECT o.event_id, o.org_id, o.kind, o.subject, o.aggregate_version, o.data, o.traceparent, o.occurred_at,
                taken.attempts
         FROM taken JOIN outbox o USING (event_id) ORDER BY taken.position",
    )
    .bind::<Text, _>(subscriber)
    .bind::<Timestamptz, _>(now.to_diesel())
    .bind::<BigInt, _>(size)
    .bind::<Timestamptz, _>((now + LEASE).to_diesel())
    .bind::<Timestamptz, _>(later(now, REFUSED.1).to_diesel())
    // Clocks of two instances that work side by side are not that far apart.
    .bind::<Timestamptz, _>((now + LEASE * 2).to_diesel())
    .load(conn)?;
    claimed.shrink_to_fit();
    Ok(claimed)
}

/// Removes what was taken, and gives what was not its next time. The event itself stays, for `events.keep_days`: who
/// was put back to an older state is told again. One of the types `secret` goes with its last delivery.
pub(super) fn settle(
    conn: &mut PgConnection,
    (subscriber, secret): (&str, &[&str]),
    batch: &[Claimed],
    verdicts: &HashMap<EventId, IntakeVerdict>,
    now: Timestamp,
) -> Result<(), Fault> {
    commit_lightly(conn)?;
    let taken = |claimed: &&Claimed| {
        matches!(verdicts.get(&claimed.event_id), Some(IntakeVerdict::Applied | IntakeVerdict::Duplicate))
    };
    let done: Vec<EventId> = batch.iter().filter(taken).map(|claimed| claimed.event_id).collect();
    diesel::sql_query(format!("DELETE FROM outbox_deliveries d USING {THESE}"))
        .bind::<Text, _>(subscriber)
        .bind::<Array<SqlUuid>, _>(&done)
        .execute(conn)?;
    // Most batches hold none, and take no statement for it.
    if batch.iter().any(|claimed| taken(&claimed) && secret.contains(&claimed.kind.as_str())) {
        forget_secrets(conn, &done, secret)?;
    }
    for claimed in batch.iter().filter(|claimed| !taken(claimed)) {
        let reason = match verdicts.get(&claimed.event_id) {
            Some(IntakeVerdict::Failed { code }) => code.clone(),
            _ => "no_verdict".to_owned(),
        };
        let dead = claimed.attempts >= MOST_REFUSALS;
        let shift = u32::try_from(claimed.attempts.clamp(1, 12) - 1).unwrap_or(0);
        let most = REFUSED.0.saturating_mul(1 << shift).min(REFUSED.1);
        let wait = most / 2 + full_jitter(most / 2);
        tracing::warn!(
            subscriber, event_id = %claimed.event_id, kind = claimed.kind, attempts = claimed.attempts, reason, dead,
            "a subscriber could not apply an event"
        );
        let ours = deliveries::leased_until.eq((now + LEASE).to_diesel());
        diesel::update(deliveries::table.find((subscriber, claimed.event_id)).filter(ours))
            .set((
                deliveries::state.eq(if dead { "dead" } else { "pending" }),
                deliveries::next_attempt_at.eq(later(now, wait).to_diesel()),
                deliveries::leased_until.eq(None::<jiff_diesel::Timestamp>),
                deliveries::last_error.eq(reason),
            ))
            .execute(conn)?;
    }
    Ok(())
}

/// Gives a batch back that could not be sent. The attempt does not count: it says nothing of the events. What another
/// instance has claimed since, because the lease was over, stays with it.
pub(super) fn release(
    conn: &mut PgConnection,
    subscriber: &str,
    ids: &[EventId],
    leased_until: Timestamp,
) -> Result<(), Fault> {
    let sql = format!(
        "UPDATE outbox_deliveries d SET leased_until = NULL, attempts = attempts - 1 FROM {THESE} AND d.leased_until = $3"
    );
    diesel::sql_query(sql)
        .bind::<Text, _>(subscriber)
        .bind::<Array<SqlUuid>, _>(ids)
        .bind::<Timestamptz, _>(leased_until.to_diesel())
        .execute(conn)?;
    Ok(())
}

fn later(now: Timestamp, wait: Duration) -> Timestamp {
    SignedDuration::try_from(wait).map_or(now, |wait| now + wait)
}
