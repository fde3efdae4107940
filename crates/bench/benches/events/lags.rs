//! How long events took, from the moment before their transaction began to the moment after their effect was committed.

use anyhow::{Result, ensure};
use rollcall_common::events::CloudEvent;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// For as long nothing may arrive while something is missing.
const PATIENCE: Duration = Duration::from_secs(10);

/// See the module. The clock is microseconds since it was made; an employee's number carries it.
pub(crate) struct Lags {
    began: Instant,
    taken: Mutex<Vec<u64>>,
}

impl Lags {
    pub(crate) fn new() -> Self {
        Self { began: Instant::now(), taken: Mutex::default() }
    }

    /// What an event that is written now carries as the employee's number.
    pub(crate) fn mark(&self) -> String {
        self.now().to_string()
    }

    fn now(&self) -> u64 {
        self.began.elapsed().as_micros().try_into().unwrap_or(u64::MAX)
    }

    pub(crate) fn arrived(&self, event: &CloudEvent) {
        let written = event.data["number"].as_str().and_then(|number| number.parse().ok()).unwrap_or(0);
        self.taken().push(self.now().saturating_sub(written));
    }

    /// Waits for so many; answers how long each took, the shortest first, and forgets them.
    pub(crate) async fn wait(&self, count: usize) -> Result<Vec<Duration>> {
        let (mut seen, mut since) = (0, Instant::now());
        while seen < count {
            sleep(Duration::from_millis(2)).await;
            let now = self.taken().len();
            if now > seen {
                (seen, since) = (now, Instant::now());
            }
            ensure!(since.elapsed() < PATIENCE, "{seen} of {count} events had an effect, and nothing comes any more");
        }
        let mut taken = std::mem::take(&mut *self.taken());
        ensure!(taken.len() == count, "{} effects of {count} events", taken.len());
        taken.sort_unstable();
        Ok(taken.into_iter().map(Duration::from_micros).collect())
    }

    fn taken(&self) -> MutexGuard<'_, Vec<u64>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
