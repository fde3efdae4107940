//! Takes over what the owner of facts knows of an organisation, once: page by page, beside the requests.
//!
//! Events tell what changes, and what is missing can be asked for; but who is *all* there can only be said by a copy
//! that is whole. So the first time that a consumer hears of an organisation it is queued here. Pages carry versions
//! as events do, so an event that overtakes one wins.

use crate::fault::Fault;
use crate::problem::chain;
use crate::tenant::Tenant;
use moka::sync::Cache;
use rollcall_ids::OrgId;
use std::future::Future;
use std::time::Duration;
use tokio::sync::{Mutex, mpsc};

/// Organisations that may wait; one that finds no room is queued when it is heard of next.
const ROOM: usize = 10_000;
/// Before the next attempt when the owner is away.
const PAUSE: Duration = Duration::from_secs(1);
/// Organisations that are known to be whole or waiting; one that falls out is looked up again.
const REMEMBERED: u64 = 100_000;

/// Where the facts come from, and the copy that they go to.
pub trait Source: Send + Sync {
    /// A page of the organisations there are, and where the next one starts.
    fn orgs(&self, cursor: Option<String>) -> impl Future<Output = Result<(Vec<OrgId>, Option<String>), Fault>> + Send;

    /// Whether an organisation was taken over before.
    fn is_whole(&self, tenant: Tenant) -> impl Future<Output = Result<bool, Fault>> + Send;

    /// Keeps one page of an organisation's facts, and with the last one that the whole is there; answers where the
    /// next one starts.
    fn take_page(
        &self,
        tenant: Tenant,
        cursor: Option<String>,
    ) -> impl Future<Output = Result<Option<String>, Fault>> + Send;
}

/// Organisations that are to be taken over.
pub struct Backfills {
    noted: Cache<OrgId, ()>,
    queue: mpsc::Sender<Tenant>,
    waiting: Mutex<mpsc::Receiver<Tenant>>,
}

impl Default for Backfills {
    fn default() -> Self {
        let (queue, waiting) = mpsc::channel(ROOM);
        Self { noted: Cache::new(REMEMBERED), queue, waiting: Mutex::new(waiting) }
    }
}

impl Backfills {
    /// An organisation was heard of: it is to be whole soon.
    pub fn want(&self, tenant: &Tenant) {
        if !self.noted.contains_key(&tenant.org_id()) && self.queue.try_send(*tenant).is_ok() {
            self.noted.insert(tenant.org_id(), ());
        }
    }

    /// Takes over one organisation after the other; runs for ever.
    pub async fn run(&self, source: &impl Source) {
        let mut waiting = self.waiting.lock().await;
        while let Some(tenant) = waiting.recv().await {
            let org_id = tenant.org_id();
            match take_over(source, tenant).await {
                Ok(true) => tracing::info!(%org_id, "the copy of an organisation is whole"),
                Ok(false) => {}
                Err(error @ (Fault::Unavailable { .. } | Fault::DeadlineExceeded)) => {
                    tracing::info!(%org_id, error = chain(&error), "an organisation cannot be taken over yet");
                    tokio::time::sleep(PAUSE).await;
                    if self.queue.try_send(tenant).is_err() {
                        self.noted.invalidate(&org_id);
                    }
                }
                // The owner knows no such organisation, or did not answer as agreed: trying again would not help.
                Err(error) => {
                    tracing::warn!(%org_id, error = chain(&error), "an organisation cannot be taken over");
                }
            }
        }
    }
}

/// Takes over every organisation that the owner knows of and that is not whole; answers how many those were. What the
/// command `backfill` does.
pub async fn take_over_all(source: &impl Source) -> Result<usize, Fault> {
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
pub async fn take_over(source: &impl Source, tenant: Tenant) -> Result<bool, Fault> {
    if source.is_whole(tenant).await? {
        return Ok(false);
    }
    let mut cursor = None;
    loop {
        cursor = source.take_page(tenant, cursor).await?;
        if cursor.is_none() {
            return Ok(true);
        }
    }
}
