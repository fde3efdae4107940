//! `/leave-types`.

use rollcall_ids::LeaveTypeId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The smallest piece in which a kind of leave is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LeaveUnit {
    /// Whole days.
    Day,
    /// Whole days, mornings and afternoons.
    HalfDay,
    /// Any of these, and hours of a day.
    Hour,
}

/// Body of `POST /leave-types` and `PUT /leave-types/{leave_type_id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a rule of its own that the wire names")]
pub struct LeaveTypeBody {
    /// Short name, unique in the organisation, 1 to 20 characters; never changes.
    #[schema(example = "VACATION")]
    pub code: String,
    /// Name, 1 to 100 characters.
    #[schema(example = "Vacation")]
    pub name: String,
    /// The smallest piece in which it is taken.
    pub unit: LeaveUnit,
    /// Whether it is paid; for whoever computes wages.
    #[serde(default = "yes")]
    pub paid: bool,
    /// Whether it is taken from a balance at all; sick leave usually is not.
    #[serde(default = "yes")]
    pub from_balance: bool,
    /// Whether more than the balance may be taken.
    #[serde(default)]
    pub allows_debt: bool,
    /// How many have to approve, one after the other: 1 or 2.
    #[serde(default = "one")]
    #[schema(minimum = 1, maximum = 2)]
    pub approval_levels: u8,
    /// Whether it can be asked for no more; what was taken of it stays.
    #[serde(default)]
    pub archived: bool,
}

const fn yes() -> bool {
    true
}

const fn one() -> u8 {
    1
}

/// A kind of leave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LeaveType {
    /// Its id.
    pub leave_type_id: LeaveTypeId,
    /// What it is.
    #[serde(flatten)]
    pub body: LeaveTypeBody,
    /// Ascends with every change; sent as `ETag`.
    pub version: i64,
}
