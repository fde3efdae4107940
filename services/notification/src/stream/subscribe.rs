//! How a stream is opened, whatever it is written as.

use super::domain::{Message, Position, Start, start};
use super::hub::{Draining, Subscription};
use super::listener::{Listener, Right};
use super::store::Standing;
use super::watch::reconnect_milliseconds;
use crate::app::App;
use rollcall_common::auth::Caller;
use rollcall_common::fault::Fault;
use rollcall_common::secret::full_jitter;
use std::time::Duration;

/// Opens a stream of the caller's, who last saw `asked`, for as long as they may listen.
pub async fn subscribe(app: &App, caller: &Caller, asked: Option<&str>) -> Result<Subscription, Fault> {
    let (user_id, right) = (caller.user_id, Right::from(caller));
    let standing = app.openings.standing(caller).await?;
    let start = start(asked, standing.position(), app.hub.limits().replayed);
    let (position, opening) = open(start, &standing);
    let listener = Listener::new(position, opening, app.core.clock.now(), right);
    let subscription = app
        .hub
        .join(user_id, listener)
        .map_err(|Draining| Fault::unavailable("stream", anyhow::anyhow!("this instance is about to stop")))?;
    // The session may have ended while the stream was opened, before there was anything to end.
    let refused = |user, right: &Right| app.core.revocations.refuses(user, right.session_id, right.issued_at);
    app.hub.revoke(Some(user_id), refused, reconnect_milliseconds);
    Ok(subscription)
}

/// The position a stream begins at, and what it is told first.
fn open(start: Start, standing: &Standing) -> (Position, Vec<Message>) {
    let current = standing.position();
    let mut opening =
        vec![Message::Retry(1_000 + u64::try_from(full_jitter(Duration::from_secs(2)).as_millis()).unwrap_or(0))];
    let position = match start {
        Start::Now => current,
        Start::After(seq) => Position { seq, ..current },
        Start::Reset(reason) => {
            opening.push(Message::reset(current, reason));
            current
        }
    };
    // A stream that is behind hears the count with what it missed.
    if position == current {
        opening.push(Message::unread(current, standing.unread));
    }
    (position, opening)
}
