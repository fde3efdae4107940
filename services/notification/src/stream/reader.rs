//! The two tasks that read for all streams of an instance: one reads logs and hands them out, one looks at where logs
//! stand, whichever instance wrote to them. Neither is needed to keep a stream alive or to end it: that is `watch`.

use super::store;
use crate::app::App;
use jiff::SignedDuration;
use rollcall_common::db::Unscoped;
use rollcall_common::fault::Fault;
use rollcall_common::problem::chain;
use std::sync::Arc;
use std::time::Duration;

/// Logs read by one query.
const USERS_AT_A_TIME: usize = 500;
/// Logs looked at by one query: the answer for all would be held in memory at once.
const LOOKED_AT_A_TIME: usize = 2_000;
/// Rows dropped by one statement, so that none is long.
const ROWS_AT_A_TIME: usize = 5_000;
/// Between two rounds of dropping old entries.
const PRUNE_EVERY: Duration = Duration::from_mins(10);
/// After a failed read, before the next.
const PAUSE: Duration = Duration::from_millis(250);

/// Reads the logs that somebody asked for and hands them to the streams, for ever.
pub async fn read(app: Arc<App>) {
    loop {
        app.hub.wanted().await;
        while let due = app.hub.take_due(USERS_AT_A_TIME)
            && !due.is_empty()
        {
            let users: Vec<_> = due.iter().map(|(user, _)| *user).collect();
            let most = app.hub.limits().buffered;
            match app.core.db.transaction(Unscoped, move |conn| Ok(store::next_entries(conn, &due, most)?)).await {
                Ok(batches) => {
                    for (user, batch) in batches {
                        app.hub.deliver(user, &batch);
                    }
                }
                Err::<_, Fault>(fault) => {
                    tracing::warn!(error = chain(&fault), "cannot read what streams should get");
                    app.hub.read_for(users);
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

/// Looks at where the logs of all connected users stand, for ever.
pub async fn compare(app: Arc<App>) {
    let mut tick = tokio::time::interval(Duration::from_millis(app.settings.stream.poll_ms));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = app.hub.look_wanted() => {}
        }
        let users = app.hub.connected();
        if users.is_empty() {
            continue;
        }
        for some in users.chunks(LOOKED_AT_A_TIME) {
            let some = some.to_vec();
            match app.core.db.transaction(Unscoped, move |conn| Ok(store::standings(conn, &some)?)).await {
                Ok(standings) => app.hub.compare(standings.into_iter().map(|s| (s.user_id, s.position()))),
                Err::<_, Fault>(fault) => tracing::warn!(error = chain(&fault), "cannot see where logs stand"),
            }
        }
    }
}

/// Drops entries that are older than any client may come back for, for ever.
pub async fn prune(app: Arc<App>) {
    loop {
        let kept = SignedDuration::from_hours(app.settings.stream.kept_hours.into());
        let before = app.core.clock.now() - kept;
        let most = i64::try_from(ROWS_AT_A_TIME).unwrap_or(1);
        match app.core.db.transaction(Unscoped, move |conn| Ok(store::prune(conn, before, most)?)).await {
            Ok(rows) if rows == ROWS_AT_A_TIME => continue,
            Ok(_) => {}
            Err::<_, Fault>(fault) => tracing::warn!(error = chain(&fault), "cannot drop old stream entries"),
        }
        tokio::time::sleep(PRUNE_EVERY).await;
    }
}
