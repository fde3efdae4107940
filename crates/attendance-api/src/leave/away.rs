//! `/away`.

use crate::policy::Portion;
use crate::workdays::LeaveHours;
use jiff::civil::Date;
use rollcall_ids::{EmployeeId, LeaveTypeId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Somebody is away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Away {
    /// Who.
    pub employee_id: EmployeeId,
    /// Their name.
    pub name: String,
    /// Their number.
    pub number: String,
    /// First day.
    pub from: Date,
    /// Last day, included.
    pub to: Date,
    /// Which part of the day; absent: hours of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub portion: Option<Portion>,
    /// Hours of the day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<LeaveHours>,
    /// Which kind of leave; absent: the caller is not to know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leave_type_id: Option<LeaveTypeId>,
    /// Its name, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leave_type_name: Option<String>,
}
