//! Makes punches durable: they are in the database, with what others are told of them, before it answers.
//!
//! At nine everybody comes at once, and one transaction a punch would make the disk the bottleneck. So there is one
//! task that writes. It takes whatever waits, at most [`ROWS`], commits it as one statement, and answers each caller
//! after that; what comes meanwhile is the next batch. It never waits for more to come: alone, a punch costs what it
//! would cost without all this. Two tasks were measured, and are slower: they wait for each other's commit.
//!
//! It has a lane of its own to the database. Among everybody else it would stand in line behind whoever reads months of
//! a unit, and a wait that ends in a refusal refuses the whole batch.
//!
//! The queue is bounded, and that is the back-pressure: when it is full, whoever comes is told at once to come again.

use crate::punches::allowance::{Allowances, counted};
use crate::punches::commit::{Written, commit, repeated};
use crate::punches::decide::{Decided, Key};
use crate::punches::store;
use diesel::pg::PgConnection;
use diesel::result::Error as DieselError;
use rollcall_common::context;
use rollcall_common::db::{Database, Scope};
use rollcall_common::events::Outbox;
use rollcall_common::fault::Fault;
use rollcall_common::problem::chain;
use rollcall_common::server::Core;
use rollcall_common::tenant::Tenant;
use rollcall_ids::EmployeeId;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// Punches of one statement at most: more gain nothing, and keep the first of them waiting.
const ROWS: usize = 256;

/// A punch on its way, with the proof that it may be written.
struct Item {
    tenant: Tenant,
    decided: Decided,
}

/// A punch and whoever waits for it.
struct Waiting {
    item: Arc<Item>,
    /// When the caller stops waiting.
    deadline: Option<Instant>,
    answer: oneshot::Sender<Result<Written, Fault>>,
}

impl Waiting {
    /// Whether nobody is there any more to be told: then it is not begun, and the caller's repetition writes it.
    fn is_given_up(&self, now: Instant) -> bool {
        self.answer.is_closed() || self.deadline.is_some_and(|deadline| deadline <= now)
    }
}

/// Writes punches.
pub(crate) struct Writer {
    /// What was written is read with everybody else: such a reading holds up no punch.
    db: Database,
    queue: mpsc::Sender<Waiting>,
}

impl Writer {
    /// A writer through `lane`, with room for `room` waiting punches. Its task ends with it: not earlier, because whoever
    /// is served while the service drains is answered too.
    pub(crate) fn start(core: &Core, lane: Database, room: usize, allowances: Arc<Allowances>) -> Self {
        let (queue, waiting) = mpsc::channel(room);
        tokio::spawn(write_all(lane, core.outbox.clone(), allowances, waiting));
        Self { db: core.db.clone(), queue }
    }

    /// Writes punches, which may share their statement with those of others. Each that is answered with success is
    /// durable, or was before; all are refused when there is no room for all.
    pub(crate) async fn write(&self, tenant: &Tenant, punches: Vec<Decided>) -> Result<Vec<Written>, Fault> {
        if punches.is_empty() {
            return Ok(Vec::new());
        }
        let deadline = context::time_left().map(|left| Instant::now() + left);
        let room = self.queue.try_reserve_many(punches.len()).map_err(|full| Fault::unavailable("writer", full))?;
        let enqueue = |(place, decided): (mpsc::Permit<'_, Waiting>, Decided)| {
            let (answer, answered) = oneshot::channel();
            place.send(Waiting { item: Arc::new(Item { tenant: *tenant, decided }), deadline, answer });
            answered
        };
        let answers: Vec<_> = room.zip(punches).map(enqueue).collect();
        let mut written = Vec::with_capacity(answers.len());
        for answer in answers {
            // Without an answer it was dropped: given up, because its time was over.
            written.push(answer.await.unwrap_or(Err(Fault::DeadlineExceeded))?);
        }
        Ok(written)
    }

    /// Punches that wait to be written.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    /// The punches that were stored under these keys, as repetitions would be answered; none: there is none.
    pub(crate) async fn written(
        &self,
        tenant: &Tenant,
        keys: Vec<(EmployeeId, Key)>,
    ) -> Result<Vec<Option<Written>>, Fault> {
        let of = *tenant;
        let load = move |conn: &mut PgConnection| {
            let wanted: Vec<_> = keys.iter().map(|(employee_id, key)| (&of, *employee_id, key)).collect();
            let found = store::by_keys(conn, &wanted)?;
            Ok(wanted.into_iter().map(|(of, employee_id, key)| repeated(&found, of, employee_id, key)).collect())
        };
        self.db.transaction(tenant, load).await
    }
}

/// The task: batch after batch, until the writer is gone.
async fn write_all(db: Database, outbox: Outbox, allowances: Arc<Allowances>, mut queue: mpsc::Receiver<Waiting>) {
    let mut taken = Vec::with_capacity(ROWS);
    while queue.recv_many(&mut taken, ROWS).await > 0 {
        let now = Instant::now();
        let batch: Vec<Waiting> = taken.drain(..).filter(|waiting| !waiting.is_given_up(now)).collect();
        metrics::histogram!("attendance_punch_batch_rows").record(u32::try_from(batch.len()).unwrap_or(u32::MAX));
        write(&db, &outbox, &allowances, batch).await;
    }
}

/// Writes a batch and answers everybody in it. Should the database refuse it for what is in it, it is halved until
/// the row that is to blame stands alone: its neighbours are not.
async fn write(db: &Database, outbox: &Outbox, allowances: &Allowances, batch: Vec<Waiting>) {
    let mut parts = vec![batch];
    while let Some(mut part) = parts.pop() {
        if part.is_empty() {
            continue;
        }
        let items: Vec<Arc<Item>> = part.iter().map(|waiting| Arc::clone(&waiting.item)).collect();
        let (outbox, proof) = (outbox.clone(), Scope::of_all(items.iter().map(|item| &item.tenant)));
        let work = move |conn: &mut PgConnection| {
            let punches: Vec<_> = items.iter().map(|item| (item.tenant, &item.decided)).collect();
            commit(conn, &outbox, &punches)
        };
        match db.transaction(proof, work).await {
            // Somebody who is gone by now repeats it with their key, and is told that it is there.
            Ok(written) => part.into_iter().zip(written).for_each(|(waiting, written)| {
                if let Written::Created(punch) = &written
                    && waiting.item.decided.counts
                {
                    allowances.stored(counted(punch), punch.received_at);
                }
                let _ = waiting.answer.send(Ok(written));
            }),
            Err(Fault::Internal(_)) if part.len() > 1 => {
                let later = part.split_off(part.len() / 2);
                parts.extend([later, part]);
            }
            Err(fault) => part.into_iter().for_each(|waiting| {
                let _ = waiting.answer.send(Err(likewise(&fault)));
            }),
        }
    }
}

/// The same refusal for each of those whom it meets.
pub(super) fn likewise(fault: &Fault) -> Fault {
    match fault {
        Fault::Unavailable { what, retry_after, .. } => {
            let source = Some(anyhow::anyhow!("{}", chain(fault)));
            Fault::Unavailable { what, retry_after: *retry_after, source }
        }
        // Not a defect: each of them sends it again with their key, and is told whether it was stored.
        Fault::OutcomeUnknown(_) => Fault::OutcomeUnknown(DieselError::QueryBuilderError(chain(fault).into())),
        other => Fault::internal(anyhow::anyhow!("{}", chain(other))),
    }
}
