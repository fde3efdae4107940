//! Takes over everything that org knows of an organisation, once: page by page, beside the requests.
//!
//! Events tell what changes, and a member who is not known is asked for; but who works in a unit can only be said by
//! a copy that is whole. So the first time that an organisation is heard of it is queued here. A page carries
//! versions as events do, so an event that overtakes it wins.

use super::{Facts, keep};
use crate::schema::backfills;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use jiff::Timestamp;
use jiff_diesel::ToDiesel as _;
use moka::sync::Cache;
use rollcall_common::client::CallError;
use rollcall_common::fault::Fault;
use rollcall_common::problem::chain;
use rollcall_common::tenant::Tenant;
use rollcall_ids::OrgId;
use rollcall_org_api::internal::{Orgs, Snapshot, orgs_path, snapshot_path};
use std::time::Duration;
use tokio::sync::{Mutex, mpsc};

/// Which kinds of facts a copy has that is whole: 1 lacked holiday calendars, 2 delegations. An organisation that was taken over by an
/// older release is taken over again.
const PARTS: i16 = 3;
/// Organisations that may wait; one that finds no room is queued when it is heard of next.
const ROOM: usize = 10_000;
/// Before the next attempt when org is away.
const PAUSE: Duration = Duration::from_secs(1);
/// Organisations that are known to be whole or waiting; one that falls out is looked up again.
const REMEMBERED: u64 = 100_000;

/// Organisations that are to be taken over.
pub(super) struct Backfills {
    noted: Cache<OrgId, ()>,
    queue: mpsc::Sender<Tenant>,
    waiting: Mutex<mpsc::Receiver<Tenant>>,
}

/// What became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// It is whole, or was before.
    Whole,
    /// Org cannot say now.
    Later,
    /// Org knows no such organisation, or did not answer as agreed: trying again would not help.
    Never,
}

impl Backfills {
    /// Nothing to do yet.
    pub(super) fn new() -> Self {
        let (queue, waiting) = mpsc::channel(ROOM);
        Self { noted: Cache::new(REMEMBERED), queue, waiting: Mutex::new(waiting) }
    }
}

impl Facts {
    /// An organisation was heard of: it is to be whole soon.
    pub(crate) fn wants_whole(&self, tenant: &Tenant) {
        let noted = &self.backfills.noted;
        if !noted.contains_key(&tenant.org_id()) && self.backfills.queue.try_send(*tenant).is_ok() {
            noted.insert(tenant.org_id(), ());
        }
    }

    /// Takes over one organisation after the other; runs for ever.
    pub(crate) async fn make_whole(&self, now: impl Fn() -> Timestamp) {
        let mut waiting = self.backfills.waiting.lock().await;
        while let Some(tenant) = waiting.recv().await {
            match self.attempt(&tenant, now()).await {
                Outcome::Whole | Outcome::Never => {}
                Outcome::Later => {
                    tokio::time::sleep(PAUSE).await;
                    if self.backfills.queue.try_send(tenant).is_err() {
                        self.backfills.noted.invalidate(&tenant.org_id());
                    }
                }
            }
        }
    }

    /// Takes over every organisation that org knows of and that is not whole; answers how many those were.
    pub(crate) async fn make_all_whole(&self, now: Timestamp) -> Result<usize, Fault> {
        let (mut taken, mut cursor) = (0, None::<String>);
        loop {
            let page: Orgs = self.org.get_json(&orgs_path(cursor.as_deref())).await?;
            for org in page.items {
                #[expect(
                    clippy::disallowed_methods,
                    reason = "org itself, asked with a service token, says which organisations there are"
                )]
                let tenant = Tenant::of_capability(org.org_id);
                taken += usize::from(self.take_over(&tenant, now).await?);
            }
            cursor = page.next_cursor;
            if cursor.is_none() {
                return Ok(taken);
            }
        }
    }

    async fn attempt(&self, tenant: &Tenant, now: Timestamp) -> Outcome {
        let org_id = tenant.org_id();
        match self.take_over(tenant, now).await {
            Ok(true) => {
                tracing::info!(%org_id, "the copy of an organisation is whole");
                Outcome::Whole
            }
            Ok(false) => Outcome::Whole,
            Err(error @ (Fault::Unavailable { .. } | Fault::DeadlineExceeded)) => {
                tracing::info!(%org_id, error = chain(&error), "an organisation cannot be taken over yet");
                Outcome::Later
            }
            Err(error) => {
                tracing::warn!(%org_id, error = chain(&error), "an organisation cannot be taken over");
                Outcome::Never
            }
        }
    }

    /// Reads all pages, unless that was done before; answers whether it was done now.
    async fn take_over(&self, tenant: &Tenant, now: Timestamp) -> Result<bool, Fault> {
        let of = *tenant;
        if self.db.transaction(tenant, move |conn| is_whole(conn, &of)).await? {
            return Ok(false);
        }
        let mut cursor: Option<String> = None;
        loop {
            let page: Snapshot = match self.org.get_json(&snapshot_path(of.org_id(), cursor.as_deref())).await {
                Ok(page) => page,
                Err(CallError::NotFound { .. }) => return Err(Fault::NotFound),
                Err(error) => return Err(error.into()),
            };
            cursor.clone_from(&page.next_cursor);
            let page = self.db.transaction(tenant, move |conn| keep_page(conn, &of, &page, now).map(|()| page)).await?;
            self.org_changed(of.org_id());
            page.employees.iter().for_each(|employee| self.employee_changed(of.org_id(), employee));
            if cursor.is_none() {
                return Ok(true);
            }
        }
    }
}

fn is_whole(conn: &mut PgConnection, tenant: &Tenant) -> Result<bool, Fault> {
    let parts = backfills::table.find(tenant.org_id()).select(backfills::parts).first::<i16>(conn).optional()?;
    Ok(parts.is_some_and(|parts| parts >= PARTS))
}

/// Notes a page; with the last one, that the whole is there.
fn keep_page(conn: &mut PgConnection, tenant: &Tenant, page: &Snapshot, now: Timestamp) -> Result<(), Fault> {
    keep::keep_org(conn, tenant, &page.org)?;
    page.units.iter().try_for_each(|unit| keep::keep_unit(conn, tenant, unit))?;
    page.sites.iter().try_for_each(|site| keep::keep_site(conn, tenant, site))?;
    page.holiday_calendars.iter().try_for_each(|calendar| keep::keep_calendar(conn, tenant, calendar))?;
    page.delegations.iter().try_for_each(|delegation| keep::keep_delegation(conn, tenant, delegation))?;
    page.employees.iter().try_for_each(|employee| keep::keep_employee(conn, tenant, employee))?;
    if page.next_cursor.is_none() {
        let done = (backfills::done_at.eq(now.to_diesel()), backfills::parts.eq(PARTS));
        diesel::insert_into(backfills::table)
            .values((backfills::org_id.eq(tenant.org_id()), done))
            .on_conflict(backfills::org_id)
            .do_update()
            .set(done)
            .execute(conn)?;
    }
    Ok(())
}
