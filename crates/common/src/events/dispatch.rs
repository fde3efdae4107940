//! Sending events: a loop per subscriber claims a batch under a lease, sends it with no transaction open, and notes
//! what became of each.
//!
//! Two kinds of failure are kept apart. A subscriber that is away fails a whole batch: nothing is wrong with the
//! events, so the loop itself waits, with a back-off that is short enough to be back seconds after the subscriber
//! is. An event that the subscriber cannot apply fails alone: it gets a back-off of its own and does not hold up
//! the others; after refusals for three days it is dead, and stays until somebody looks at it. A batch that is
//! refused as a whole is sent again in halves, until what is wrong with it stands alone.

use super::{BATCH_TYPE, CloudEvent, INTAKE_PATH, IntakeVerdict, IntakeVerdicts};
use crate::client::{CallError, Peer};
use crate::db::Unscoped;
use crate::fault::Fault;
use crate::schema::{outbox, outbox_deliveries as deliveries};
use crate::secret::full_jitter;
use crate::server::Core;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text, Timestamptz, Uuid as SqlUuid};
use jiff::{SignedDuration, Timestamp};
use jiff_diesel::ToDiesel as _;
use rollcall_ids::{EventId, OrgId};
use std::collections::HashMap;
use std::time::Duration;

/// How long a claimed batch is ours: longer than sending it may take, and no longer than that needs, because what a
/// crash leaves claimed waits so long.
const LEASE: SignedDuration = SignedDuration::from_secs(8);
/// How long sending a batch may take.
const SEND: Duration = Duration::from_secs(5);
/// The wait after a subscriber was found away: doubles from the first to the second.
const AWAY: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(3));
/// The wait of one event that could not be applied: doubles from the first to the second.
const REFUSED: (SignedDuration, SignedDuration) = (SignedDuration::from_secs(5), SignedDuration::from_hours(1));
/// An event is given up after so many refusals: with the waits above, three days' worth. Time alone does not count:
/// a subscriber that was away for four days and fails once after its return has not refused anything for long.
const MOST_REFUSALS: i32 = 80;

/// What became of a batch.
enum Sent {
    /// Each event has its verdict.
    Judged(usize),
    /// The subscriber refused it as a whole: too large, or one of it cannot be decoded there.
    Refused,
}

/// Sends events to one subscriber until the service drains; the batch in hand is finished first.
pub(crate) async fn dispatch(core: Core, subscriber: String, peer: Peer) {
    let poll = Duration::from_millis(core.base.events.poll_ms);
    let most = i64::from(core.base.events.batch_size);
    let mut written = core.db.emitted();
    let mut size = most;
    let mut failures = 0_u32;
    while !core.drain.is_draining() {
        match send_batch(&core, &subscriber, &peer, size).await {
            // What is refused together may be taken apart, and what is wrong with it found.
            Ok(Sent::Refused) => size = (size / 2).max(1),
            Ok(Sent::Judged(sent)) => {
                failures = 0;
                let full = sent == usize::try_from(size).unwrap_or(usize::MAX);
                size = (size * 2).min(most);
                if !full {
                    tokio::select! {
                        _ = written.changed() => {}
                        () = tokio::time::sleep(poll) => {}
                        () = core.drain.started() => {}
                    }
                }
            }
            Err(error) => {
                let most = AWAY.0.saturating_mul(1 << failures.min(10)).min(AWAY.1);
                failures += 1;
                tracing::warn!(
                    subscriber,
                    failures,
                    error = crate::problem::chain(&error),
                    "events wait: the subscriber or the database is away"
                );
                // Half of it is certain, so that a crowd of loops is spread and none spins.
                tokio::select! {
                    () = tokio::time::sleep(most / 2 + full_jitter(most / 2)) => {}
                    () = core.drain.started() => {}
                }
            }
        }
    }
}

async fn send_batch(core: &Core, subscriber: &str, peer: &Peer, size: i64) -> Result<Sent, Fault> {
    let now = core.clock.now();
    let batch = {
        let subscriber = subscriber.to_owned();
        core.db.transaction(Unscoped, move |conn| claim(conn, &subscriber, size, now)).await?
    };
    if batch.is_empty() {
        return Ok(Sent::Judged(0));
    }
    let events: Vec<CloudEvent> = batch.iter().map(|claimed| claimed.event(core.name)).collect();
    let body = serde_json::to_vec(&events).map_err(Fault::internal)?;
    let answer = crate::context::within(SEND, peer.post_once::<IntakeVerdicts>(INTAKE_PATH, BATCH_TYPE, body)).await;
    let ids: Vec<EventId> = batch.iter().map(|claimed| claimed.event_id).collect();
    let subscriber = subscriber.to_owned();
    match answer {
        Ok(verdicts) => {
            let sent = batch.len();
            let verdicts: HashMap<EventId, IntakeVerdict> =
                verdicts.results.into_iter().map(|result| (result.id, result.verdict)).collect();
            core.db.transaction(Unscoped, move |conn| settle(conn, &subscriber, &batch, &verdicts, now)).await?;
            Ok(Sent::Judged(sent))
        }
        Err(CallError::Refused { code, .. }) if batch.len() == 1 => {
            let verdict = IntakeVerdict::Failed { code };
            let verdicts = ids.into_iter().map(|id| (id, verdict.clone())).collect();
            core.db.transaction(Unscoped, move |conn| settle(conn, &subscriber, &batch, &verdicts, now)).await?;
            Ok(Sent::Judged(1))
        }
        Err(error) => {
            core.db.transaction(Unscoped, move |conn| release(conn, &subscriber, &ids, now + LEASE)).await?;
            match error {
                CallError::Refused { .. } => Ok(Sent::Refused),
                away => Err(Fault::unavailable("subscriber", away)),
            }
        }
    }
}

#[derive(QueryableByName)]
struct Claimed {
    #[diesel(sql_type = SqlUuid)]
    event_id: EventId,
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
    fn event(&self, service: &str) -> CloudEvent {
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

/// Takes the oldest due deliveries. `SKIP LOCKED` and the lease let two instances work side by side.
fn claim(conn: &mut PgConnection, subscriber: &str, size: i64, now: Timestamp) -> Result<Vec<Claimed>, Fault> {
    let mut claimed: Vec<Claimed> = diesel::sql_query(
        "WITH due AS (
             SELECT subscriber, event_id FROM outbox_deliveries
             WHERE subscriber = $1 AND state = 'pending' AND next_attempt_at <= $2
               AND (leased_until IS NULL OR leased_until < $2)
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
    .load(conn)?;
    claimed.shrink_to_fit();
    Ok(claimed)
}

/// Removes what was taken, and gives what was not its next time.
fn settle(
    conn: &mut PgConnection,
    subscriber: &str,
    batch: &[Claimed],
    verdicts: &HashMap<EventId, IntakeVerdict>,
    now: Timestamp,
) -> Result<(), Fault> {
    let taken = |claimed: &&Claimed| {
        matches!(verdicts.get(&claimed.event_id), Some(IntakeVerdict::Applied | IntakeVerdict::Duplicate))
    };
    let done: Vec<EventId> = batch.iter().filter(taken).map(|claimed| claimed.event_id).collect();
    // Two subscribers often take an event at the same moment; without this lock each would see the other's delivery
    // still standing, and nobody would remove the event.
    outbox::table
        .filter(outbox::event_id.eq_any(&done))
        .order(outbox::event_id)
        .select(outbox::event_id)
        .for_update()
        .load::<EventId>(conn)?;
    diesel::delete(
        deliveries::table.filter(deliveries::subscriber.eq(subscriber)).filter(deliveries::event_id.eq_any(&done)),
    )
    .execute(conn)?;
    let left = deliveries::table.filter(deliveries::event_id.eq(outbox::event_id));
    diesel::delete(
        outbox::table.filter(outbox::event_id.eq_any(&done)).filter(diesel::dsl::not(diesel::dsl::exists(left))),
    )
    .execute(conn)?;
    for claimed in batch.iter().filter(|claimed| !taken(claimed)) {
        let reason = match verdicts.get(&claimed.event_id) {
            Some(IntakeVerdict::Failed { code }) => code.clone(),
            _ => "no_verdict".to_owned(),
        };
        let dead = claimed.attempts >= MOST_REFUSALS;
        let shift = u32::try_from(claimed.attempts.clamp(1, 12) - 1).unwrap_or(0);
        let wait = REFUSED.0.checked_mul(1 << shift).unwrap_or(REFUSED.1).min(REFUSED.1);
        tracing::warn!(
            subscriber, event_id = %claimed.event_id, kind = claimed.kind, attempts = claimed.attempts, reason, dead,
            "a subscriber could not apply an event"
        );
        let ours = deliveries::leased_until.eq((now + LEASE).to_diesel());
        diesel::update(deliveries::table.find((subscriber, claimed.event_id)).filter(ours))
            .set((
                deliveries::state.eq(if dead { "dead" } else { "pending" }),
                deliveries::next_attempt_at.eq((now + wait).to_diesel()),
                deliveries::leased_until.eq(None::<jiff_diesel::Timestamp>),
                deliveries::last_error.eq(reason),
            ))
            .execute(conn)?;
    }
    Ok(())
}

/// Gives a batch back that could not be sent. The attempt does not count: it says nothing of the events. What another
/// instance has claimed since, because the lease was over, stays with it.
fn release(conn: &mut PgConnection, subscriber: &str, ids: &[EventId], leased_until: Timestamp) -> Result<(), Fault> {
    diesel::update(
        deliveries::table
            .filter(deliveries::subscriber.eq(subscriber))
            .filter(deliveries::event_id.eq_any(ids))
            .filter(deliveries::leased_until.eq(leased_until.to_diesel())),
    )
    .set((
        deliveries::leased_until.eq(None::<jiff_diesel::Timestamp>),
        deliveries::attempts.eq(deliveries::attempts - 1),
    ))
    .execute(conn)?;
    Ok(())
}

/// Removes events that every subscriber has taken and that were left behind all the same; says how many.
pub(crate) async fn forget_taken(core: &Core) -> Result<usize, Fault> {
    let left = deliveries::table.filter(deliveries::event_id.eq(outbox::event_id));
    let taken = outbox::table.filter(diesel::dsl::not(diesel::dsl::exists(left)));
    core.db.transaction(Unscoped, move |conn| Ok(diesel::delete(taken).execute(conn)?)).await
}
