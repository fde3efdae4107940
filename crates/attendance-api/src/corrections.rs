//! `/corrections`: "I forgot to punch", asked for and decided.

use crate::approvals::Approval;
use crate::punches::Direction;
use jiff::{Timestamp, civil::Date};
use rollcall_ids::{CorrectionId, EmployeeId, PunchId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Body of `POST /corrections`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCorrection {
    /// Whose day; left out: the caller's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub employee_id: Option<EmployeeId>,
    /// The day that is not right.
    pub work_date: Date,
    /// What is to change, 1 to 20.
    pub changes: Vec<Change>,
    /// Why, 1 to 500 characters.
    #[schema(example = "My phone was empty when I left")]
    pub reason: String,
}

/// One change of a day: `{"add": {…}}` or `{"void": "<punch_id>"}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// A punch that was forgotten.
    Add(AddedPunch),
    /// A punch that was none.
    Void(PunchId),
}

/// A punch that was forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddedPunch {
    /// When it should have been made: from the day before the work date to the day after, and not in the future.
    pub at: Timestamp,
    /// Coming or going; left out: `auto`.
    #[serde(default)]
    pub direction: Direction,
}

/// A correction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Correction {
    /// Its id.
    pub correction_id: CorrectionId,
    /// Whose day.
    pub employee_id: EmployeeId,
    /// The day.
    pub work_date: Date,
    /// What is to change.
    pub changes: Vec<Change>,
    /// Why.
    pub reason: String,
    /// How it stands; once approved, workdays are computed with it.
    #[serde(flatten)]
    pub approval: Approval,
}
