//! Sending events: a loop per subscriber claims a batch under a lease, sends it with no transaction open, and notes
//! what became of each.
//!
//! Two kinds of failure are kept apart. A subscriber that is away fails a whole batch: nothing is wrong with the
//! events, so the loop itself waits, with a back-off that is short enough to be back seconds after the subscriber
//! is. An event that the subscriber cannot apply fails alone: it gets a back-off of its own and does not hold up
//! the others; after refusals for three days it is dead, and stays until somebody looks at it
//! (`rollcall-<service> events`). A batch that is refused as a whole, or fails again and again, is sent in halves until
//! what is wrong with it stands alone. Whether that one is to blame, or the subscriber is away after all, the
//! subscriber's own readiness says.
//!
//! Several instances share the work: what one has claimed the others pass over, and what one that died had claimed is
//! claimed again when its lease is over. So an event may come twice, and out of order; the consumer notes ids, and
//! drops what is older than what it has by the version of the aggregate.

use super::deliveries::{Claimed, LEASE, claim, release, settle};
use super::pace::{Failure, Pace};
use super::{BATCH_TYPE, CloudEvent, INTAKE_PATH, IntakeVerdict, IntakeVerdicts};
use crate::client::{CallError, Peer, is_overload};
use crate::db::Unscoped;
use crate::fault::Fault;
use crate::secret::full_jitter;
use crate::server::Core;
use diesel::pg::PgConnection;
use jiff::Timestamp;
use rollcall_ids::EventId;
use std::collections::HashMap;
use std::time::Duration;

/// How long sending a batch may take.
const SEND: Duration = Duration::from_secs(5);
/// How long a subscriber may take to say whether it is ready.
const ASK: Duration = Duration::from_secs(2);
/// Between a batch that was refused as a whole and its half.
const BREATH: Duration = Duration::from_millis(50);

/// Events that are ours to send, and since when.
struct Batch {
    events: Vec<Claimed>,
    since: Timestamp,
}

/// What became of a batch.
enum Sent {
    /// Each event has its verdict; these are next. None are, when there was nothing to send.
    Judged(Batch),
    /// The subscriber refused it as a whole: too large, or one of it cannot be decoded there.
    Refused,
    /// It was not taken.
    Away(Failure, CallError),
}

/// Sends events to one subscriber until the service drains; the batch in hand is finished first.
pub(crate) async fn dispatch(core: Core, subscriber: String, peer: Peer) {
    let poll = Duration::from_millis(core.base.events.poll_ms);
    let mut written = core.db.emitted();
    let mut pace = Pace::new(i64::from(core.base.events.batch_size));
    let mut in_hand = None;
    while in_hand.is_some() || !core.drain.is_draining() {
        match send_batch(&core, &subscriber, &peer, &mut pace, in_hand.take()).await {
            Ok(Sent::Refused) => {
                pace.refused();
                tokio::time::sleep(BREATH).await;
            }
            Ok(Sent::Judged(next)) if next.events.is_empty() => {
                tokio::select! {
                    _ = written.changed() => {}
                    () = tokio::time::sleep(poll) => {}
                    () = core.drain.started() => {}
                }
            }
            Ok(Sent::Judged(next)) => in_hand = Some(next),
            Ok(Sent::Away(how, error)) => {
                let most = pace.failed(how);
                let (failures, error) = (pace.failures(), crate::problem::chain(&error));
                tracing::warn!(subscriber, failures, error, "events wait: the subscriber does not take them");
                wait(&core, most).await;
            }
            Err(error) => {
                let most = pace.failed(Failure::Ours);
                let (failures, error) = (pace.failures(), crate::problem::chain(&error));
                tracing::warn!(subscriber, failures, error, "events wait: the database is away");
                wait(&core, most).await;
            }
        }
    }
}

/// Half of it is certain, so that a crowd of loops is spread and none spins.
async fn wait(core: &Core, most: Duration) {
    tokio::select! {
        () = tokio::time::sleep(most / 2 + full_jitter(most / 2)) => {}
        () = core.drain.started() => {}
    }
}

/// Whether an answer is about what was sent. Any other refusal is about who we are, or who the subscriber is now: a
/// clock that has jumped, a key that was exchanged, a release that has no such path.
fn is_about_the_batch(error: &CallError) -> bool {
    matches!(error, CallError::Refused { status, .. } if matches!(status.as_u16(), 400 | 413 | 415 | 422))
}

/// How a batch failed that was neither judged nor refused.
fn failure(error: &CallError) -> Failure {
    match error {
        CallError::Unavailable { status: None, .. } => Failure::Silent,
        CallError::Unavailable { status: Some(status), .. } if !is_overload(*status) => Failure::Silent,
        _ => Failure::NotNow,
    }
}

/// Sends what is in hand, or the next that is due.
async fn send_batch(
    core: &Core,
    subscriber: &str,
    peer: &Peer,
    pace: &mut Pace,
    in_hand: Option<Batch>,
) -> Result<Sent, Fault> {
    let batch = if let Some(batch) = in_hand {
        batch
    } else {
        let (subscriber, size, since) = (subscriber.to_owned(), pace.size(), core.clock.now());
        let events = core.db.transaction(Unscoped, move |conn| claim(conn, &subscriber, size, since)).await?;
        Batch { events, since }
    };
    if batch.events.is_empty() {
        pace.judged();
        return Ok(Sent::Judged(batch));
    }
    let events: Vec<CloudEvent> = batch.events.iter().map(|claimed| claimed.event(core.name)).collect();
    let body = serde_json::to_vec(&events).map_err(Fault::internal)?;
    let answer = crate::context::within(SEND, peer.post_once::<IntakeVerdicts>(INTAKE_PATH, BATCH_TYPE, body)).await;
    match answer {
        Ok(verdicts) => {
            let verdicts = verdicts.results.into_iter().map(|result| (result.id, result.verdict)).collect();
            note(core, subscriber, batch, verdicts, pace).await
        }
        Err(error) => {
            let (about, how) = (is_about_the_batch(&error), failure(&error));
            let blamed = match &error {
                _ if batch.events.len() > 1 => None,
                CallError::Refused { code, .. } if about => Some(code.clone()),
                _ if how == Failure::Silent && pace.suspects() && is_ready(peer).await => Some("no_answer".to_owned()),
                _ => None,
            };
            if let Some(code) = blamed {
                let failed = |one: &Claimed| (one.event_id, IntakeVerdict::Failed { code: code.clone() });
                let verdicts = batch.events.iter().map(failed).collect();
                return note(core, subscriber, batch, verdicts, pace).await;
            }
            let subscriber = subscriber.to_owned();
            let ids: Vec<EventId> = batch.events.iter().map(|claimed| claimed.event_id).collect();
            let leased_until = batch.since + LEASE;
            core.db.transaction(Unscoped, move |conn| release(conn, &subscriber, &ids, leased_until)).await?;
            Ok(if about { Sent::Refused } else { Sent::Away(how, error) })
        }
    }
}

/// Notes the verdicts, and claims what is next in the same transaction unless the service drains.
async fn note(
    core: &Core,
    subscriber: &str,
    batch: Batch,
    verdicts: HashMap<EventId, IntakeVerdict>,
    pace: &mut Pace,
) -> Result<Sent, Fault> {
    let (mut next, since) = (*pace, core.clock.now());
    next.judged();
    let size = if core.drain.is_draining() { 0 } else { next.size() };
    let (subscriber, secret) = (subscriber.to_owned(), core.outbox.secret_kinds());
    let work = move |conn: &mut PgConnection| {
        settle(conn, (&subscriber, &secret), &batch.events, &verdicts, batch.since)?;
        claim(conn, &subscriber, size, since)
    };
    let events = core.db.transaction(Unscoped, work).await?;
    *pace = next;
    Ok(Sent::Judged(Batch { events, since }))
}

/// Whether the subscriber serves and has its database.
async fn is_ready(peer: &Peer) -> bool {
    crate::context::within(ASK, peer.is_ready()).await
}
