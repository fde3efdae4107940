//! What is done about periods beside requests: locks that a stop has interrupted are carried on, and those who lock are
//! told when the time is near.

use super::{freeze, store};
use crate::app::App;
use crate::facts::store as facts;
use diesel::pg::PgConnection;
use jiff::tz::Offset;
use jiff::{Timestamp, ToSpan as _};
use rollcall_attendance_api::events::{PERIOD_LOCKING, PeriodLocking};
use rollcall_attendance_api::periods::PeriodStatus;
use rollcall_common::db::Unscoped;
use rollcall_common::events::{NewEvent, Outbox};
use rollcall_common::fault::Fault;
use rollcall_common::problem::chain;
use rollcall_common::tenant::Tenant;
use rollcall_ids::PeriodId;
use std::sync::Arc;
use std::time::Duration;

/// Between two looks when nobody wakes the task.
const EVERY: Duration = Duration::from_secs(10);
/// How long one lock is carried on before the next one has its turn.
const TURN: Duration = Duration::from_secs(5);
/// Between two turns: another instance may hold the row, and asking without a pause would only be in its way.
const PAUSE: Duration = Duration::from_millis(200);

/// Looks again and again; runs for ever.
pub(crate) async fn run(app: Arc<App>) {
    loop {
        match round(&app).await {
            Ok(true) => {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            Ok(false) => {}
            Err(error) => tracing::warn!(error = chain(&error), "cannot work on periods"),
        }
        tokio::select! {
            () = app.periods.notified() => {}
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// One look; whether a lock goes on.
async fn round(app: &App) -> Result<bool, Fault> {
    let now = app.core.clock.now();
    // The first place on Earth where it is that date.
    let date = Offset::UTC.to_datetime(now).date() + 1.day();
    let found = app.core.db.transaction(Unscoped, move |conn| store::at_work(conn, date)).await?;
    let mut more = false;
    for (org_id, id, locking) in found {
        #[expect(clippy::disallowed_methods, reason = "the row was written under the tenant of a member")]
        let tenant = Tenant::of_capability(org_id);
        let done = if locking {
            more = true;
            freeze::carry_on(&app.core.db, &app.core.outbox, tenant, id, now, TURN).await
        } else {
            let outbox = app.core.outbox.clone();
            let work = move |conn: &mut PgConnection| warn(conn, &tenant, &outbox, id, now);
            app.core.db.transaction(&tenant, work).await
        };
        if let Err(error) = done {
            tracing::warn!(%org_id, period_id = %id, error = chain(&error), "cannot work on a period");
            more = false;
        }
    }
    Ok(more)
}

/// Tells that a period is about to be locked, once, when it is the day in the organisation.
fn warn(conn: &mut PgConnection, tenant: &Tenant, outbox: &Outbox, id: PeriodId, now: Timestamp) -> Result<(), Fault> {
    let Some(mut stored) = store::taken(conn, tenant, id)? else { return Ok(()) };
    let (Some(warn_on), Some(org)) = (stored.warn_on, facts::org(conn, tenant)?) else { return Ok(()) };
    if org.today(now) < warn_on {
        return Ok(());
    }
    stored.warn_on = None;
    store::note(conn, tenant, &stored)?;
    if stored.period.status == PeriodStatus::Open {
        let (name, from, to) = (stored.period.name.clone(), stored.period.from, stored.period.to);
        let data = PeriodLocking { period_id: id, name, from, to };
        let (subject, org_id, version) = (id.to_string(), Some(tenant.org_id()), Some(stored.period.version));
        outbox.emit(conn, &NewEvent { kind: PERIOD_LOCKING, subject, org_id, version, data: &data })?;
    }
    Ok(())
}
