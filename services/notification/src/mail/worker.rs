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

/// Sends, for ever.
pub async fn run(app: Arc<App>) {
    loop {
        let more = match round(&app).await {
            Ok(taken) => taken == AT_A_TIME,
            Err(fault) => {
                tracing::warn!(error = chain(&fault), "cannot look for mail to send");
                false
            }
        };
        if !more {
            tokio::select! {
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

/// Tries once. Logs hold ids and causes, never an address.
async fn send(app: &App, delivery: &Delivery) -> Attempt {
    let message = match compose(delivery, &app.mail_from) {
        Ok(message) => message,
        Err(error) => return dead(delivery, &error),
    };
    let error = match tokio::time::timeout(SEND_TIMEOUT, app.outlet.send(delivery.delivery_id, &message)).await {
        Ok(Ok(())) => {
            tracing::info!(delivery_id = %delivery.delivery_id, attempts = delivery.attempts, "mail sent");
            return Attempt::Sent;
        }
        Ok(Err(error @ SendError::Refused(_))) => return dead(delivery, &error),
        Ok(Err(error)) => chain(&error),
        Err(_) => "no outcome within a minute".to_owned(),
    };
    let spread = full_jitter(Duration::from_secs(1)).as_secs_f64();
    let give_up = SignedDuration::from_hours(app.settings.mail.give_up_hours.into());
    let (delivery_id, attempts) = (delivery.delivery_id, delivery.attempts);
    if let Some(at) = next_attempt(attempts, delivery.created_at, app.core.clock.now(), give_up, spread) {
        tracing::warn!(%delivery_id, attempts, error, "mail not sent yet");
        Attempt::Again { at, error }
    } else {
        tracing::error!(%delivery_id, attempts, error, "mail given up");
        Attempt::Dead { error }
    }
}

fn dead(delivery: &Delivery, error: &(dyn std::error::Error + 'static)) -> Attempt {
    tracing::error!(delivery_id = %delivery.delivery_id, attempts = delivery.attempts, %error, "mail cannot be sent");
    Attempt::Dead { error: chain(error) }
}

async fn note(app: &App, delivery: Delivery, attempt: Attempt) -> Result<(), Fault> {
    let now = app.core.clock.now();
    app.core.db.transaction(Unscoped, move |conn| Ok(store::finish(conn, &delivery, &attempt, now)?)).await
}
