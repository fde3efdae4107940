//! What runs beside requests, and the signal that ends it.

use futures_util::FutureExt as _;
use std::collections::HashMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

/// Tells the parts of a service that it is about to stop. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Drain(CancellationToken);

impl Drain {
    /// Whether the service is about to stop.
    pub fn is_draining(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Waits until it is.
    pub async fn started(&self) {
        self.0.cancelled().await;
    }

    pub(crate) fn start(&self) {
        self.0.cancel();
    }
}

/// The background tasks of a service.
pub struct Tasks {
    drain: Drain,
    running: JoinSet<()>,
    names: HashMap<Id, &'static str>,
}

impl Tasks {
    pub(crate) fn new(drain: Drain) -> Self {
        Self { drain, running: JoinSet::new(), names: HashMap::new() }
    }

    /// Runs `work` until it ends or the service drains; then it is dropped at its next `await`. A transaction that
    /// runs at that moment still ends as it would have. For work that nothing is lost by cutting.
    pub fn spawn(&mut self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        self.spawn_until_drained(name, |drain| async move {
            tokio::select! {
                () = drain.started() => {}
                () = work => {}
            }
        });
    }

    /// Runs `work`, which returns by itself soon after the service drains: at the next point where nothing is half
    /// done. The stop waits for it, so "soon" is within `server.shutdown_seconds`.
    pub fn spawn_until_drained<F>(&mut self, name: &'static str, work: impl FnOnce(Drain) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let drain = self.drain.clone();
        let work = AssertUnwindSafe(work(self.drain.clone())).catch_unwind();
        let started = self.running.spawn(async move {
            let ended = work.await;
            if ended.is_err() || !drain.is_draining() {
                tracing::error!(
                    task = name,
                    panicked = ended.is_err(),
                    "a background task has ended; the service needs a restart"
                );
            }
        });
        self.names.insert(started.id(), name);
    }

    /// Waits for all of them, no longer than `until`. Answers those that had not ended then; they are dropped.
    pub(crate) async fn join(mut self, until: Instant) -> Vec<&'static str> {
        while let Ok(Some(ended)) = timeout_at(until, self.running.join_next_with_id()).await {
            let id = match ended {
                Ok((id, ())) => id,
                Err(error) => {
                    tracing::error!(%error, "a background task failed");
                    error.id()
                }
            };
            self.names.remove(&id);
        }
        let mut left: Vec<_> = self.names.into_values().collect();
        left.sort_unstable();
        left
    }
}
