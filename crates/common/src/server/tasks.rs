//! What runs beside requests, and the signal that ends it.

use std::future::Future;
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
    /// runs at that moment still ends as it would have.
    pub fn spawn(&mut self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        let drain = self.drain.clone();
        self.running.spawn(async move {
            tokio::select! {
                () = drain.started() => {}
                () = work => tracing::error!(task = name, "a background task ended by itself"),
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
