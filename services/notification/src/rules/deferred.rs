//! Events that wait: asks the owners of what is missing, then tells. An event is tried until it is told; nothing
//! is given up, because what it waits for is on its way or its owner is coming back.

use super::store::{self, Deferred, Lease};
use super::tell::{Given, Missing, Outcome, Telling};
use crate::app::App;
use crate::facts::owners;
use jiff::SignedDuration;
use rollcall_common::db::Unscoped;
use rollcall_common::events::CloudEvent;
use rollcall_common::fault::Fault;
use rollcall_common::problem::chain;
use rollcall_common::secret::full_jitter;
use rollcall_common::tenant::Tenant;
use std::sync::Arc;
use std::time::Duration;

/// Between two looks when nothing wakes the task.
const PAUSE: Duration = Duration::from_secs(1);
/// Events taken at a time, and for how long nobody else takes them: longer than asking for all of them can last.
const AT_A_TIME: i64 = 10;
const LEASE: SignedDuration = SignedDuration::from_mins(5);
/// What an event needs can show one by one: the organisation, the manager, the languages.
const ROUNDS: usize = 4;
/// The first wait doubles up to the longest.
const WAITS: (Duration, Duration) = (Duration::from_secs(2), Duration::from_mins(10));

/// Tells what waits, for ever.
pub async fn run(app: Arc<App>) {
    loop {
        let more = match round(&app).await {
            Ok(told) => told > 0,
            Err(fault) => {
                tracing::warn!(error = chain(&fault), "cannot look for events that wait");
                false
            }
        };
        if !more {
            tokio::select! {
                () = app.wakes.deferred.notified() => {}
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }
}

/// Takes what is due and tries each; answers how many were due.
async fn round(app: &App) -> Result<usize, Fault> {
    let now = app.core.clock.now();
    let due = app.core.db.transaction(Unscoped, move |conn| store::claim(conn, now, LEASE, AT_A_TIME)).await?;
    let taken = due.len();
    for deferred in due {
        let lease = Lease { event_id: deferred.event_id, until: deferred.next_attempt_at };
        let attempts = deferred.attempts;
        let tenant = tenant_of(&deferred);
        match resolve(app, tenant, deferred).await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(fault) => {
                tracing::warn!(event_id = %lease.event_id, attempts, error = chain(&fault), "an event still waits to be told");
            }
        }
        let until = app.core.clock.now() + wait_after(attempts);
        app.core
            .db
            .transaction(&tenant, move |conn| Ok::<_, Fault>(store::put_off(conn, &tenant, &lease, until)?))
            .await?;
    }
    Ok(taken)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the row was written under the tenant of an event that a known service sent"
)]
fn tenant_of(deferred: &Deferred) -> Tenant {
    Tenant::of_capability(deferred.org_id)
}

/// Tells one event if what it needs can be had. False: it has to wait.
async fn resolve(app: &App, tenant: Tenant, deferred: Deferred) -> Result<bool, Fault> {
    let event: CloudEvent = serde_json::from_value(deferred.event).map_err(Fault::internal)?;
    let Some(telling) = Telling::of(&event)? else {
        return Err(Fault::internal(anyhow::anyhow!("there is no rule for {} any more", event.kind)));
    };
    let mut given = Given::default();
    for _ in 0..ROUNDS {
        match tell(app, tenant, &telling, &given).await? {
            Outcome::Told { users, mail } => {
                app.wakes.told(&app.hub, users, mail);
                return Ok(true);
            }
            Outcome::Waits(missing) => {
                for missing in missing {
                    if !ask(app, tenant, missing, &mut given).await? {
                        return Ok(false);
                    }
                }
            }
        }
    }
    Ok(false)
}

/// Stores the messages and forgets the event, or neither.
async fn tell(app: &App, tenant: Tenant, telling: &Telling, given: &Given) -> Result<Outcome, Fault> {
    let (teller, telling, given, now) = (Arc::clone(&app.teller), telling.clone(), given.clone(), app.core.clock.now());
    app.core
        .db
        .transaction(&tenant, move |conn| {
            let outcome = teller.tell(conn, &tenant, &telling, &given, now)?;
            if matches!(outcome, Outcome::Told { .. }) {
                store::forget(conn, &tenant, telling.event_id)?;
            }
            Ok(outcome)
        })
        .await
}

/// Asks for what is missing. False: it is not to be had now, and there is no going on without it.
async fn ask(app: &App, tenant: Tenant, missing: Missing, given: &mut Given) -> Result<bool, Fault> {
    match missing {
        Missing::Employee(employee_id) => {
            if !owners::ask_org(&app.core, tenant, employee_id).await? {
                given.absent.insert(employee_id);
            }
            Ok(true)
        }
        Missing::Speaker => Ok(false),
        Missing::Language(user_id) => {
            if let Err(fault) = owners::ask_user(&app.core, user_id).await {
                tracing::warn!(%user_id, error = chain(&fault), "a language is not known; the organisation's is taken");
                given.languages.insert(user_id);
            }
            Ok(true)
        }
    }
}

/// How long to wait after so many attempts, with jitter of a half.
fn wait_after(attempts: i32) -> Duration {
    let doublings = u32::try_from(attempts - 1).unwrap_or(0).min(16);
    let wait = WAITS.0.saturating_mul(1 << doublings).min(WAITS.1);
    wait / 2 + full_jitter(wait / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_ten_minutes_and_no_further() {
        for (attempts, most) in [(1, 2), (2, 4), (3, 8), (9, 512), (10, 600), (1_000_000, 600), (i32::MIN + 1, 2)] {
            let wait = wait_after(attempts);
            assert!(wait >= Duration::from_secs(most) / 2 && wait <= Duration::from_secs(most), "{attempts}: {wait:?}");
        }
    }
}
