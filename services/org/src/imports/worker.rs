//! The worker that checks and commits imports, beside the requests. What an instance has claimed and not finished, because
//! it was stopped, another takes over when the claim has run out: each step is one transaction, so nothing is half done.

use crate::app::App;
use crate::error::Error;
use crate::imports::commands::{Progress, step};
use crate::imports::domain::{LineError, LineVerdict, Verdict};
use crate::imports::store::{self, Claimed};
use diesel::pg::PgConnection;
use jiff::Timestamp;
use rollcall_common::db::Unscoped;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_common::validate::Rejection;
use rollcall_ids::{ImportId, OrgId};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use uuid::Uuid;

/// Between looks for work when nobody wakes the worker.
const LOOK: Duration = Duration::from_secs(2);
/// Between two looks at how far a step is.
const SHOW: Duration = Duration::from_millis(200);

/// Works for ever.
pub(crate) async fn run(app: Arc<App>) {
    let mut last = OrgId(Uuid::nil());
    loop {
        match next(&app, &mut last).await {
            Ok(true) => {}
            Ok(false) => {
                let _ = tokio::time::timeout(LOOK, app.imports.notified()).await;
            }
            Err(error) => {
                tracing::warn!(error = rollcall_common::problem::chain(&error), "an import waits to be tried again");
                tokio::time::sleep(LOOK).await;
            }
        }
    }
}

/// Between two rounds of letting files go that nobody took over, and of forgetting imports that are over.
const FORGET: Duration = Duration::from_hours(1);

/// Lets files go that nobody took over, and forgets imports that were over long ago; for ever.
pub(crate) async fn forget(app: Arc<App>) {
    loop {
        if let Err(error) = app.expire_imports().await {
            tracing::warn!(
                error = rollcall_common::problem::chain(&error),
                "cannot let files go that nobody took over"
            );
        }
        if let Err(error) = app.forget_imports().await {
            tracing::warn!(error = rollcall_common::problem::chain(&error), "cannot forget old imports");
        }
        tokio::time::sleep(FORGET).await;
    }
}

impl App {
    /// Refuses imports that were checked more than a day ago and not taken over, and lets their files go; answers how many
    /// there were.
    pub async fn expire_imports(&self) -> Result<usize, Fault> {
        let mut all = 0;
        loop {
            let now = self.core.clock.now();
            let find = move |conn: &mut _| store::untaken(conn, now);
            let untaken = self.core.db.transaction(Unscoped, find).await.map_err(Fault::internal)?;
            if untaken.is_empty() {
                return Ok(all);
            }
            for Claimed { org_id, import_id } in untaken {
                #[expect(
                    clippy::disallowed_methods,
                    reason = "nothing is done but to let go what the organisation sent"
                )]
                let tenant = Tenant::of_capability(org_id);
                let expire = move |conn: &mut _| expire(conn, &tenant, import_id, now);
                all += usize::from(self.core.db.transaction(tenant, expire).await.map_err(Fault::internal)?);
            }
        }
    }

    /// Forgets imports that were over ninety days ago, in portions; answers how many there were.
    pub async fn forget_imports(&self) -> Result<usize, Fault> {
        let mut all = 0;
        loop {
            let now = self.core.clock.now();
            let forget = move |conn: &mut _| store::forget_old(conn, now);
            let some = self.core.db.transaction(Unscoped, forget).await.map_err(Fault::internal)?;
            all += some;
            if some < store::FORGOTTEN_AT_A_TIME {
                return Ok(all);
            }
        }
    }
}

/// Refuses an import, unless it was taken over at the last moment; says whether it did.
fn expire(conn: &mut PgConnection, tenant: &Tenant, id: ImportId, now: Timestamp) -> Result<bool, Error> {
    if store::lock(conn, tenant, id)?.is_none_or(|import| import.status != "checked") {
        return Ok(false);
    }
    let why = Rejection::new("expired", "nobody took it over within a day: send it again");
    store::finish(conn, tenant, id, ("refused", &[of_no_line(why)]), now)?;
    Ok(true)
}

/// Does one step of one import of the next organisation after `last`; says whether there was one to do.
async fn next(app: &App, last: &mut OrgId) -> Result<bool, Error> {
    let (now, after) = (app.core.clock.now(), *last);
    let claimed = app.core.db.transaction(Unscoped, move |conn| store::claim(conn, after, now)).await?;
    let Some(Claimed { org_id, import_id }) = claimed else { return Ok(false) };
    *last = org_id;
    #[expect(
        clippy::disallowed_methods,
        reason = "the import was queued by a member of the organisation, who is looked up again before anything is done"
    )]
    let tenant = Tenant::of_capability(org_id);
    let progress = Arc::new(Progress::default());
    let (outbox, shown) = (app.core.outbox.clone(), Arc::clone(&progress));
    let work = app.core.db.transaction(tenant, move |conn| step(conn, &tenant, import_id, outbox, now, &shown));
    tokio::pin!(work);
    let done = loop {
        tokio::select! {
            done = &mut work => break done,
            () = tokio::time::sleep(SHOW) => {
                let at = (progress.total.load(Ordering::Relaxed), progress.done.load(Ordering::Relaxed));
                let now = app.core.clock.now();
                let show = app.core.db.transaction(tenant, move |conn| store::progress(conn, &tenant, import_id, at, now));
                tokio::select! {
                    done = &mut work => break done,
                    shown = show => shown?,
                }
            }
        }
    };
    match done {
        Err(error) if is_final(&error) => {
            let lines = [refusal(&error)];
            let refuse = move |conn: &mut _| store::finish(conn, &tenant, import_id, ("refused", &lines), now);
            app.core.db.transaction(tenant, refuse).await?;
        }
        done => done?,
    }
    Ok(true)
}

/// Whether trying again would end the same way.
fn is_final(error: &Error) -> bool {
    !matches!(error, Error::Fault(Fault::Unavailable { .. } | Fault::DeadlineExceeded | Fault::Internal(_)))
}

/// What an error that is of no line in particular says.
fn refusal(error: &Error) -> LineVerdict {
    let (code, detail) = match error {
        Error::LastOwner => ("last_owner", "nobody who can sign in would own the organisation"),
        Error::NumberTaken => ("number_taken", "somebody got one of the numbers in the meantime"),
        Error::AssignmentOverlap => ("assignment_overlap", "two assignments would hold on one day"),
        Error::Fault(Fault::Forbidden) => ("forbidden", "whoever sent it may no longer do so"),
        _ => ("refused", "it does not fit what is there"),
    };
    of_no_line(Rejection::new(code, detail))
}

/// What is wrong with a file as a whole.
fn of_no_line(why: Rejection) -> LineVerdict {
    LineVerdict { line: 1, verdict: Verdict::Rejected, errors: vec![LineError::new("", why)] }
}
