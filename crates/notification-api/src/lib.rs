//! Contract of the notification service: telling people, at once and without loss.
//!
//! [`inbox`] holds what `/api/notification/v1/notifications` answers; [`stream`] the events of
//! `/api/notification/v1/stream`; [`webhooks`] what an organisation has its events sent to. Other services do not call
//! notification: they emit events, which it takes at `/internal/v1/events`.

pub mod announcements;
pub mod codes;
pub mod events;
pub mod inbox;
pub mod preferences;
pub mod stream;
pub mod webhooks;
