//! Events of requests. All kinds say the same: whose it is, what it is about in few words, who decides.

use crate::approvals::{RequestGist, RequestKind, RequestStatus, Verdict};
use jiff::civil::Date;
use rollcall_ids::{EmployeeId, RequestId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Somebody asks for a correction, which waits for a decision; `data`: [`RequestWaits`].
pub const CORRECTION_REQUESTED: &str = "attendance.correction.requested.v1";
/// A correction was decided, or taken back; `data`: [`RequestDecided`].
pub const CORRECTION_DECIDED: &str = "attendance.correction.decided.v1";
/// Somebody asks that overtime counts; `data`: [`RequestWaits`].
pub const OVERTIME_REQUESTED: &str = "attendance.overtime.requested.v1";
/// A request for overtime was decided, or taken back; `data`: [`RequestDecided`].
pub const OVERTIME_DECIDED: &str = "attendance.overtime.decided.v1";
/// Somebody asks for leave; `data`: [`RequestWaits`].
pub const LEAVE_REQUESTED: &str = "attendance.leave.requested.v1";
/// A request for leave was decided, or taken back; `data`: [`RequestDecided`].
pub const LEAVE_DECIDED: &str = "attendance.leave.decided.v1";
/// Somebody wants to swap shifts with a colleague, whom `approver_ids` names and who has to agree first; `data`:
/// [`RequestWaits`].
pub const SWAP_ASKED: &str = "attendance.swap.asked.v1";
/// The colleague agrees to a swap, which waits for a decision now; `data`: [`RequestDecided`].
pub const SWAP_ACCEPTED: &str = "attendance.swap.accepted.v1";
/// Two people want to swap shifts; `data`: [`RequestWaits`].
pub const SWAP_REQUESTED: &str = "attendance.swap.requested.v1";
/// A swap was decided, or taken back; `data`: [`RequestDecided`].
pub const SWAP_DECIDED: &str = "attendance.swap.decided.v1";

/// Type of the event that a request of this kind waits for a decision.
pub const fn requested(kind: RequestKind) -> &'static str {
    match kind {
        RequestKind::Correction => CORRECTION_REQUESTED,
        RequestKind::Overtime => OVERTIME_REQUESTED,
        RequestKind::Leave => LEAVE_REQUESTED,
        RequestKind::Swap => SWAP_REQUESTED,
    }
}

/// Type of the event that a request of this kind was decided.
pub const fn decided(kind: RequestKind) -> &'static str {
    match kind {
        RequestKind::Correction => CORRECTION_DECIDED,
        RequestKind::Overtime => OVERTIME_DECIDED,
        RequestKind::Leave => LEAVE_DECIDED,
        RequestKind::Swap => SWAP_DECIDED,
    }
}

/// A request waits for a decision: told when it is made, and again when the first of two levels has approved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RequestWaits {
    /// The request.
    pub request_id: RequestId,
    /// What is asked for.
    pub kind: RequestKind,
    /// Who it is for.
    pub employee_id: EmployeeId,
    /// Their name.
    pub employee_name: String,
    /// Who asked.
    pub requested_by: EmployeeId,
    /// In few words.
    pub gist: RequestGist,
    /// Whose turn it is.
    pub level: u8,
    /// Of how many.
    pub levels: u8,
    /// Who may decide and is told: at the first level the direct manager, else and at the second whoever may decide
    /// for the whole organisation; with those who stand in for them today. Others may be able to as well.
    pub approver_ids: Vec<EmployeeId>,
}

/// A decision on a request: one for each level, and one when it is taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RequestDecided {
    /// The request.
    pub request_id: RequestId,
    /// What was asked for.
    pub kind: RequestKind,
    /// Who it is for.
    pub employee_id: EmployeeId,
    /// Their name.
    pub employee_name: String,
    /// Who asked.
    pub requested_by: EmployeeId,
    /// With whom, where it takes two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with_employee_id: Option<EmployeeId>,
    /// In few words.
    pub gist: RequestGist,
    /// The level that has spoken.
    pub level: u8,
    /// Of how many.
    pub levels: u8,
    /// What it said.
    pub verdict: Verdict,
    /// Where the request stands now: still pending when another level has to speak.
    pub status: RequestStatus,
    /// Who decided.
    pub decided_by: EmployeeId,
    /// Their name.
    pub decided_by_name: String,
    /// In whose place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<EmployeeId>,
    /// What they said to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The first day that is taken back, where the days before it stay. Absent: all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Date>,
    /// Who was waited for, so that they are told when it is taken back.
    pub approver_ids: Vec<EmployeeId>,
}
