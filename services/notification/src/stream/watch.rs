//! What ends or keeps alive the streams of an instance, whatever the database does: the time, the end of a session,
//! the end of the instance.

use super::hub::Hub;
use super::listener::Right;
use crate::app::App;
use rollcall_common::auth::Revocation;
use rollcall_common::secret::full_jitter;
use rollcall_ids::UserId;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

/// Between two looks at the time, at most.
const LONGEST_TICK: Duration = Duration::from_secs(1);

/// Looks at the time for all streams, for ever. When the task is dropped, because the service drains, they end.
pub async fn keep_time(app: Arc<App>) {
    let _ends = EndOfStreams(Arc::clone(&app.hub));
    let mut tick = tokio::time::interval(Duration::from_millis(app.settings.stream.poll_ms).min(LONGEST_TICK));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        app.hub.look(app.core.clock.now(), reconnect_milliseconds);
        let open = u32::try_from(app.hub.len()).unwrap_or(u32::MAX);
        metrics::gauge!("streams_open").set(f64::from(open));
    }
}

/// Ends the streams of sessions, API tokens and accounts as they end, for as long as anybody tells.
pub async fn end_revoked(app: Arc<App>, mut told: Receiver<Revocation>) {
    let refused = |user: UserId, right: &Right| app.core.revocations.refuses(user, right.session_id, right.issued_at);
    loop {
        let of = match told.recv().await {
            Ok(revocation) => Some(revocation.user_id),
            // So many ended at once that some were not heard of here: all streams are looked at.
            Err(RecvError::Lagged(_)) => None,
            Err(RecvError::Closed) => return,
        };
        app.hub.revoke(of, refused, reconnect_milliseconds);
    }
}

/// A client whose stream ends without a fault comes back soon, but not all of them at once.
pub(super) fn reconnect_milliseconds() -> u64 {
    100 + u64::try_from(full_jitter(Duration::from_millis(900)).as_millis()).unwrap_or(0)
}

struct EndOfStreams(Arc<Hub>);

impl Drop for EndOfStreams {
    fn drop(&mut self) {
        self.0.drain(reconnect_milliseconds);
    }
}
