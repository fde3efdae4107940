//! The database of a service: a permit, then a blocking thread, then a pooled connection, then one transaction
//! whose row-level security knows the tenant.
//!
//! The permit is asked for first because waiting for it costs a future, while waiting inside the pool would
//! hold a thread: when everybody comes at once, requests queue in memory and are refused after
//! `acquire_timeout_ms`, and the threads stay free to finish what runs.
//!
//! Work that must not wait behind everything else has a lane ([`Database::lane`]): connections that nobody else takes.
//!
//! Everything runs in a transaction, reads too: the tenant is set per transaction (`set_config(…, true)`), never
//! per session, so a connection cannot carry one tenant's identity into another's request.

mod manager;
mod migrate;
mod notices;
mod queue;
mod scope;

pub use migrate::{migrate, pending, revert_all};
pub(crate) use migrate::{pending_on, with_lock};
pub use notices::Heard;
pub(crate) use scope::enter;
pub use scope::{Scope, Unscoped};

use crate::context;
use crate::fault::Fault;
use crate::settings::DatabaseSettings;
use diesel::connection::{AnsiTransactionManager, TransactionManager as _};
use diesel::pg::PgConnection;
use diesel::r2d2::Pool;
use diesel::result::Error as DieselError;
use manager::Manager;
use queue::Queue;
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;

/// The database of a service. Cheap to clone.
#[derive(Clone)]
pub struct Database(Arc<Inner>);

struct Inner {
    pool: Pool<Manager>,
    probes: Pool<Manager>,
    notices: Manager,
    permits: Arc<Semaphore>,
    most: u32,
    queue: Queue,
    acquire_timeout: Duration,
    emitted: watch::Sender<u64>,
}

thread_local! {
    /// Whether the transaction that runs on this thread wrote to the outbox.
    static EMITTED: Cell<bool> = const { Cell::new(false) };
}

/// Notes that the running transaction wrote to the outbox; the dispatcher is woken once it has committed.
pub(crate) fn note_emitted() {
    EMITTED.set(true);
}

impl Database {
    /// Prepares the pool. It connects when first used: a service starts while its database is away, says so on
    /// `/readyz`, and serves as soon as it is back.
    pub fn new(settings: &DatabaseSettings) -> Self {
        let (probes, emitted) = (pool(settings, 1), watch::Sender::new(0));
        Self::of(settings, settings.max_connections, probes, emitted)
    }

    /// The same database through `connections` more, for work that must not wait behind whatever else the service does:
    /// it has permits and a queue of its own. What it emits wakes the same dispatchers. Readiness asks for both at once,
    /// and the metrics of the pool do not count it: a lane that is idle would hide that the others are short.
    #[must_use]
    pub fn lane(&self, settings: &DatabaseSettings, connections: u32) -> Self {
        Self::of(settings, connections, self.0.probes.clone(), self.0.emitted.clone())
    }

    fn of(settings: &DatabaseSettings, connections: u32, probes: Pool<Manager>, emitted: watch::Sender<u64>) -> Self {
        Self(Arc::new(Inner {
            pool: pool(settings, connections),
            probes,
            notices: Manager::new(settings),
            permits: Arc::new(Semaphore::new(connections as usize)),
            most: connections,
            queue: Queue::new(connections),
            acquire_timeout: Duration::from_millis(settings.acquire_timeout_ms),
            emitted,
        }))
    }

    /// Runs `work` in one transaction within `scope`: committed when it returns `Ok`, rolled back otherwise.
    ///
    /// Nothing else may happen inside: no call, no mail. An error that [`Fault`] knows as the database's
    /// absence is answered with 503 by whoever asked.
    pub async fn transaction<T, E, F>(&self, scope: impl Into<Scope>, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Fault> + Send + 'static,
        F: FnOnce(&mut PgConnection) -> Result<T, E> + Send + 'static,
    {
        let scope = scope.into();
        let permit = self.permit().await?;
        let inner = Arc::clone(&self.0);
        let span = tracing::Span::current();
        let (deadline, request) = (context::deadline(), context::current());
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let _entered = span.enter();
            let began = Instant::now();
            // Whoever waited for this may have gone: then it is not begun.
            if deadline.is_some_and(|deadline| began >= deadline) {
                return Err(Fault::DeadlineExceeded.into());
            }
            let done = context::within_request(request, || inner.run(&scope, work));
            inner.queue.note(began.elapsed());
            done
        })
        .await
        .map_err(Fault::internal)?
    }

    /// The right to use one of the connections. Refused at once when waiting for it would take too long.
    async fn permit(&self) -> Result<OwnedSemaphorePermit, Fault> {
        let Inner { permits, queue, acquire_timeout, .. } = &*self.0;
        let wait = context::time_left().map_or(*acquire_timeout, |left| left.min(*acquire_timeout));
        if wait.is_zero() {
            return Err(Fault::DeadlineExceeded);
        }
        if let Ok(permit) = Arc::clone(permits).try_acquire_owned() {
            return Ok(permit);
        }
        let busy = |why| Fault::unavailable("database", anyhow::anyhow!("all connections are busy{why}"));
        let _place = queue.enter(*acquire_timeout).ok_or_else(|| busy(", and others wait already"))?;
        let permit = tokio::time::timeout(wait, Arc::clone(permits).acquire_owned()).await;
        permit.map_err(|_| busy(""))?.map_err(Fault::internal)
    }

    /// Runs `probe` on a connection of its own, so that a service that is busy is not taken for one whose database is
    /// away. A connection that has died since the last time is replaced once.
    pub(crate) async fn probe<T: Send + 'static>(
        &self,
        probe: impl Fn(&mut PgConnection) -> Result<T, DieselError> + Send + 'static,
    ) -> Result<T, Fault> {
        let inner = Arc::clone(&self.0);
        let work = move || {
            let mut last = None;
            for _ in 0..2 {
                let mut slot = inner.probes.get().map_err(|error| Fault::unavailable("database", error))?;
                match probe(&mut slot.connection) {
                    Ok(value) => return Ok(value),
                    Err(error) => {
                        slot.broken = true;
                        last = Some(error);
                    }
                }
            }
            Err(last.map_or(Fault::DeadlineExceeded, Fault::from))
        };
        tokio::task::spawn_blocking(work).await.map_err(Fault::internal)?
    }

    /// Sets the metrics of the pool. Called when somebody reads them: using a connection costs nothing more.
    pub(crate) fn measure(&self) {
        let Inner { permits, queue, most, .. } = &*self.0;
        let shown = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
        metrics::gauge!("database_connections").set(f64::from(*most));
        metrics::gauge!("database_connections_busy").set(f64::from(*most) - shown(permits.available_permits()));
        metrics::gauge!("database_connections_waiting").set(shown(queue.waiting()));
    }

    /// Changes whenever a transaction that wrote to the outbox has committed.
    pub(crate) fn emitted(&self) -> watch::Receiver<u64> {
        self.0.emitted.subscribe()
    }
}

impl Inner {
    fn run<T, E, F>(&self, scope: &Scope, work: F) -> Result<T, E>
    where
        E: From<Fault>,
        F: FnOnce(&mut PgConnection) -> Result<T, E>,
    {
        EMITTED.set(false);
        let mut slot = self.begin(scope)?;
        match work(&mut slot.connection) {
            Ok(value) => {
                if let Err(error) = AnsiTransactionManager::commit_transaction(&mut *slot.connection) {
                    slot.broken = true;
                    return Err(lost_at_commit(error).into());
                }
                if EMITTED.get() {
                    self.emitted.send_modify(|count| *count = count.wrapping_add(1));
                }
                Ok(value)
            }
            Err(error) => {
                if AnsiTransactionManager::rollback_transaction(&mut *slot.connection).is_err() {
                    slot.broken = true;
                }
                Err(error)
            }
        }
    }

    /// A connection with a transaction begun. Connections are not tested when they are taken (that would cost a
    /// third of the throughput); one that turns out dead at `BEGIN` is thrown away and the next is tried, which is
    /// safe because nothing was done yet. After a restart of PostgreSQL every pooled connection is dead once.
    fn begin(&self, scope: &Scope) -> Result<diesel::r2d2::PooledConnection<Manager>, Fault> {
        let (sql, mut last) = (scope.begin(), None);
        for _ in 0..=self.pool.max_size() {
            let mut slot = self.pool.get().map_err(|error| Fault::unavailable("database", error))?;
            match AnsiTransactionManager::begin_transaction_sql(&mut *slot.connection, &sql) {
                Ok(()) => return Ok(slot),
                Err(error) => {
                    slot.broken = true;
                    last = Some(error);
                }
            }
        }
        Err(last.map_or_else(
            || Fault::unavailable("database", anyhow::anyhow!("no connection")),
            |error| Fault::unavailable("database", error),
        ))
    }
}

/// Connections to the database, none of them made yet.
fn pool(settings: &DatabaseSettings, size: u32) -> Pool<Manager> {
    Pool::builder()
        .max_size(size)
        .min_idle(Some(0))
        .test_on_check_out(false)
        .connection_timeout(Duration::from_millis(settings.acquire_timeout_ms))
        .error_handler(Box::new(manager::LogConnectError))
        .build_unchecked(Manager::new(settings))
}

/// A deferred constraint may refuse at commit, which says that nothing was done; a lost connection says nothing.
fn lost_at_commit(error: DieselError) -> Fault {
    match Fault::from(error) {
        Fault::Unavailable { source: Some(source), .. } => match source.downcast::<DieselError>() {
            Ok(error) => Fault::OutcomeUnknown(error),
            Err(source) => Fault::Internal(source),
        },
        other => other,
    }
}

/// The name of the constraint that a statement violated, if that is why it failed.
pub fn violated(error: &DieselError) -> Option<&str> {
    match error {
        DieselError::DatabaseError(_, information) => information.constraint_name(),
        _ => None,
    }
}
