//! Events of the stream. Each `notification` and `read` has an id of its own; `unread_count` repeats the id
//! of the event it follows. A client keeps the last id it saw and gives it back when it reconnects.

use jiff::Timestamp;
use rollcall_ids::NotificationId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A new message; `data`: [`crate::inbox::Notification`].
pub const NOTIFICATION: &str = "notification";
/// Something was read, perhaps in another window; `data`: [`Read`].
pub const READ: &str = "read";
/// How many are unread after what came before; `data`: [`crate::inbox::UnreadCount`].
pub const UNREAD_COUNT: &str = "unread_count";
/// What was missed cannot be told one by one: load the inbox anew; `data`: [`Reset`].
pub const RESET: &str = "reset";

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Read {
    /// The message; none: every message that came before this event.
    pub notification_id: Option<NotificationId>,
    /// When.
    pub read_at: Timestamp,
}

/// Why the client has to load the inbox anew. For people who look for a fault; a client treats all alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResetReason {
    /// The position is none that this service gave, or is of a stream that no longer exists.
    UnknownPosition,
    /// What came after the position is no longer kept.
    TooOld,
    /// More came after the position than is worth replaying.
    TooMuch,
    /// The client did not read for so long that it was cut off.
    TooSlow,
}

/// Start over: load the inbox, drop what is older.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reset {
    /// Why.
    pub reason: ResetReason,
}

/// The subprotocol of the stream as a WebSocket.
pub const SUBPROTOCOL: &str = "rollcall.stream.v1";

/// Why a WebSocket was closed. RFC 6455 has codes for a release (1001), for a client that says something (1003) and for
/// one that says too much (1009); these are ours. The reason of the frame is the name and `retry_ms=<n>`.
pub mod close {
    /// Sign in, or refresh, before coming back.
    pub const NOT_SIGNED_IN: u16 = 4401;
    /// The client did not keep up: load the inbox anew.
    pub const FELL_BEHIND: u16 = 4408;
    /// The user has opened more streams than one may have, and this was the oldest.
    pub const TOO_MANY: u16 = 4429;

    /// With [`NOT_SIGNED_IN`]: the token has expired.
    pub const TOKEN_EXPIRED: &str = "token_expired";
    /// With [`NOT_SIGNED_IN`]: the session has ended, the API token was revoked or the account disabled.
    pub const SESSION_ENDED: &str = "session_ended";
    /// With [`FELL_BEHIND`].
    pub const RESET: &str = "reset";
    /// With [`TOO_MANY`].
    pub const OUSTED: &str = "too_many_streams";
    /// The service is being released.
    pub const GOING_AWAY: &str = "going_away";
    /// The client closed it.
    pub const BYE: &str = "bye";
    /// The client said something, which nobody hears.
    pub const UNHEARD: &str = "unheard";
    /// A frame of the client was too long.
    pub const TOO_LONG: &str = "too_long";
    /// What the client sent is no frame.
    pub const NOT_A_FRAME: &str = "not_a_frame";
}
