//! Dropping what is over, and telling how much waits.

use super::store::{self, Channel};
use crate::app::App;
use crate::inbox::store as inbox;
use crate::links::store as links;
use crate::webhooks::{over, queue};
use diesel::PgConnection;
use jiff::SignedDuration;
use rollcall_common::db::Unscoped;
use rollcall_common::fault::Fault;
use rollcall_common::problem::chain;
use std::sync::Arc;
use std::time::Duration;

/// Rows dropped by one statement, so that none is long.
const ROWS_AT_A_TIME: usize = 5_000;
/// Between two rounds of dropping: what waits for a webhook that was switched off is seen to be given up soon.
const PRUNE_EVERY: Duration = Duration::from_secs(30);
/// Between two looks at how much waits.
const LOOK_EVERY: Duration = Duration::from_secs(15);

/// Gives up what waits for webhooks that are off, drops deliveries that are over and older than the settings say, webhooks
/// that were removed, links that ended long ago, and messages that were read long ago, for ever.
pub async fn prune(app: Arc<App>) {
    loop {
        match prune_some(&app).await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(fault) => tracing::warn!(error = chain(&fault), "cannot drop old deliveries"),
        }
        tokio::time::sleep(PRUNE_EVERY).await;
    }
}

/// Drops a portion; says whether there may be more.
pub async fn prune_some(app: &App) -> Result<bool, Fault> {
    let now = app.core.clock.now();
    let before = now - SignedDuration::from_hours(24 * i64::from(app.settings.deliveries.kept_days));
    let read = now - SignedDuration::from_hours(24 * i64::from(app.settings.inbox.kept_days));
    let most = i64::try_from(ROWS_AT_A_TIME).unwrap_or(1);
    let drop = move |conn: &mut PgConnection| {
        let mut more = links::prune(conn, now, most)? == ROWS_AT_A_TIME;
        more |= inbox::prune(conn, read, most)? == ROWS_AT_A_TIME;
        for channel in Channel::ALL {
            more |= store::prune(conn, channel, before, most)? == ROWS_AT_A_TIME;
        }
        queue::work_for_all(conn)?;
        more |= over::give_up(conn, None, now, most)? == ROWS_AT_A_TIME;
        more |= over::purge(conn, most)? == ROWS_AT_A_TIME;
        Ok(more)
    };
    app.core.db.transaction(Unscoped, drop).await
}

/// Sets the metrics `delivery_queue_depth` and `delivery_queue_age_seconds` of each channel, for ever.
pub async fn measure(app: Arc<App>) {
    loop {
        let now = app.core.clock.now();
        let look = move |conn: &mut PgConnection| {
            let look = |channel| Ok((channel, store::queue(conn, channel, now)?));
            Channel::ALL.into_iter().map(look).collect::<Result<Vec<_>, Fault>>()
        };
        match app.core.db.transaction(Unscoped, look).await {
            Ok(queues) => {
                for (channel, queue) in queues {
                    #[expect(clippy::cast_precision_loss, reason = "a gauge; nobody owes 2^53 messages")]
                    let depth = queue.depth as f64;
                    metrics::gauge!("delivery_queue_depth", "channel" => channel.as_str()).set(depth);
                    metrics::gauge!("delivery_queue_age_seconds", "channel" => channel.as_str()).set(queue.age_seconds);
                }
            }
            Err(fault) => tracing::warn!(error = chain(&fault), "cannot see how much waits to be sent"),
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
