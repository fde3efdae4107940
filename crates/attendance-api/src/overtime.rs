//! `/overtime-requests`: that overtime counts, where the shift asks for approval.

use crate::approvals::Approval;
use jiff::civil::Date;
use rollcall_ids::{EmployeeId, OvertimeRequestId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Body of `POST /overtime-requests`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOvertimeRequest {
    /// Whose; left out: the caller's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub employee_id: Option<EmployeeId>,
    /// The day: up to 400 days back, and a year ahead.
    pub work_date: Date,
    /// How much is to count, 1 to 1,440. Several approved requests of one day add up.
    #[schema(minimum = 1, maximum = 1440)]
    pub minutes: u32,
    /// Why, 1 to 500 characters.
    #[schema(example = "Stocktaking")]
    pub reason: String,
}

/// A request for overtime.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OvertimeRequest {
    /// Its id.
    pub overtime_request_id: OvertimeRequestId,
    /// Whose.
    pub employee_id: EmployeeId,
    /// The day.
    pub work_date: Date,
    /// How much is to count.
    pub minutes: u32,
    /// Why.
    pub reason: String,
    /// How it stands; once approved, overtime of the day counts up to `minutes`.
    #[serde(flatten)]
    pub approval: Approval,
}
