//! What runs beside requests, and the signal that ends it.

use futures_util::FutureExt as _;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use tokio::task::JoinSet;
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
}

impl Tasks {
    pub(crate) fn new(drain: Drain) -> Self {
        Self { drain, running: JoinSet::new() }
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
        self.running.spawn(async move {
            let ended = work.await;
            if ended.is_err() || !drain.is_draining() {
                tracing::error!(
                    task = name,
                    panicked = ended.is_err(),
                    "a background task has ended; the service needs a restart"
                );
            }
        });
    }

    pub(crate) async fn join(mut self) {
        while let Some(ended) = self.running.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a background task failed");
            }
        }
    }
}
