//! Events of notification, which it tells by its own rules.

use jiff::Timestamp;
use rollcall_ids::WebhookId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A webhook was switched off because of how it answered; `data`: [`WebhookSwitchedOff`].
pub const WEBHOOK_SWITCHED_OFF: &str = "notification.webhook.switched_off.v1";

/// Which webhook, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookSwitchedOff {
    /// The webhook.
    pub webhook_id: WebhookId,
    /// What people call it; may be empty.
    pub description: String,
    /// Host of its address. The rest of the address may hold a secret.
    pub host: String,
    /// Whether it answered 410; otherwise it failed for days.
    pub gone: bool,
    /// Since when nothing was delivered.
    pub failing_since: Option<Timestamp>,
}
