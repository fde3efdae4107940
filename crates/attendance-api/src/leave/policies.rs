//! `/leave-policies`: who earns how much of a kind of leave.

use jiff::civil::Date;
use rollcall_ids::{EmployeeId, LeavePolicyId, LeaveTypeId, SiteId, UnitId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// For whom a policy is. Of several for one person and kind of leave a list of employees beats units, units beat
/// sites, and these beat everyone; of two alike the later one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Eligible {
    /// The whole organisation.
    Everyone,
    /// Whoever works at one of these sites, 1 to 500.
    Sites {
        /// They.
        site_ids: Vec<SiteId>,
    },
    /// Whoever works in one of these units or below, 1 to 500.
    Units {
        /// They.
        unit_ids: Vec<UnitId>,
    },
    /// These, 1 to 500.
    Employees {
        /// They.
        employee_ids: Vec<EmployeeId>,
    },
}

/// How leave is earned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Accrual {
    /// Not at all: it is granted by hand.
    None,
    /// So much on the first day of each leave year; in a year that is not whole by its days.
    Yearly {
        /// Of a whole year.
        minutes: u32,
    },
    /// So much on the first day of each month; in a month that is not whole by its days.
    Monthly {
        /// Of a whole month.
        minutes: u32,
    },
    /// For the work of a month, some days after it.
    WorkedHours {
        /// So much …
        minutes: u32,
        /// … for so many minutes worked.
        per_minutes: u32,
    },
}

/// What becomes of what a leave year has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CarryOver {
    /// As much as this goes on into the next year, the rest expires; left out: all of it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_minutes: Option<u32>,
    /// Months of the next year after which what went on expires, 1 to 24; left out: it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_after_months: Option<u8>,
}

/// Body of `POST /leave-policies` and `PUT /leave-policies/{leave_policy_id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LeavePolicyBody {
    /// Of which kind of leave; never changes.
    pub leave_type_id: LeaveTypeId,
    /// Name, 1 to 100 characters.
    #[schema(example = "30 days a year")]
    pub name: String,
    /// For whom.
    pub eligible: Eligible,
    /// How it is earned.
    pub accrual: Accrual,
    /// Month in which a leave year starts, 1 to 12.
    #[serde(default = "january")]
    #[schema(minimum = 1, maximum = 12)]
    pub year_starts_month: u8,
    /// Nothing is earned above this balance; left out: there is no such limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap_minutes: Option<u32>,
    /// What becomes of what a leave year has left; left out: it stays, and does not expire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carry_over: Option<CarryOver>,
    /// First day on which it is earned.
    pub valid_from: Date,
    /// Last day, included; left out: until further notice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_to: Option<Date>,
}

const fn january() -> u8 {
    1
}

/// A policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LeavePolicy {
    /// Its id.
    pub leave_policy_id: LeavePolicyId,
    /// What it says.
    #[serde(flatten)]
    pub body: LeavePolicyBody,
    /// Ascends with every change; sent as `ETag`.
    pub version: i64,
}
