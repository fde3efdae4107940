//! Events of leave that no request is about.

use jiff::civil::Date;
use rollcall_ids::{EmployeeId, LeaveEntryId, LeaveTypeId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Leave is about to expire; told once for each grant; `data`: [`LeaveExpiring`].
pub const LEAVE_EXPIRING: &str = "attendance.leave.expiring.v1";

/// Whose leave expires, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LeaveExpiring {
    /// Whose, who is told.
    pub employee_id: EmployeeId,
    /// Their name.
    pub employee_name: String,
    /// Of which kind.
    pub leave_type_id: LeaveTypeId,
    /// Its name.
    pub leave_type_name: String,
    /// The entry that gave it.
    pub leave_entry_id: LeaveEntryId,
    /// What is left of it.
    pub minutes: i64,
    /// Last day on which it can be taken.
    pub expires_on: Date,
}
