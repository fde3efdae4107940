//! Events between services: CloudEvents 1.0, written to an outbox in the business transaction, sent by a
//! dispatcher (`dispatch`), taken by an intake (`intake`) that notes the event's id and applies its effect in one
//! transaction. At least once on the wire, once in effect. A taken event is kept for days, so that it can be sent again
//! to a subscriber whose database was put back to a backup (`letters::resend`).
//!
//! Instances share the sending and the taking: `tests/mechanism/instances.rs` kills those that send. What a consumer keeps
//! of events has a number, so that a release that is rolled back leaves no hole ([`crate::backfill`]).

mod deliveries;
mod dispatch;
mod insert;
pub(crate) mod intake;
pub mod letters;
mod outbox;
mod pace;

pub use intake::{EventConsumer, IntakeResult, IntakeVerdict, IntakeVerdicts};
pub use outbox::{NewEvent, Outbox};

pub(crate) use dispatch::dispatch;

use jiff::Timestamp;
use rollcall_ids::{EventId, OrgId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Media type of a batch.
pub(crate) const BATCH_TYPE: &str = "application/cloudevents-batch+json";
/// Where every service takes events.
pub(crate) const INTAKE_PATH: &str = "/internal/v1/events";
/// How long a consumer remembers the ids of events: longer than a sender may keep one and try it.
pub(crate) const REMEMBER: jiff::SignedDuration = jiff::SignedDuration::from_hours(30 * 24);

/// An event in the form of CloudEvents 1.0 (JSON format), with three extension attributes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CloudEvent {
    /// Always `1.0`.
    pub specversion: String,
    /// Its id, unique for its source.
    pub id: EventId,
    /// `/rollcall/<service>`.
    pub source: String,
    /// Its type, like `org.employee.changed.v1`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Id of what it is about.
    pub subject: String,
    /// When it happened.
    pub time: Timestamp,
    /// Always `application/json`.
    pub datacontenttype: String,
    /// Extension: the organisation it happened in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orgid: Option<OrgId>,
    /// Extension: the version of what it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aggregateversion: Option<i64>,
    /// Extension: the trace it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// What its type says.
    pub data: serde_json::Value,
}

impl CloudEvent {
    /// The data as its type.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T, crate::fault::Fault> {
        T::deserialize(&self.data).map_err(|error| {
            crate::fault::Fault::Malformed(vec![crate::problem::FieldError {
                pointer: "/data".to_owned(),
                code: "wrong_type".into(),
                detail: error.to_string(),
            }])
        })
    }
}
