//! `/exports`: attendance as a file.

use crate::settings::ExportField;
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

/// What a row is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExportRows {
    /// A person and day.
    #[default]
    Days,
    /// A person, with the sums of their days.
    Sums,
}

impl ExportRows {
    /// What such a row may have.
    pub fn fields(self) -> &'static [ExportField] {
        match self {
            Self::Days => &ExportField::OF_DAYS,
            Self::Sums => &ExportField::OF_SUMS,
        }
    }
}

/// Body of `POST /exports`: of a period, or of dates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewExport {
    /// What kind of file.
    pub format: ExportFormat,
    /// What a row is: `days` when left out.
    #[serde(default)]
    pub rows: ExportRows,
    /// The days of this period; not together with dates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period_id: Option<PeriodId>,
    /// First date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Date>,
    /// Last date, included; at most 366 days in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Date>,
    /// Name of a profile of the settings, whose columns such rows have; left out: all columns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
}
