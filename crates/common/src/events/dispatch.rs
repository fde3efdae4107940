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
use super::pace::Pace;
use super::{BATCH_TYPE, CloudEvent, INTAKE_PATH, IntakeVerdict, IntakeVerdicts};
use crate::client::{CallError, Peer};
use crate::db::Unscoped;
use crate::fault::Fault;
use crate::secret::full_jitter;
use crate::server::Core;
use jiff::Timestamp;
use rollcall_ids::EventId;
use std::collections::HashMap;
use std::time::Duration;

/// How long sending a batch may take.
const SEND: Duration = Duration::from_secs(5);
/// How long a subscriber may take to say whether it is ready.
const ASK: Duration = Duration::from_secs(2);

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
    let mut written = core.db.emitted();
    let mut pace = Pace::new(i64::from(core.base.events.batch_size));
    while !core.drain.is_draining() {
        match send_batch(&core, &subscriber, &peer, &pace).await {
            Ok(Sent::Refused) => pace.refused(),
            Ok(Sent::Judged(sent)) => {
                let full = sent == usize::try_from(pace.size()).unwrap_or(usize::MAX);
                pace.judged();
                if !full {
                    tokio::select! {
                        _ = written.changed() => {}
                        () = tokio::time::sleep(poll) => {}
                        () = core.drain.started() => {}
                    }
                }
            }
            Err(error) => {
                let most = pace.failed();
                tracing::warn!(
                    subscriber,
                    failures = pace.failures(),
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

async fn send_batch(core: &Core, subscriber: &str, peer: &Peer, pace: &Pace) -> Result<Sent, Fault> {
    let (now, size) = (core.clock.now(), pace.size());
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
    match answer {
        Ok(verdicts) => {
            let verdicts = verdicts.results.into_iter().map(|result| (result.id, result.verdict)).collect();
            note(core, subscriber, batch, verdicts, now).await
        }
        Err(CallError::Refused { code, .. }) if batch.len() == 1 => {
            let verdicts =
                batch.iter().map(|one| (one.event_id, IntakeVerdict::Failed { code: code.clone() })).collect();
            note(core, subscriber, batch, verdicts, now).await
        }
        Err(error) => {
            let refused = matches!(error, CallError::Refused { .. });
            if !refused && batch.len() == 1 && pace.suspects() && is_ready(peer).await {
                let verdict = IntakeVerdict::Failed { code: "no_answer".to_owned() };
                let verdicts = batch.iter().map(|one| (one.event_id, verdict.clone())).collect();
                return note(core, subscriber, batch, verdicts, now).await;
            }
            let subscriber = subscriber.to_owned();
            let ids: Vec<EventId> = batch.iter().map(|claimed| claimed.event_id).collect();
            core.db.transaction(Unscoped, move |conn| release(conn, &subscriber, &ids, now + LEASE)).await?;
            if refused { Ok(Sent::Refused) } else { Err(Fault::unavailable("subscriber", error)) }
        }
    }
}

async fn note(
    core: &Core,
    subscriber: &str,
    batch: Vec<Claimed>,
    verdicts: HashMap<EventId, IntakeVerdict>,
    now: Timestamp,
) -> Result<Sent, Fault> {
    let (sent, subscriber) = (batch.len(), subscriber.to_owned());
    core.db.transaction(Unscoped, move |conn| settle(conn, &subscriber, &batch, &verdicts, now)).await?;
    Ok(Sent::Judged(sent))
}

/// Whether the subscriber serves and has its database.
async fn is_ready(peer: &Peer) -> bool {
    crate::context::within(ASK, peer.is_ready()).await
}
