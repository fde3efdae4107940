//! An audit event.

use diesel::prelude::*;
use jiff::Timestamp;
use rollcall_ids::{EmployeeId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Who changes something.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Actor {
    /// Their account.
    pub(crate) user_id: UserId,
    /// Who they are in the organisation; none when they are just becoming somebody.
    pub(crate) employee_id: Option<EmployeeId>,
    /// The network address the request came from.
    pub(crate) address: Option<String>,
}

/// An audit event to append.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) at: Timestamp,
    pub(crate) actor: Actor,
    pub(crate) action: &'static str,
    pub(crate) subject_kind: &'static str,
    pub(crate) subject_id: Uuid,
    pub(crate) before: Option<serde_json::Value>,
    pub(crate) after: Option<serde_json::Value>,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Queryable, Selectable, Serialize, ToSchema)]
#[diesel(table_name = crate::schema::audit_events)]
#[schema(example = json!({
    "sequence": 42, "at": "2026-06-01T09:00:00Z", "actor_user_id": "01890a5d-ac96-774b-bcce-b302099a8054", "actor_employee_id": "01890a5d-ac96-774b-bcce-b302099a8053",
    "address": "203.0.113.9", "action": "unit.changed", "subject_kind": "unit", "subject_id": "01890a5d-ac96-774b-bcce-b302099a8051",
    "before": {"name": "Store"}, "after": {"name": "Warehouse"},
}))]
pub(crate) struct AuditEvent {
    /// Place in the record, ascending; numbers may be left out.
    #[schema(example = 42)]
    pub(crate) sequence: i64,
    /// When.
    #[diesel(deserialize_as = jiff_diesel::Timestamp)]
    #[schema(value_type = String, format = DateTime)]
    pub(crate) at: Timestamp,
    /// Whose account changed it.
    pub(crate) actor_user_id: UserId,
    /// Which employee that is.
    pub(crate) actor_employee_id: Option<EmployeeId>,
    /// The network address the request came from.
    #[schema(example = "203.0.113.9")]
    pub(crate) address: Option<String>,
    /// What was done.
    #[schema(example = "unit.changed")]
    pub(crate) action: String,
    /// What kind of thing was changed.
    #[schema(example = "unit")]
    pub(crate) subject_kind: String,
    /// Which one.
    pub(crate) subject_id: Uuid,
    /// The resource before; none when it was created.
    #[schema(value_type = Option<Object>)]
    pub(crate) before: Option<serde_json::Value>,
    /// The resource after.
    #[schema(value_type = Option<Object>)]
    pub(crate) after: Option<serde_json::Value>,
}
