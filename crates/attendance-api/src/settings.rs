//! `/settings`: what an organisation decides about attendance as a whole.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The settings of an organisation; what is left out has its default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OrgSettings {
    /// How many have to approve a request.
    pub approvals: ApprovalLevels,
    /// About periods.
    pub periods: PeriodSettings,
    /// How exports look, at most 20.
    pub export_profiles: Vec<ExportProfile>,
}

/// How many have to approve a request, one after the other: 1 or 2. Kinds of leave say it themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ApprovalLevels {
    /// Of corrections.
    #[schema(minimum = 1, maximum = 2)]
    pub correction: u8,
    /// Of overtime.
    #[schema(minimum = 1, maximum = 2)]
    pub overtime: u8,
    /// Of swaps of shifts.
    #[schema(minimum = 1, maximum = 2)]
    pub swap: u8,
}

impl Default for ApprovalLevels {
    fn default() -> Self {
        Self { correction: 1, overtime: 1, swap: 1 }
    }
}

/// About periods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PeriodSettings {
    /// Days before the last day of a period at which those who lock it are told that its lock is near, 0 to 30.
    #[schema(minimum = 0, maximum = 30)]
    pub warn_days: u8,
}

impl Default for PeriodSettings {
    fn default() -> Self {
        Self { warn_days: 3 }
    }
}

/// How an export looks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExportProfile {
    /// Its name, unique in the organisation, 1 to 60 characters.
    pub name: String,
    /// The columns from left to right, 1 to 60.
    pub columns: Vec<ExportColumn>,
    /// How dates are written, as of `strftime`: `%Y-%m-%d` when left out, or `%d.%m.%Y`, `%m/%d/%Y`, `%d/%m/%Y`,
    /// `%Y/%m/%d`.
    #[serde(default = "iso")]
    pub date_format: String,
}

fn iso() -> String {
    "%Y-%m-%d".to_owned()
}

/// A column of an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExportColumn {
    /// What stands in it.
    pub field: ExportField,
    /// What stands above it, 1 to 100 characters; left out: the name of the field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
}

/// What can stand in a column of an export: of the person, and of one of their days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExportField {
    /// Number of the employee.
    Number,
    /// Name of the employee.
    Name,
    /// Name of the unit on the day; of sums, on the last of the days.
    Unit,
    /// Name of the site on the day; of sums, on the last of the days.
    Site,
    /// The date.
    WorkDate,
    /// What the day was, in one word.
    Status,
    /// Wall time at which work was to start.
    PlannedStart,
    /// Wall time at which work was to end.
    PlannedEnd,
    /// Planned time less unpaid breaks.
    PlannedMinutes,
    /// Wall time of the first coming.
    FirstIn,
    /// Wall time of the last going.
    LastOut,
    /// Time worked.
    WorkedMinutes,
    /// Time paid.
    PaidMinutes,
    /// Breaks.
    BreakMinutes,
    /// How late.
    LateMinutes,
    /// How early.
    EarlyLeaveMinutes,
    /// Overtime.
    OvertimeMinutes,
    /// What of it counts.
    OvertimeApprovedMinutes,
    /// The holiday.
    Holiday,
    /// Which part of the day was leave.
    Leave,
    /// What somebody should look at.
    Exceptions,
    /// Whether the period is locked.
    Frozen,
    /// Codes of the kinds of leave that were taken.
    LeaveTypes,
    /// What leave of all kinds cost.
    LeaveMinutes,
    /// Days of employment, rest days among them. This and what follows: of sums only.
    Days,
    /// Days on which something was to be worked.
    PlannedDays,
    /// Days on which something was worked.
    WorkedDays,
    /// Days on which somebody was absent.
    AbsentDays,
    /// Days that lack a punch.
    IncompleteDays,
    /// Days on which somebody came late.
    LateDays,
    /// Days on which somebody left early.
    EarlyLeaveDays,
    /// Half days of leave that cost something.
    LeaveHalfDays,
    /// Whole holidays.
    Holidays,
    /// Codes of the kinds of leave that were taken, each with what it cost in minutes.
    LeaveMinutesByType,
}

impl ExportField {
    /// What a row for each day may have, in the order of an export without a profile.
    pub const OF_DAYS: [Self; 24] = [
        Self::Number,
        Self::Name,
        Self::Unit,
        Self::Site,
        Self::WorkDate,
        Self::Status,
        Self::PlannedStart,
        Self::PlannedEnd,
        Self::PlannedMinutes,
        Self::FirstIn,
        Self::LastOut,
        Self::WorkedMinutes,
        Self::PaidMinutes,
        Self::BreakMinutes,
        Self::LateMinutes,
        Self::EarlyLeaveMinutes,
        Self::OvertimeMinutes,
        Self::OvertimeApprovedMinutes,
        Self::Holiday,
        Self::Leave,
        Self::Exceptions,
        Self::Frozen,
        Self::LeaveTypes,
        Self::LeaveMinutes,
    ];
    /// What a row for each person may have, in the order of an export without a profile.
    pub const OF_SUMS: [Self; 23] = [
        Self::Number,
        Self::Name,
        Self::Unit,
        Self::Site,
        Self::Days,
        Self::PlannedDays,
        Self::WorkedDays,
        Self::AbsentDays,
        Self::IncompleteDays,
        Self::LateDays,
        Self::EarlyLeaveDays,
        Self::LeaveHalfDays,
        Self::Holidays,
        Self::PlannedMinutes,
        Self::WorkedMinutes,
        Self::PaidMinutes,
        Self::LateMinutes,
        Self::EarlyLeaveMinutes,
        Self::OvertimeMinutes,
        Self::OvertimeApprovedMinutes,
        Self::LeaveMinutes,
        Self::LeaveMinutesByType,
        Self::Frozen,
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_has_its_default() {
        let settings: OrgSettings = serde_json::from_str(r#"{"approvals":{"overtime":2}}"#).unwrap();
        assert_eq!(settings.approvals, ApprovalLevels { correction: 1, overtime: 2, swap: 1 });
        assert_eq!(settings.periods.warn_days, 3);
    }
}
