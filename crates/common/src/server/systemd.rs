//! What the service manager is told: that the service waits, is ready, lives, stops. Where none listens
//! (`NOTIFY_SOCKET` is not set) nothing is said.

use super::health::{self, Database};
use super::{Core, Service};
use sd_notify::NotifyState;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Between two looks at a database that is away.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How much longer the start may take after each of those looks; systemd's own limit is for a process that hangs.
const EXTENSION: NotifyState<'static> = NotifyState::ExtendTimeoutUsec(15_000_000);
/// Between two beats of a worker.
const BEAT: Duration = Duration::from_millis(200);

/// That the workers run. Each worker thread beats while it takes turns; one that is blocked does not. Neither the
/// database nor a peer has a part in it: a restart would mend neither.
#[derive(Clone, Debug)]
pub(super) struct Pulse {
    since: Instant,
    // A worker that ends, and its successor registers itself, takes its beat with it.
    workers: Arc<Mutex<Vec<Weak<AtomicU64>>>>,
}

impl Pulse {
    pub(super) fn new() -> Self {
        Self { since: Instant::now(), workers: Arc::default() }
    }

    /// Beats for the worker on whose thread this is called, as long as it lives.
    pub(super) fn beat_here(&self) {
        let last = Arc::new(AtomicU64::new(self.now()));
        self.workers.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&last));
        let pulse = self.clone();
        actix_web::rt::spawn(async move {
            loop {
                last.store(pulse.now(), Ordering::Relaxed);
                sleep(BEAT).await;
            }
        });
    }

    /// Whether there is a worker, and none that has not beaten for longer than `patience`.
    fn is_alive(&self, patience: Duration) -> bool {
        let oldest = self.now().saturating_sub(u64::try_from(patience.as_millis()).unwrap_or(u64::MAX));
        let mut workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        workers.retain(|worker| worker.strong_count() > 0);
        !workers.is_empty()
            && workers.iter().filter_map(Weak::upgrade).all(|last| last.load(Ordering::Relaxed) >= oldest)
    }

    /// Milliseconds since the start.
    fn now(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Waits while the database is away. Who shares a socket with an instance that serves must not take a connection
/// before it can answer.
pub(super) async fn wait_for_database<S: Service>(core: &Core) {
    let mut told = false;
    while health::database::<S>(core).await == Database::Unavailable {
        if !told {
            tracing::warn!("the database is away; no connection is taken until it is there");
            told = true;
        }
        tell(&[NotifyState::Status("waiting for the database"), EXTENSION]);
        sleep(LOOK_EVERY).await;
    }
}

/// Says once that the service is ready, when it is, and from then on that it lives, while it does.
pub(super) async fn report<S: Service>(core: Core, pulse: Pulse) {
    // No worker, no answer.
    while !pulse.is_alive(BEAT * 5) {
        sleep(BEAT / 10).await;
    }
    while health::database::<S>(&core).await != Database::Ok {
        tell(&[NotifyState::Status("waiting for the database"), EXTENSION]);
        sleep(LOOK_EVERY).await;
    }
    tell(&[NotifyState::Ready, NotifyState::Status("serving")]);
    let Some(limit) = sd_notify::watchdog_enabled() else {
        return std::future::pending().await;
    };
    loop {
        if pulse.is_alive(limit / 2) {
            tell(&[NotifyState::Watchdog]);
        } else {
            tracing::error!("a worker does not get its turn; the watchdog is not told that the service lives");
        }
        sleep(limit / 4).await;
    }
}

pub(super) fn tell_stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("draining")]);
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager cannot be told");
    }
}
