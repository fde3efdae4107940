//! What stands in a column: pure.

use crate::facts::domain::{Org, assignment_near};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rollcall_attendance_api::settings::{ExportColumn, ExportField, ExportProfile};
use rollcall_attendance_api::workdays::Workday;
use rollcall_common::fault::Fault;
use rollcall_ids::LeaveTypeId;
use rollcall_org_api::facts::EmployeeFact;
use serde::Serialize;
use std::collections::{BTreeSet, HashMap};

/// The value of a cell.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    Empty,
    Text(String),
    Number(u32),
    Date(Date),
    Truth(bool),
}

/// All columns, as without a profile.
pub(super) fn everything() -> ExportProfile {
    let column = |field| ExportColumn { field, header: None };
    ExportProfile {
        name: String::new(),
        columns: ExportField::ALL.into_iter().map(column).collect(),
        date_format: "%Y-%m-%d".to_owned(),
    }
}

/// What stands above the columns.
pub(super) fn headers(profile: &ExportProfile) -> Result<Vec<String>, Fault> {
    let header = |column: &ExportColumn| match &column.header {
        Some(header) => Ok(header.clone()),
        None => word(&column.field),
    };
    profile.columns.iter().map(header).collect()
}

/// The cells of a day; `codes` are those of the kinds of leave that may be told.
pub(super) fn row(
    profile: &ExportProfile,
    org: &Org,
    person: &EmployeeFact,
    day: &Workday,
    codes: &HashMap<LeaveTypeId, String>,
) -> Result<Vec<Cell>, Fault> {
    profile.columns.iter().map(|column| cell(column.field, org, person, day, codes)).collect()
}

fn cell(
    field: ExportField,
    org: &Org,
    person: &EmployeeFact,
    day: &Workday,
    codes: &HashMap<LeaveTypeId, String>,
) -> Result<Cell, Fault> {
    let kinds = || day.leave.iter().flat_map(|leave| &leave.kinds);
    let assignment = || assignment_near(person, day.work_date);
    Ok(match field {
        ExportField::Number => Cell::Text(person.number.clone()),
        ExportField::Name => Cell::Text(person.name.clone()),
        ExportField::Unit => text(assignment().and_then(|a| org.unit(a.unit_id)).map(|unit| unit.name.clone())),
        ExportField::Site => text(assignment().and_then(|a| org.site(a.site_id)).map(|site| site.name.clone())),
        ExportField::WorkDate => Cell::Date(day.work_date),
        ExportField::Status => Cell::Text(word(&day.status)?),
        ExportField::PlannedStart => time(day.planned_start, day),
        ExportField::PlannedEnd => time(day.planned_end, day),
        ExportField::PlannedMinutes => Cell::Number(day.planned_minutes),
        ExportField::FirstIn => time(day.first_in, day),
        ExportField::LastOut => time(day.last_out, day),
        ExportField::WorkedMinutes => Cell::Number(day.worked_minutes),
        ExportField::PaidMinutes => Cell::Number(day.paid_minutes),
        ExportField::BreakMinutes => Cell::Number(day.break_minutes),
        ExportField::LateMinutes => Cell::Number(day.late_minutes),
        ExportField::EarlyLeaveMinutes => Cell::Number(day.early_leave_minutes),
        ExportField::OvertimeMinutes => Cell::Number(day.overtime_minutes),
        ExportField::OvertimeApprovedMinutes => Cell::Number(day.overtime_approved_minutes),
        ExportField::Holiday => text(day.holiday.as_ref().map(|holiday| holiday.name.clone())),
        ExportField::Leave => {
            let leave = day.leave.as_ref();
            let portion = leave.map(|leave| leave.portion.as_ref().map_or(Ok("hours".to_owned()), word));
            text(portion.transpose()?)
        }
        ExportField::Exceptions => {
            let codes = day.exceptions.iter().map(|exception| word(&exception.code));
            text(Some(codes.collect::<Result<Vec<_>, _>>()?.join(" ")))
        }
        ExportField::Frozen => Cell::Truth(day.frozen),
        ExportField::LeaveTypes => {
            let codes: BTreeSet<&str> =
                kinds().filter_map(|kind| codes.get(&kind.leave_type_id)).map(String::as_str).collect();
            text(Some(codes.into_iter().collect::<Vec<_>>().join(" ")))
        }
        ExportField::LeaveMinutes => Cell::Number(kinds().map(|kind| kind.minutes).sum()),
    })
}

fn text(value: Option<String>) -> Cell {
    value.filter(|text| !text.is_empty()).map_or(Cell::Empty, Cell::Text)
}

/// The time on the wall of the site.
fn time(at: Option<Timestamp>, day: &Workday) -> Cell {
    let zone = TimeZone::get(&day.time_zone).unwrap_or(TimeZone::UTC);
    let text = |at| {
        let time = zone.to_datetime(at);
        format!("{:02}:{:02}", time.hour(), time.minute())
    };
    at.map_or(Cell::Empty, |at| Cell::Text(text(at)))
}

fn word(value: &impl Serialize) -> Result<String, Fault> {
    crate::punches::store::word(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_profile_every_field_has_a_column_of_its_name() {
        let headers = headers(&everything()).unwrap();
        assert_eq!(headers.len(), ExportField::ALL.len());
        assert_eq!(headers[0..2], ["number", "name"]);
    }
}
