//! `/exports`: attendance as a file.

use jiff::civil::Date;
use rollcall_ids::PeriodId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExportFormat {
    /// Comma-separated, UTF-8 (RFC 4180).
    Csv,
    /// A workbook (ECMA-376).
    Xlsx,
}

/// Body of `POST /exports`: of a period, or of dates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewExport {
    /// What kind of file.
    pub format: ExportFormat,
    /// The days of this period; not together with dates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period_id: Option<PeriodId>,
    /// First date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Date>,
    /// Last date, included; at most 366 days in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Date>,
    /// Name of a profile of the settings; left out: all columns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
}
