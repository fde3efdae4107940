//! `/leave-ledger` and `/leave-balances`.

use jiff::{Timestamp, civil::Date};
use rollcall_ids::{EmployeeId, LeaveEntryId, LeavePolicyId, LeaveRequestId, LeaveTypeId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LeaveEntryKind {
    /// Given by hand.
    Grant,
    /// Earned by a policy.
    Accrual,
    /// Taken from a year that ended, or put into the next.
    CarryOver,
    /// Not used in time.
    Expiry,
    /// Taken.
    Use,
    /// Given back.
    Return,
    /// Put right by hand.
    Adjust,
}

/// An entry of the ledger. Entries are added and never changed; the balance is their sum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LeaveEntry {
    /// Its id.
    pub leave_entry_id: LeaveEntryId,
    /// Whose.
    pub employee_id: EmployeeId,
    /// Of which kind of leave.
    pub leave_type_id: LeaveTypeId,
    /// What it is.
    pub kind: LeaveEntryKind,
    /// Minutes, negative when the balance falls.
    pub minutes: i64,
    /// The day from which it counts: of a use the day that was taken.
    pub effective_on: Date,
    /// Last day on which what it gives can be taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_on: Option<Date>,
    /// First of the dates that it is earned for; no date is earned twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earned_from: Option<Date>,
    /// Last of these dates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earned_to: Option<Date>,
    /// The entry that it takes from or gives back to; none of a use that is a debt, or of a day to come that will take
    /// from what is not there yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_id: Option<LeaveEntryId>,
    /// The request that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leave_request_id: Option<LeaveRequestId>,
    /// The policy that it follows from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leave_policy_id: Option<LeavePolicyId>,
    /// A word to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// When it was entered.
    pub created_at: Timestamp,
    /// Who entered it; none: the service by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<EmployeeId>,
}

/// Body of `POST /leave-ledger`: a grant or an adjustment by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLeaveEntry {
    /// Whose.
    pub employee_id: EmployeeId,
    /// Of which kind of leave.
    pub leave_type_id: LeaveTypeId,
    /// `grant` or `adjust`.
    pub kind: LeaveEntryKind,
    /// Minutes, not 0; a grant is more than 0, and at most 1,000,000 either way.
    pub minutes: i64,
    /// The day from which it counts; left out: today.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_on: Option<Date>,
    /// Last day on which what it gives can be taken; left out: it does not expire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_on: Option<Date>,
    /// First of the dates that a grant stands for: no policy gives anything for them; left out: of none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earned_from: Option<Date>,
    /// Last of these dates, at most 3,660 in all; comes with `earned_from`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earned_to: Option<Date>,
    /// Why, 1 to 500 characters.
    pub note: String,
}

/// What somebody has of a kind of leave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LeaveBalance {
    /// Of which kind.
    pub leave_type_id: LeaveTypeId,
    /// The sum of all entries up to the day, it included: of a day to come also of those that there will be, as the
    /// policies are now. Work that is not done yet earns nothing.
    pub balance_minutes: i64,
    /// What could be taken on the day: without what has expired or begins later, and less what is approved for days to
    /// come and will have nothing else to take from; negative when in debt.
    pub available_minutes: i64,
    /// What requests that wait for a decision would take, as it was reckoned when they were made.
    pub pending_minutes: i64,
    /// The next day after which something expires if no more is taken than is approved; what goes on into another leave
    /// year does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_expiry_on: Option<Date>,
    /// How much.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_expiry_minutes: Option<i64>,
}

/// The balances of a person on a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LeaveBalances {
    /// Whose.
    pub employee_id: EmployeeId,
    /// The day.
    pub as_of: Date,
    /// One of each kind of leave that is taken from a balance, by code.
    pub items: Vec<LeaveBalance>,
}
