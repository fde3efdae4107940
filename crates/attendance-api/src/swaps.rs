//! `/swaps`: two people exchange their planned shifts.

use crate::approvals::Approval;
use jiff::civil::Date;
use rollcall_ids::{EmployeeId, RosterSwapId, ShiftId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Body of `POST /swaps`: the caller's shift of `date` for the colleague's of `with_date`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSwap {
    /// The colleague, who works at the same site on both days.
    pub with_employee_id: EmployeeId,
    /// The day whose shift the caller gives away: from today to a year ahead.
    pub date: Date,
    /// The day whose shift the caller takes over; left out: the same day. On another day than `date` the caller is free, and
    /// the colleague on `date`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with_date: Option<Date>,
    /// Why, 1 to 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "My sister marries")]
    pub reason: Option<String>,
}

/// A swap: asked for by one, accepted by the other, approved like every request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Swap {
    /// Its id.
    pub swap_id: RosterSwapId,
    /// Who asks.
    pub employee_id: EmployeeId,
    /// Whom they ask.
    pub with_employee_id: EmployeeId,
    /// The day whose shift `employee_id` gives away.
    pub date: Date,
    /// Which shift that is.
    pub shift_id: ShiftId,
    /// The day whose shift `employee_id` takes over.
    pub with_date: Date,
    /// Which shift that is.
    pub with_shift_id: ShiftId,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How it stands: at level 0 it waits for `with_employee_id`, from level 1 on for a decision. Once approved, both have
    /// plans of their own for these days.
    #[serde(flatten)]
    pub approval: Approval,
}

/// What is in the way of a swap; `obstacles` of the problem `swap_impossible` lists them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SwapObstacle {
    /// `plan_changed`, `not_planned`, `not_free`, `same_shift`, `already_begun`, `not_employed`, `other_site`,
    /// `period_locked`, `on_leave` or `shifts_collide`.
    pub code: String,
    /// Whose day.
    pub employee_id: EmployeeId,
    /// Which day.
    pub date: Date,
    /// In a sentence.
    pub detail: String,
}
