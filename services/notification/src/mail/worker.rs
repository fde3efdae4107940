//! Sends what is owed: leases a few, sends them side by side with no transaction open, notes each outcome.

use super::domain::{compose, next_attempt};
use super::store::{self, Attempt, Delivery};
use super::transport::SendError;
use crate::app::App;
use futures_util::StreamExt as _;
use futures_util::stream;
use jiff::SignedDuration;
use rollcall_common::db::Unscoped;
use rollcall_common::fault::Fault;
use rollcall_common::problem::chain;
use rollcall_common::secret::full_jitter;
use rollcall_common::server::Drain;
use std::sync::Arc;
use std::time::Duration;

/// Between two looks when nothing wakes the worker.
const PAUSE: Duration = Duration::from_secs(1);
/// Mails sent side by side.
const AT_A_TIME: usize = 8;
/// For how long nobody else takes a leased mail: longer than sending one can last.
const LEASE: SignedDuration = SignedDuration::from_mins(2);
/// After this a send has failed, whatever the server still does.
const SEND_TIMEOUT: Duration = Duration::from_mins(1);

/// Sends until the service drains. A round that has begun is finished then, because a mail that a server has taken and
/// nobody has noted is sent again; but for no longer than a stop may take.
pub async fn run(app: Arc<App>, drain: Drain) {
    let longest = Duration::from_secs(app.core.base.server.shutdown_seconds);
    let patience = async || {
        drain.started().await;
        tokio::time::sleep(longest).await;
    };
    while !drain.is_draining() {
        let round = tokio::select! {
            round = round(&app) => round,
            () = patience() => {
                tracing::warn!("mail whose outcome is not known will be sent again");
                return;
            }
        };
        let more = match round {
            Ok(taken) => taken == AT_A_TIME,
            Err(fault) => {
                tracing::warn!(error = chain(&fault), "cannot look for mail to send");
                false
            }
        };
        if !more {
            tokio::select! {
                () = drain.started() => {}
                () = app.wakes.mail.notified() => {}
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }
}

async fn round(app: &App) -> Result<usize, Fault> {
    let now = app.core.clock.now();
    let most = i64::try_from(AT_A_TIME).unwrap_or(1);
    let leased = app.core.db.transaction(Unscoped, move |conn| store::claim(conn, now, LEASE, most)).await?;
    let taken = leased.len();
    let sends = leased.into_iter().map(|delivery| async move {
        let attempt = send(app, &delivery).await;
        note(app, delivery, attempt).await
    });
    let noted: Vec<Result<(), Fault>> = stream::iter(sends).buffer_unordered(AT_A_TIME).collect().await;
    noted.into_iter().collect::<Result<(), Fault>>().map(|()| taken)
}

/// Tries once.
async fn send(app: &App, delivery: &Delivery) -> Attempt {
    let (delivery_id, attempts) = (delivery.delivery_id, delivery.attempts);
    let Err(failure) = hand_over(app, delivery).await else {
        tracing::info!(%delivery_id, attempts, "mail sent");
        count("sent");
        return Attempt::Sent;
    };
    let spread = full_jitter(Duration::from_secs(1)).as_secs_f64();
    let give_up = SignedDuration::from_hours(app.settings.mail.give_up_hours.into());
    let next = next_attempt(attempts, delivery.created_at, app.core.clock.now(), give_up, spread);
    if let Some(at) = next.filter(|_| !failure.for_good) {
        tracing::warn!(%delivery_id, attempts, error = failure.logged, "mail not sent yet");
        count("failed");
        Attempt::Again { at, error: failure.kept }
    } else {
        tracing::error!(%delivery_id, attempts, error = failure.logged, "mail given up");
        count("dead");
        Attempt::Dead { error: failure.kept }
    }
}

fn count(outcome: &'static str) {
    metrics::counter!("deliveries_total", "channel" => "mail", "outcome" => outcome).increment(1);
}

/// Why a mail did not leave. What is kept beside it may name the recipient, what is logged never does.
struct Failure {
    for_good: bool,
    kept: String,
    logged: String,
}

async fn hand_over(app: &App, delivery: &Delivery) -> Result<(), Failure> {
    let message = compose(delivery, &app.mail_from).map_err(|error| Failure {
        for_good: true,
        kept: chain(&error),
        logged: error.to_string(),
    })?;
    let sent = tokio::time::timeout(SEND_TIMEOUT, app.outlet.send(delivery.delivery_id, &message)).await;
    sent.unwrap_or(Err(SendError::NoOutcome)).map_err(|error| Failure {
        for_good: matches!(error, SendError::Refused(_)),
        kept: chain(&error),
        logged: error.for_log(),
    })
}

async fn note(app: &App, delivery: Delivery, attempt: Attempt) -> Result<(), Fault> {
    let now = app.core.clock.now();
    app.core.db.transaction(Unscoped, move |conn| Ok(store::finish(conn, &delivery, &attempt, now)?)).await
}
