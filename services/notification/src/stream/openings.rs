//! Streams that are about to open. When an instance is released all its clients come back within a second or two;
//! with a transaction for each, most would wait for a connection until they are refused. So whoever comes while one
//! query runs is answered by the next, however many they are.

use super::store::{self, Standing};
use rollcall_common::auth::Caller;
use rollcall_common::context;
use rollcall_common::db::{Database, Unscoped};
use rollcall_common::fault::Fault;
use rollcall_common::problem::chain;
use rollcall_ids::UserId;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, oneshot};

/// Openings answered by one query.
const AT_A_TIME: usize = 1_000;
/// Openings that wait at most; the next is refused and comes back.
const MOST: usize = 20_000;
/// How long an opening waits that has no deadline of its own.
const LONGEST: Duration = Duration::from_secs(5);

/// Openings that wait to be told where their log stands.
#[derive(Default)]
pub struct Openings {
    waiting: Mutex<Vec<(UserId, oneshot::Sender<Standing>)>>,
    wake: Notify,
}

impl Openings {
    /// Where the caller's log stands; it is begun if they had none.
    pub async fn standing(&self, caller: &Caller) -> Result<Standing, Fault> {
        let (answer, answered) = oneshot::channel();
        {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            if waiting.len() >= MOST {
                return Err(Fault::unavailable("stream", anyhow::anyhow!("too many streams are about to open")));
            }
            waiting.push((caller.user_id, answer));
        }
        self.wake.notify_one();
        let wait = context::time_left().map_or(LONGEST, |left| left.min(LONGEST));
        match tokio::time::timeout(wait, answered).await {
            Ok(Ok(standing)) => Ok(standing),
            Ok(Err(_)) => Err(Fault::unavailable("stream", anyhow::anyhow!("nobody can say where the log stands"))),
            Err(_) => Err(Fault::DeadlineExceeded),
        }
    }

    /// Answers whoever waits, for ever. Those whose query fails are refused and come back.
    pub async fn serve(&self, db: &Database) {
        loop {
            self.wake.notified().await;
            while let batch = self.take()
                && !batch.is_empty()
            {
                let users: Vec<UserId> = batch.iter().map(|(user, _)| *user).collect();
                match db.transaction(Unscoped, move |conn| Ok(store::standings_or_begun(conn, &users)?)).await {
                    Ok(standings) => answer(batch, &standings),
                    Err::<_, Fault>(fault) => tracing::warn!(error = chain(&fault), "streams cannot open"),
                }
            }
        }
    }

    fn take(&self) -> Vec<(UserId, oneshot::Sender<Standing>)> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        // Who has given up needs no answer.
        waiting.retain(|(_, answer)| !answer.is_closed());
        let most = waiting.len().min(AT_A_TIME);
        waiting.drain(..most).collect()
    }
}

fn answer(batch: Vec<(UserId, oneshot::Sender<Standing>)>, standings: &[Standing]) {
    let of: HashMap<UserId, Standing> = standings.iter().map(|standing| (standing.user_id, *standing)).collect();
    for (user, answer) in batch {
        if let Some(standing) = of.get(&user) {
            // Who has gone in the meantime misses nothing.
            let _ = answer.send(*standing);
        }
    }
}
