//! Events that wait: asks the owners of what is missing, then tells. An event is tried until it is told; nothing
//! is given up, because what it waits for is on its way or its owner is coming back.
//!
//! Events of several organisations are tried side by side, so that one whose facts are not to be had holds up no
//! other; those of one organisation one after the other. Each is held for no longer than asking can last, and given
//! back when the service drains.

use super::store::{self, Deferred};
use super::tell::{Given, Missing, Outcome, Telling};
use crate::app::App;
use futures_util::future::join_all;
use jiff::SignedDuration;
use rollcall_common::db::Unscoped;
use rollcall_common::events::CloudEvent;
use rollcall_common::fault::Fault;
use rollcall_common::problem::chain;
use rollcall_common::secret::full_jitter;
use rollcall_common::server::Drain;
use rollcall_common::tenant::Tenant;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// Between two looks when nothing wakes the task.
const PAUSE: Duration = Duration::from_secs(1);
/// Events tried side by side, of as many organisations.
const SIDE_BY_SIDE: usize = 8;
/// For how long nobody else takes an event, nor the next of its organisation: longer than all rounds of asking.
const LEASE: SignedDuration = SignedDuration::from_secs(30);
/// What an event needs can show one by one: the organisation, the manager, the languages.
const ROUNDS: usize = 4;
/// The first wait doubles up to the longest.
const WAITS: (Duration, Duration) = (Duration::from_secs(2), Duration::from_mins(10));

/// Tells what waits, until the service drains.
pub async fn run(app: Arc<App>, drain: Drain) {
    let mut hands = JoinSet::new();
    while !drain.is_draining() {
        while hands.len() < SIDE_BY_SIDE && !drain.is_draining() {
            let now = app.core.clock.now();
            match app.core.db.transaction(Unscoped, move |conn| store::claim(conn, now, LEASE)).await {
                Ok(Some(deferred)) => drop(hands.spawn(work(Arc::clone(&app), drain.clone(), deferred))),
                Ok(None) => break,
                Err(fault) => {
                    tracing::warn!(error = chain(&fault), "cannot look for events that wait");
                    break;
                }
            }
        }
        tokio::select! {
            () = drain.started() => {}
            Some(_) = hands.join_next() => {}
            () = app.wakes.deferred.notified() => {}
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
    while hands.join_next().await.is_some() {}
}

/// Tries one event, and lets go of it if it was not told.
async fn work(app: Arc<App>, drain: Drain, deferred: Deferred) {
    let tenant = tenant_of(&deferred);
    let (event_id, attempts) = (deferred.event_id, deferred.attempts);
    let tried = tokio::select! {
        tried = resolve(&app, tenant, &deferred.event) => Some(tried),
        () = drain.started() => None,
    };
    let now = app.core.clock.now();
    let until = match &tried {
        Some(Ok(true)) => return,
        // A stop is not the event's fault: another instance tries it at once.
        None => now,
        Some(Ok(false)) => now + wait_after(attempts),
        Some(Err(fault)) => {
            tracing::warn!(%event_id, attempts, error = chain(fault), "an event still waits to be told");
            now + wait_after(attempts)
        }
    };
    let let_go = move |conn: &mut _| Ok::<_, Fault>(store::let_go(conn, &tenant, &deferred, until, tried.is_some())?);
    if let Err(fault) = app.core.db.transaction(&tenant, let_go).await {
        tracing::warn!(%event_id, error = chain(&fault), "an event is held until its lease ends");
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the row was written under the tenant of an event that a known service sent"
)]
fn tenant_of(deferred: &Deferred) -> Tenant {
    Tenant::of_capability(deferred.org_id)
}

/// Tells one event if what it needs can be had. False: it has to wait.
async fn resolve(app: &App, tenant: Tenant, event: &serde_json::Value) -> Result<bool, Fault> {
    let event: CloudEvent = serde_json::from_value(event.clone()).map_err(Fault::internal)?;
    let Some(telling) = Telling::of(&event)? else {
        return Err(Fault::internal(anyhow::anyhow!("there is no rule for {} any more", event.kind)));
    };
    let mut given = Given::default();
    for _ in 0..ROUNDS {
        match tell(app, tenant, &telling, &given).await? {
            Outcome::Told(told) => {
                app.wakes.told(app, told);
                return Ok(true);
            }
            Outcome::Waits(missing) => {
                let asked = join_all(missing.into_iter().map(|missing| ask(app, tenant, missing))).await;
                for answer in asked {
                    match answer? {
                        Answer::Known => {}
                        Answer::Absent(employee_id) => drop(given.absent.insert(employee_id)),
                        Answer::NoLanguage(user_id) => drop(given.languages.insert(user_id)),
                        Answer::NotNow => return Ok(false),
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
            let outcome = teller.tell(conn, Some(&tenant), &telling, &given, now)?;
            if matches!(outcome, Outcome::Told(_)) {
                store::forget(conn, &tenant, telling.event_id)?;
            }
            Ok(outcome)
        })
        .await
}

/// What asking for something that is missing has come to.
enum Answer {
    /// It is known now.
    Known,
    /// Org knows no such employee.
    Absent(rollcall_ids::EmployeeId),
    /// The language is not to be had: the organisation's is taken.
    NoLanguage(rollcall_ids::UserId),
    /// There is no going on without it.
    NotNow,
}

async fn ask(app: &App, tenant: Tenant, missing: Missing) -> Result<Answer, Fault> {
    Ok(match missing {
        Missing::Employee(employee_id) if app.owners.ask_org(tenant, employee_id).await? => Answer::Known,
        Missing::Employee(employee_id) => Answer::Absent(employee_id),
        Missing::Speaker => Answer::NotNow,
        Missing::Language(user_id) => match app.owners.ask_user(user_id).await {
            Ok(true) => Answer::Known,
            Ok(false) => Answer::NoLanguage(user_id),
            Err(fault) => {
                tracing::warn!(%user_id, error = chain(&fault), "a language is not known; the organisation's is taken");
                Answer::NoLanguage(user_id)
            }
        },
    })
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
