//! `/leave-requests`.

use crate::approvals::Approval;
use crate::policy::Portion;
use crate::workdays::LeaveHours;
use jiff::civil::Date;
use rollcall_ids::{EmployeeId, LeaveRequestId, LeaveTypeId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Body of `POST /leave-requests`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLeaveRequest {
    /// For whom; left out: for the caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub employee_id: Option<EmployeeId>,
    /// Which kind of leave.
    pub leave_type_id: LeaveTypeId,
    /// First day.
    pub from: Date,
    /// Last day, included; at most 366 days in all.
    pub to: Date,
    /// Which part of the day; `am` and `pm` of one day only. Left out: `full`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub portion: Option<Portion>,
    /// Hours of one day instead; before the start of a shift that goes on past midnight they are of the next morning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<LeaveHours>,
    /// Why, 1 to 500 characters; left out: nobody needs to know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What a day of leave costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LeaveDay {
    /// The day.
    pub date: Date,
    /// Minutes: what was planned to be worked in that time.
    pub minutes: u32,
}

/// A request for leave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LeaveRequest {
    /// Its id.
    pub leave_request_id: LeaveRequestId,
    /// For whom.
    pub employee_id: EmployeeId,
    /// Which kind of leave.
    pub leave_type_id: LeaveTypeId,
    /// First day.
    pub from: Date,
    /// Last day, included; of leave that was ended early, the last one that stays.
    pub to: Date,
    /// Which part of the day; absent: hours of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub portion: Option<Portion>,
    /// Hours of the day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<LeaveHours>,
    /// What it costs: the sum of its days.
    pub minutes: u32,
    /// What each day costs by the plan when it was asked for, and for ever by the plan when it was approved. Rest days and
    /// holidays cost nothing. Without those that an early end has taken back.
    pub days: Vec<LeaveDay>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How it stands; once approved, it is in the workdays.
    #[serde(flatten)]
    pub approval: Approval,
}

/// Body of `POST /leave-requests/{leave_request_id}/cancel`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LeaveCancellation {
    /// A word to it, at most 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The first day that is taken back, one of the leave: the days before it stay, and it may be over. Left out: all of it,
    /// until its first day is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Date>,
}
