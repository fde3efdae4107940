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
