//! Contract of the notification service: telling people, at once and without loss.
//!
//! [`inbox`] holds what `/api/notification/v1/notifications` answers; [`stream`] the events of
//! `/api/notification/v1/stream`. Other services do not call notification: they emit events, which it takes
//! at `/internal/v1/events`.

pub mod announcements;
pub mod inbox;
pub mod stream;
