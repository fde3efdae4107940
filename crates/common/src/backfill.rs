//! Takes over what the owner of facts knows of an organisation, once: page by page, beside the requests.
//!
//! Events tell what changes, and what is missing can be asked for; but who is *all* there can only be said by a copy
//! that is whole. So the first time that a consumer hears of an organisation it is queued here. Pages carry versions
//! as events do, so an event that overtakes one wins. Until when a copy is whole, [`copies`] says.

mod copies;

pub use copies::{Freshness, Generation};

use crate::clock::Clock;
use crate::db::Database;
use crate::fault::Fault;
use crate::problem::chain;
use crate::tenant::Tenant;
use moka::sync::Cache;
use rollcall_ids::OrgId;
use std::future::Future;
use std::time::Duration;
use tokio::sync::{Mutex, mpsc};
use tokio::time::{Instant, MissedTickBehavior};

/// Organisations that may wait; one that finds no room is queued when it is heard of next.
const ROOM: usize = 10_000;
/// Before the next attempt when the owner is away.
const PAUSE: Duration = Duration::from_secs(1);
/// Organisations that are known to be whole or waiting; one that falls out is looked up again.
const REMEMBERED: u64 = 100_000;
/// For how long an organisation that the owner does not give as agreed is not asked for again.
const REST: Duration = Duration::from_mins(1);
/// Between two looks at what a lower generation has taken, which only happens while two releases overlap.
const DOUBT: Duration = Duration::from_secs(30);

/// Where the facts come from, and the copy that they go to.
pub trait Source: Send + Sync {
    /// What the copy holds; [`EventConsumer::generation`](crate::events::EventConsumer::generation) says the same.
    const GENERATION: Generation;

    /// Where the copy is.
    fn db(&self) -> &Database;

    /// The time.
    fn clock(&self) -> &Clock;

    /// A page of the organisations there are, and where the next one starts.
    fn orgs(&self, cursor: Option<String>) -> impl Future<Output = Result<(Vec<OrgId>, Option<String>), Fault>> + Send;

    /// Keeps one page of an organisation's facts, those of the same version too ([`Freshness::Same`]); answers where
    /// the next one starts.
    fn take_page(
        &self,
        tenant: Tenant,
        cursor: Option<String>,
    ) -> impl Future<Output = Result<Option<String>, Fault>> + Send;
}

/// Organisations that are to be taken over.
pub struct Backfills {
    noted: Cache<OrgId, ()>,
    resting: Cache<OrgId, ()>,
    queue: mpsc::Sender<Tenant>,
    waiting: Mutex<mpsc::Receiver<Tenant>>,
}

impl Default for Backfills {
    fn default() -> Self {
        Self::with_rest(REST)
    }
}

impl Backfills {
    /// An organisation that the owner does not give as agreed is left alone for so long.
    pub fn with_rest(rest: Duration) -> Self {
        let (queue, waiting) = mpsc::channel(ROOM);
        let resting = Cache::builder().max_capacity(REMEMBERED).time_to_live(rest).build();
        Self { noted: Cache::new(REMEMBERED), resting, queue, waiting: Mutex::new(waiting) }
    }

    /// An organisation was heard of: it is to be whole soon.
    pub fn want(&self, tenant: &Tenant) {
        let known = self.noted.contains_key(&tenant.org_id()) || self.resting.contains_key(&tenant.org_id());
        if !known && self.queue.try_send(*tenant).is_ok() {
            self.noted.insert(tenant.org_id(), ());
        }
    }

    /// Takes over one organisation after the other; runs for ever.
    pub async fn run<S: Source>(&self, source: &S) {
        let mut waiting = self.waiting.lock().await;
        // Before anything is believed.
        self.doubt(source).await;
        let mut look = tokio::time::interval_at(Instant::now() + DOUBT, DOUBT);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let tenant = tokio::select! {
                _ = look.tick() => {
                    self.doubt(source).await;
                    continue;
                }
                tenant = waiting.recv() => tenant,
            };
            let Some(tenant) = tenant else { return };
            let org_id = tenant.org_id();
            match take_over(source, tenant).await {
                Ok(false) => {}
                Ok(true) => tracing::info!(%org_id, "the copy of an organisation is whole"),
                Err(error @ (Fault::Unavailable { .. } | Fault::DeadlineExceeded | Fault::OutcomeUnknown(_))) => {
                    tracing::info!(%org_id, error = chain(&error), "an organisation cannot be taken over yet");
                    tokio::time::sleep(PAUSE).await;
                    if self.queue.try_send(tenant).is_err() {
                        self.noted.invalidate(&org_id);
                    }
                }
                // The owner knows no such organisation, or did not answer as agreed: soon it may, after its next
                // release or ours, but not at once.
                Err(error) => {
                    tracing::warn!(%org_id, error = chain(&error), "an organisation cannot be taken over");
                    self.resting.insert(org_id, ());
                    self.noted.invalidate(&org_id);
                }
            }
        }
    }

    /// Asks which copies may be believed no more, and looks anew at all that are heard of.
    async fn doubt<S: Source>(&self, source: &S) {
        match copies::doubt(source.db(), S::GENERATION).await {
            Ok(0) => {}
            Ok(copies) => {
                tracing::warn!(
                    copies,
                    "another release has taken events meanwhile: what it kept less is taken over again"
                );
                self.noted.invalidate_all();
            }
            Err(error) => tracing::warn!(error = chain(&error), "whether copies are still whole is not known"),
        }
    }
}

/// Takes over every organisation that the owner knows of and that is not whole; answers how many those were. What the
/// command `backfill` does.
pub async fn take_over_all<S: Source>(source: &S) -> Result<usize, Fault> {
    copies::doubt(source.db(), S::GENERATION).await?;
    let (mut taken, mut cursor) = (0, None);
    loop {
        let (orgs, next) = source.orgs(cursor).await?;
        for org_id in orgs {
            #[expect(
                clippy::disallowed_methods,
                reason = "the owner itself, asked with a service token, says which organisations there are"
            )]
            let tenant = Tenant::of_capability(org_id);
            taken += usize::from(take_over(source, tenant).await?);
        }
        cursor = next;
        if cursor.is_none() {
            return Ok(taken);
        }
    }
}

/// Reads all pages, unless that was done before; answers whether it was done now.
pub async fn take_over<S: Source>(source: &S, tenant: Tenant) -> Result<bool, Fault> {
    let (db, clock) = (source.db(), source.clock());
    if copies::is_whole(db, tenant, S::GENERATION).await? {
        return Ok(false);
    }
    let begun = clock.now();
    let mut cursor = None;
    loop {
        cursor = source.take_page(tenant, cursor).await?;
        if cursor.is_none() {
            break;
        }
    }
    copies::note_whole(db, tenant, S::GENERATION, (begun, clock.now())).await?;
    Ok(true)
}
