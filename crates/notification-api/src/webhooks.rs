//! Webhooks of an organisation, and what was sent to them.

use jiff::Timestamp;
use rollcall_ids::{EventId, OrgId, WebhookDeliveryId, WebhookId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What a webhook is made of.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookBody {
    /// Where events are posted to: `https`, without name and password, at most 2,000 characters. Redirects are not
    /// followed.
    #[schema(example = "https://payroll.example.org/rollcall")]
    pub url: String,
    /// For people, at most 200 characters.
    #[serde(default)]
    #[schema(example = "Payroll")]
    pub description: Option<String>,
    /// Types of events; all when absent or empty, also those that are added later.
    #[serde(default)]
    pub event_types: Option<Vec<String>>,
    /// Whether anything is sent. Switched off, what is queued is given up, and can be sent again one by one.
    #[serde(default)]
    pub enabled: Option<bool>,
}

/// A webhook.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Webhook {
    /// Its id.
    pub webhook_id: WebhookId,
    /// Where events are posted to.
    pub url: String,
    /// For people.
    pub description: String,
    /// Types of events; empty: all.
    pub event_types: Vec<String>,
    /// Whether anything is sent.
    pub enabled: bool,
    /// Why it is off: `by_hand`, `gone` (it answered 410) or `failing` (for days).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub off_reason: Option<String>,
    /// Since when no delivery has succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<Timestamp>,
    /// Until when it asked to be left alone (`Retry-After`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused_until: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Its version, which `If-Match` takes.
    pub version: i64,
}

/// How a secret is replaced.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateSecret {
    /// Seconds for which the old secret signs beside the new one, 0 to 604,800; 86,400 (a day) when absent. 0 for one
    /// that was given away.
    #[serde(default)]
    pub overlap_seconds: Option<u32>,
    /// A secret of one's own: `whsec_` and the base64 of 24 to 64 random bytes. One is made when absent.
    #[serde(default)]
    pub secret: Option<String>,
}

/// A secret of a webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookSecret {
    /// `whsec_` and the base64 of the key of HMAC-SHA256.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    pub secret: String,
    /// When it stops signing; absent for the one in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Timestamp>,
}

/// The secrets that sign, the one in force first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookSecrets {
    /// They.
    pub items: Vec<WebhookSecret>,
}

/// The state of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It is sent, or waits for its next attempt.
    Queued,
    /// The endpoint answered with a status of 200 to 299.
    Delivered,
    /// It was given up.
    Dead,
}

impl DeliveryState {
    /// Its name, on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }
}

/// One event on its way to one webhook.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WebhookDelivery {
    /// Its id.
    pub delivery_id: WebhookDeliveryId,
    /// `webhook-id` of every attempt: the event.
    pub event_id: EventId,
    /// Type of the event.
    pub event_type: String,
    /// `queued`, `delivered` or `dead`.
    pub state: String,
    /// Attempts so far.
    pub attempts: i32,
    /// When the next attempt is due, while it is queued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_attempt_at: Option<Timestamp>,
    /// When it was owed.
    pub created_at: Timestamp,
    /// When it was delivered or given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// What was sent at the last attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<SentRequest>,
    /// What came back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<GotAnswer>,
    /// Why the last attempt failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The body that is sent, as text.
    pub payload: String,
}

/// A request as it was sent; its signature is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SentRequest {
    /// When.
    pub at: Timestamp,
    /// Where to.
    pub url: String,
    /// Its headers, but for the signature.
    pub headers: BTreeMap<String, String>,
}

/// An answer as it came, cut to what is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GotAnswer {
    /// The status.
    pub status: u16,
    /// Its headers, at most 32 of 256 characters; none that hold credentials.
    pub headers: BTreeMap<String, String>,
    /// The first 4 KiB of its body.
    pub body: String,
    /// Whether there was more.
    pub cut: bool,
    /// Milliseconds from the beginning of the request.
    pub took_ms: u64,
}

/// What is posted: <https://www.standardwebhooks.com>.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WebhookMessage<T> {
    /// Type of the event.
    #[serde(rename = "type")]
    pub kind: String,
    /// When it happened.
    pub timestamp: Timestamp,
    /// In which organisation.
    pub org_id: OrgId,
    /// What its type says.
    pub data: T,
}
