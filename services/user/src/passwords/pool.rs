//! argon2id on a bounded pool.
//!
//! One hash takes 19 MiB and about 16 ms of a core. As many run at once as there are workers, a bounded number waits
//! (in order), and whoever comes after that is told to come again: a storm of logins costs a fixed amount of memory
//! and never makes a queue that nobody waits for any more. A hash that has begun runs to its end even when its
//! client has gone, and keeps its place until then, so the bound holds for abandoned requests too.

use crate::passwords::domain::Password;
use crate::passwords::hash::{self, Memory};
use crate::settings::PasswordSettings;
use rollcall_common::fault::Fault;
use rollcall_common::secret;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Seconds after which a refused client may try again; a full queue is worked off in less.
const RETRY_AFTER: u32 = 1;

/// Hashes and checks passwords. Cheap to clone.
#[derive(Clone)]
pub struct PasswordPool {
    /// One permit for each hash that runs or waits.
    places: Arc<Semaphore>,
    /// One permit for each hash that runs.
    workers: Arc<Semaphore>,
    /// What the hashes that run work in; as many as there are workers, kept from one hash to the next.
    memories: Arc<Mutex<Vec<Memory>>>,
    /// Hash of a password that nobody has, checked where there is no account: both answers take the same time.
    nobody: Arc<str>,
}

impl PasswordPool {
    /// A pool of the size that the settings give.
    pub fn new(settings: &PasswordSettings) -> anyhow::Result<Self> {
        let workers = match settings.workers {
            0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            workers => workers,
        };
        let mut memory = Memory::default();
        let nobody = hash::make(&Password::presented(&secret::random_token(32)), &mut memory)?.into();
        Ok(Self {
            places: Arc::new(Semaphore::new(workers.saturating_add(settings.queue).min(Semaphore::MAX_PERMITS))),
            workers: Arc::new(Semaphore::new(workers)),
            memories: Arc::new(Mutex::new(vec![memory])),
            nobody,
        })
    }

    /// The hash of a new password, as a PHC string with a salt of its own.
    pub async fn hash(&self, password: Password) -> Result<String, Fault> {
        self.run(move |memory| hash::make(&password, memory)).await
    }

    /// Whether `password` is the one that `stored` was made of. No account is `None`, which is never right but takes
    /// as long. `begun` is called when it is looked at, which then goes on to its end; it is dropped uncalled where it never
    /// is, because too many wait or the caller has gone before its turn.
    pub async fn verify(
        &self,
        password: Password,
        stored: Option<String>,
        begun: impl FnOnce() + Send + 'static,
    ) -> Result<bool, Fault> {
        let nobody = Arc::clone(&self.nobody);
        self.run(move |memory| {
            begun();
            let right = hash::fits(&password, stored.as_deref().unwrap_or(&nobody), memory)?;
            Ok(right && stored.is_some())
        })
        .await
    }

    /// Runs `work` on a blocking thread when its turn comes; refuses when too many wait already.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Memory) -> anyhow::Result<T> + Send + 'static,
    ) -> Result<T, Fault> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| Fault::Unavailable {
            what: "password pool",
            retry_after: RETRY_AFTER,
            source: None,
        })?;
        let worker = Arc::clone(&self.workers).acquire_owned().await.map_err(Fault::internal)?;
        let memories = Arc::clone(&self.memories);
        tokio::task::spawn_blocking(move || {
            let _held: [OwnedSemaphorePermit; 2] = [place, worker];
            let mut memory = lock(&memories).pop().unwrap_or_default();
            let done = work(&mut memory);
            lock(&memories).push(memory);
            done
        })
        .await
        .map_err(Fault::internal)?
        .map_err(Fault::internal)
    }
}

fn lock(memories: &Mutex<Vec<Memory>>) -> std::sync::MutexGuard<'_, Vec<Memory>> {
    memories.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn pool(workers: usize, queue: usize) -> PasswordPool {
        PasswordPool::new(&PasswordSettings { workers, queue }).unwrap()
    }

    #[tokio::test]
    async fn a_password_fits_its_own_hash_only() {
        let pool = pool(1, 4);
        let right = Password::presented("correct horse");
        let stored = pool.hash(right.clone()).await.unwrap();
        assert!(pool.verify(right.clone(), Some(stored.clone()), || ()).await.unwrap());
        assert!(!pool.verify(Password::presented("wrong horse"), Some(stored), || ()).await.unwrap());
        assert!(!pool.verify(right, None, || ()).await.unwrap());
    }

    #[tokio::test]
    async fn what_finds_the_queue_full_is_refused_and_the_rest_is_done() {
        let pool = pool(1, 3);
        let attempts = (0..10).map(|_| pool.verify(Password::presented("x"), None, || ()));
        let answers = futures_util::future::join_all(attempts).await;
        let refused = answers.iter().filter(|a| matches!(a, Err(Fault::Unavailable { retry_after: 1, .. }))).count();
        assert_eq!((refused, answers.iter().filter(|a| a.is_ok()).count()), (6, 4));
        assert!(pool.verify(Password::presented("x"), None, || ()).await.is_ok(), "there is room again");
    }

    #[tokio::test]
    async fn a_client_that_goes_away_gives_its_place_back() {
        let pool = pool(1, 0);
        let gone =
            tokio::time::timeout(std::time::Duration::ZERO, pool.verify(Password::presented("x"), None, || ())).await;
        assert!(gone.is_err(), "it did not wait");
        // The place is taken until the hash that had begun is done.
        while pool.places.available_permits() == 0 {
            tokio::task::yield_now().await;
        }
        assert!(pool.verify(Password::presented("x"), None, || ()).await.is_ok());
    }

    #[tokio::test]
    async fn what_has_begun_is_told_though_its_client_has_gone() {
        let pool = pool(1, 1);
        let begun = Arc::new(AtomicUsize::new(0));
        let attempt = || {
            let begun = Arc::clone(&begun);
            pool.verify(Password::presented("x"), None, move || {
                begun.fetch_add(1, Ordering::Relaxed);
            })
        };
        let both = futures_util::future::join(attempt(), attempt());
        assert!(tokio::time::timeout(std::time::Duration::ZERO, both).await.is_err(), "they did not wait");
        while pool.places.available_permits() < 2 {
            tokio::task::yield_now().await;
        }
        assert_eq!(begun.load(Ordering::Relaxed), 1, "the other one's turn never came");
    }

    #[tokio::test]
    async fn a_damaged_hash_is_a_defect_and_not_a_wrong_password() {
        let damaged = pool(1, 1).verify(Password::presented("x"), Some("$argon2id$".to_owned()), || ()).await;
        assert!(matches!(damaged, Err(Fault::Internal(_))));
    }
}
