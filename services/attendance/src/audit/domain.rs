//! A change as it was made.

use jiff::Timestamp;
use rollcall_ids::{AuditEventId, EmployeeId};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// One change as it was made; kept for ever.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "an id says of what it is, here as everywhere")]
pub(crate) struct AuditEvent {
    /// Its id.
    pub(crate) audit_event_id: AuditEventId,
    /// When.
    pub(crate) at: Timestamp,
    /// Who; none: the service itself, in carrying on what somebody began.
    pub(crate) actor_id: Option<EmployeeId>,
    /// What: `period.created`, `period.locking`, `period.locking_forced`, `period.locked`, `period.reopened`, `period.closed`,
    /// `settings.changed`.
    #[schema(example = "period.reopened")]
    pub(crate) action: String,
    /// The id of what was changed; of settings that of the organisation.
    pub(crate) subject_id: Uuid,
    /// Why, where a reason is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// As it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object)]
    pub(crate) before: Option<serde_json::Value>,
    /// As it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object)]
    pub(crate) after: Option<serde_json::Value>,
}
