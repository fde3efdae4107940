//! What all requests that wait for somebody's decision have in common: corrections, overtime, leave, swaps.

use jiff::{Timestamp, civil::Date};
use rollcall_ids::{EmployeeId, RequestId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RequestKind {
    /// To put a workday right.
    Correction,
    /// That overtime counts.
    Overtime,
    /// To be away.
    Leave,
    /// To swap shifts with somebody.
    Swap,
}

impl RequestKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Correction, Self::Overtime, Self::Leave, Self::Swap];
}

/// Where a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RequestStatus {
    /// It waits for a decision: of two levels also after the first has approved.
    Pending,
    /// It holds.
    Approved,
    /// It does not.
    Rejected,
    /// It was taken back.
    Cancelled,
}

/// What somebody decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Yes, as far as this level is concerned.
    Approved,
    /// No.
    Rejected,
    /// It is taken back, or the rest of it.
    Cancelled,
}

/// One decision on a request; they are kept as they were made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Decided {
    /// At which level, from 1; 0 is the consent of the colleague whom a swap takes.
    pub level: u8,
    /// What.
    pub verdict: Verdict,
    /// Who.
    pub decided_by: EmployeeId,
    /// In whose place, when by a delegate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<EmployeeId>,
    /// What they said to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// When.
    pub at: Timestamp,
    /// The first day that is taken back, where the days before it stay: leave that was ended early. Absent: all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Date>,
}

/// How the approval of a request stands; part of every kind of request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Approval {
    /// Where it stands.
    pub status: RequestStatus,
    /// How many have to approve, one after the other: 1 or 2.
    #[schema(minimum = 1, maximum = 2)]
    pub levels: u8,
    /// Whose turn it is, or was last: 0 is the colleague whom a swap takes and who has to agree first, 1 the direct manager or
    /// whoever may decide for the person, 2 whoever may decide for the whole organisation.
    #[schema(minimum = 0, maximum = 2)]
    pub level: u8,
    /// Who asked for it.
    pub requested_by: EmployeeId,
    /// When.
    pub requested_at: Timestamp,
    /// Who ended it.
    pub decided_by: Option<EmployeeId>,
    /// When.
    pub decided_at: Option<Timestamp>,
    /// What they said to it.
    pub note: Option<String>,
    /// Every decision, in their order.
    pub decisions: Vec<Decided>,
    /// Ascends with every change; sent as `ETag`.
    pub version: i64,
}

/// Body of `…/approve`, `…/reject` and `…/cancel`; of leave the last one is `LeaveCancellation`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// A word to it, at most 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A request in few words, whatever its kind: what a list of all that waits can show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RequestGist {
    /// First day that it concerns.
    pub from: Date,
    /// Last day that it concerns, included.
    pub to: Date,
    /// How much of it, where that is a length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minutes: Option<u32>,
    /// What exactly: the name of the kind of leave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A request that waits for the caller's decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WaitingRequest {
    /// What is asked for: says which resource decides.
    pub kind: RequestKind,
    /// Its id, that of the correction, leave request and so on.
    pub request_id: RequestId,
    /// Who it is for.
    pub employee_id: EmployeeId,
    /// Their name.
    pub employee_name: String,
    /// In few words.
    pub gist: RequestGist,
    /// In whose place the caller would decide; none: in their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<EmployeeId>,
    /// How it stands.
    pub approval: Approval,
}
