//! What notification may answer besides what every service answers.

use actix_web::http::StatusCode;
use rollcall_common::fault::Fault;
use rollcall_common::problem::Problem;
use rollcall_notification_api::codes;

/// A refusal of notification.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The organisation has as many webhooks as it may.
    #[error("too many webhooks")]
    TooManyWebhooks,
    /// Nothing is sent to a webhook that is off.
    #[error("the webhook is off")]
    WebhookOff,
    /// So many replaced secrets still sign.
    #[error("too many secrets")]
    TooManySecrets,
    /// The time of a short link is over.
    #[error("the link has expired")]
    LinkExpired,
    /// What every service may answer.
    #[error(transparent)]
    Fault(#[from] Fault),
}

rollcall_common::api_error!(Error);

impl Error {
    /// How it is answered.
    pub fn problem(&self) -> Problem {
        match self {
            Self::TooManyWebhooks => Problem::new(
                StatusCode::CONFLICT,
                codes::TOO_MANY_WEBHOOKS,
                "The organisation has as many webhooks as it may",
            ),
            Self::WebhookOff => {
                Problem::new(StatusCode::CONFLICT, codes::WEBHOOK_OFF, "The webhook is off; switch it on first")
            }
            Self::TooManySecrets => Problem::new(
                StatusCode::CONFLICT,
                codes::TOO_MANY_SECRETS,
                "Too many replaced secrets still sign; wait until one ends, or replace with overlap_seconds 0",
            ),
            Self::LinkExpired => Problem::new(StatusCode::GONE, codes::LINK_EXPIRED, "The link has expired"),
            Self::Fault(fault) => fault.problem(),
        }
    }
}
