//! Sends what is owed to webhooks: leases as much as there is room for, sends each by itself, and notes the outcome. What
//! is slow holds its own place and nobody else's.

use super::domain::{Verdict, judge, retry_after};
use super::queue::{self, After, Leased, Portion};
use super::sender::{Exchange, NoRoom};
use crate::app::App;
use diesel::pg::PgConnection;
use jiff::{SignedDuration, Timestamp};
use rollcall_common::db::Unscoped;
use rollcall_common::events::{CloudEvent, EventConsumer as _};
use rollcall_common::fault::Fault;
use rollcall_common::problem::chain;
use rollcall_common::secret::full_jitter;
use rollcall_common::server::Drain;
use rollcall_common::tenant::Tenant;
use rollcall_ids::EventId;
use rollcall_notification_api::events::{WEBHOOK_SWITCHED_OFF, WebhookSwitchedOff};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// Between two looks when nothing wakes the worker.
const PAUSE: Duration = Duration::from_secs(1);
/// A lease is longer than an attempt by this: the transactions before and after it.
const LEASE_BEYOND: Duration = Duration::from_secs(45);
/// After which a delivery is taken again that there was no room for here.
const NO_ROOM_FOR: SignedDuration = SignedDuration::from_secs(5);
/// For how long a stop waits for answers; what has none by then is given back.
const GRACE: Duration = Duration::from_secs(3);

/// Sends until the service drains.
pub async fn run(app: Arc<App>, drain: Drain) {
    let mut under_way = JoinSet::new();
    while !drain.is_draining() {
        match take(&app, under_way.len()).await {
            Ok(taken) => taken.into_iter().for_each(|leased| {
                under_way.spawn(work(Arc::clone(&app), drain.clone(), leased));
            }),
            Err(fault) => {
                tracing::warn!(error = chain(&fault), "cannot look for webhook deliveries");
                tokio::time::sleep(PAUSE).await;
            }
        }
        tokio::select! {
            () = drain.started() => {}
            Some(_) = under_way.join_next() => while under_way.try_join_next().is_some() {},
            () = app.wakes.webhooks.notified() => {}
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
    while under_way.join_next().await.is_some() {}
}

async fn take(app: &App, under_way: usize) -> Result<Vec<Leased>, Fault> {
    let settings = &app.settings.webhooks;
    let most = i64::try_from(settings.at_a_time.saturating_sub(under_way)).unwrap_or(i64::MAX);
    if most == 0 {
        return Ok(Vec::new());
    }
    let lease = Duration::from_secs(settings.timeout_seconds.into()) + LEASE_BEYOND;
    let lease = SignedDuration::try_from(lease).map_err(Fault::internal)?;
    let (now, each) = (app.core.clock.now(), i64::from(settings.at_a_time_each.max(1)));
    let portion = Portion { most, each, lease };
    app.core.db.transaction(Unscoped, move |conn| queue::claim(conn, now, portion)).await
}

/// One attempt, from the lease to its outcome.
async fn work(app: Arc<App>, drain: Drain, leased: Leased) {
    let tenant = tenant_of(&leased);
    let patience = async {
        drain.started().await;
        tokio::time::sleep(GRACE).await;
    };
    let sent = tokio::select! {
        sent = send(&app, tenant, &leased) => sent,
        () = patience => {
            return give_back(&app, tenant, leased, None).await;
        }
    };
    let delivery_id = leased.delivery_id;
    let noted = match sent {
        Ok(Ok(exchange)) => note(&app, tenant, leased, exchange).await,
        Ok(Err(NoRoom)) => {
            let later = app.core.clock.now() + NO_ROOM_FOR;
            return give_back(&app, tenant, leased, Some(later)).await;
        }
        Err(fault) => Err(fault),
    };
    if let Err(fault) = noted {
        tracing::warn!(%delivery_id, error = chain(&fault), "a webhook delivery is held until its lease ends");
    }
}

async fn give_back(app: &App, tenant: Tenant, leased: Leased, later: Option<Timestamp>) {
    let delivery_id = leased.delivery_id;
    let back = move |conn: &mut PgConnection| queue::give_back(conn, &tenant, &leased, later);
    if let Err(fault) = app.core.db.transaction(&tenant, back).await {
        tracing::warn!(%delivery_id, error = chain(&fault), "a delivery is held until its lease ends");
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the row was written under the tenant of an event that a known service sent"
)]
fn tenant_of(leased: &Leased) -> Tenant {
    Tenant::of_capability(leased.org_id)
}

async fn send(app: &Arc<App>, tenant: Tenant, leased: &Leased) -> Result<Result<Exchange, NoRoom>, Fault> {
    let (sealing, leased, now) = (Arc::clone(&app.sealing), leased.clone(), app.core.clock.now());
    let sign = move |conn: &mut PgConnection| queue::message(conn, &leased, &sealing, now);
    let message = app.core.db.transaction(&tenant, sign).await?;
    Ok(app.sender.send(tenant.org_id(), message).await)
}

/// Notes the outcome, and in the same transaction whatever follows from it for the webhook.
async fn note(app: &Arc<App>, tenant: Tenant, leased: Leased, exchange: Exchange) -> Result<(), Fault> {
    let now = app.core.clock.now();
    let status = exchange.answer.as_ref().map(|answer| answer.status);
    let asked = exchange.retry_after.as_deref().and_then(|value| retry_after(value, now));
    let spread = full_jitter(Duration::from_secs(1)).as_secs_f64();
    let verdict = judge(leased.attempts, status, asked, spread);
    record(&leased, &exchange, verdict);
    let off_after = SignedDuration::from_hours(app.settings.webhooks.off_after_hours.into());
    let shared = Arc::clone(app);
    let done = move |conn: &mut PgConnection| {
        let after = queue::finish(conn, &tenant, &leased, &exchange, verdict, off_after, now)?;
        let After::Off(reason) = after else { return Ok::<_, Fault>(None) };
        let webhook = queue::switch_off(conn, &tenant, leased.webhook_id, reason, now)?;
        tracing::warn!(webhook_id = %leased.webhook_id, reason, "a webhook is switched off");
        let host = url::Url::parse(&webhook.url).ok().and_then(|url| url.host_str().map(str::to_owned));
        let said = WebhookSwitchedOff {
            webhook_id: webhook.webhook_id,
            description: webhook.description,
            host: host.unwrap_or_default(),
            gone: reason == "gone",
            failing_since: webhook.failing_since,
        };
        let notice = notice(&tenant, &said, now)?;
        shared.apply(conn, Some(&tenant), &notice)?;
        Ok(Some(notice))
    };
    if let Some(notice) = app.core.db.transaction(&tenant, done).await? {
        app.committed(&notice);
    }
    Ok(())
}

/// What is told about a webhook that was switched off goes the way of every other event.
fn notice(tenant: &Tenant, said: &WebhookSwitchedOff, now: Timestamp) -> Result<CloudEvent, Fault> {
    Ok(CloudEvent {
        specversion: "1.0".to_owned(),
        id: EventId::generate(),
        source: "/rollcall/notification".to_owned(),
        kind: WEBHOOK_SWITCHED_OFF.to_owned(),
        subject: said.webhook_id.to_string(),
        time: now,
        datacontenttype: "application/json".to_owned(),
        orgid: Some(tenant.org_id()),
        aggregateversion: None,
        traceparent: None,
        data: serde_json::to_value(said).map_err(Fault::internal)?,
    })
}

fn record(leased: &Leased, exchange: &Exchange, verdict: Verdict) {
    let outcome = match verdict {
        Verdict::Delivered => "delivered",
        Verdict::Failed { again: Some(_), .. } => "failed",
        Verdict::Failed { again: None, .. } | Verdict::Gone => "dead",
    };
    metrics::counter!("deliveries_total", "channel" => "webhook", "outcome" => outcome).increment(1);
    // No URL and no body: they may hold secrets and people.
    tracing::info!(
        delivery_id = %leased.delivery_id, webhook_id = %leased.webhook_id, attempts = leased.attempts,
        status = exchange.answer.as_ref().map(|answer| answer.status), outcome, "webhook delivery"
    );
}
