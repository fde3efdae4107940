//! What stands in a column: pure.

use crate::facts::domain::{Org, assignment_near};
use crate::summaries::domain as summaries;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rollcall_attendance_api::exports::ExportRows;
use rollcall_attendance_api::settings::{ExportColumn, ExportField, ExportProfile};
use rollcall_attendance_api::summaries::Totals;
use rollcall_attendance_api::workdays::{LeaveShare, Workday};
use rollcall_common::fault::Fault;
use rollcall_ids::LeaveTypeId;
use rollcall_org_api::facts::EmployeeFact;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The value of a cell.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    Empty,
    Text(String),
    Number(u32),
    Date(Date),
    Truth(bool),
}

/// All columns of such rows, as without a profile.
pub(super) fn everything(rows: ExportRows) -> ExportProfile {
    let column = |field| ExportColumn { field, header: None };
    ExportProfile {
        name: String::new(),
        columns: rows.fields().iter().copied().map(column).collect(),
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

/// What stands in a row.
pub(super) struct Rows<'a> {
    pub(super) profile: &'a ExportProfile,
    pub(super) org: &'a Org,
    /// Codes of the kinds of leave that may be told.
    pub(super) codes: &'a HashMap<LeaveTypeId, String>,
}

impl Rows<'_> {
    /// The cells of a day.
    pub(super) fn of_day(&self, person: &EmployeeFact, day: &Workday) -> Result<Vec<Cell>, Fault> {
        self.profile.columns.iter().map(|column| self.in_day(column.field, person, day)).collect()
    }

    /// The cells of all days of somebody, of whom there is at least one.
    pub(super) fn of_sums(&self, person: &EmployeeFact, days: &[Workday]) -> Result<Vec<Cell>, Fault> {
        let totals = summaries::totals(days);
        self.profile.columns.iter().map(|column| self.in_sums(column.field, person, days, &totals)).collect()
    }

    fn in_day(&self, field: ExportField, person: &EmployeeFact, day: &Workday) -> Result<Cell, Fault> {
        let kinds = || day.leave.iter().flat_map(|leave| &leave.kinds);
        Ok(match field {
            ExportField::Number => Cell::Text(person.number.clone()),
            ExportField::Name => Cell::Text(person.name.clone()),
            ExportField::Unit => self.unit(person, day.work_date),
            ExportField::Site => self.site(person, day.work_date),
            ExportField::WorkDate => Cell::Date(day.work_date),
            ExportField::Status => Cell::Text(word(&day.status)?),
            ExportField::PlannedStart => time(day.planned_start, day)?,
            ExportField::PlannedEnd => time(day.planned_end, day)?,
            ExportField::PlannedMinutes => Cell::Number(day.planned_minutes),
            ExportField::FirstIn => time(day.first_in, day)?,
            ExportField::LastOut => time(day.last_out, day)?,
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
                let codes: BTreeSet<&str> = kinds().filter_map(|kind| self.code(kind)).collect();
                text(Some(codes.into_iter().collect::<Vec<_>>().join(" ")))
            }
            ExportField::LeaveMinutes => Cell::Number(kinds().map(|kind| kind.minutes).sum()),
            of_sums => return Err(of_other_rows(of_sums)),
        })
    }

    fn in_sums(
        &self,
        field: ExportField,
        person: &EmployeeFact,
        days: &[Workday],
        totals: &Totals,
    ) -> Result<Cell, Fault> {
        let last = days.iter().map(|day| day.work_date).max().unwrap_or(Date::MAX);
        Ok(match field {
            ExportField::Number => Cell::Text(person.number.clone()),
            ExportField::Name => Cell::Text(person.name.clone()),
            ExportField::Unit => self.unit(person, last),
            ExportField::Site => self.site(person, last),
            ExportField::Days => Cell::Number(totals.days),
            ExportField::PlannedDays => Cell::Number(totals.planned_days),
            ExportField::WorkedDays => Cell::Number(totals.worked_days),
            ExportField::AbsentDays => Cell::Number(totals.absent_days),
            ExportField::IncompleteDays => Cell::Number(totals.incomplete_days),
            ExportField::LateDays => Cell::Number(totals.late_days),
            ExportField::EarlyLeaveDays => Cell::Number(totals.early_leave_days),
            ExportField::LeaveHalfDays => Cell::Number(totals.leave_half_days),
            ExportField::Holidays => Cell::Number(totals.holidays),
            ExportField::PlannedMinutes => Cell::Number(totals.planned_minutes),
            ExportField::WorkedMinutes => Cell::Number(totals.worked_minutes),
            ExportField::PaidMinutes => Cell::Number(totals.paid_minutes),
            ExportField::LateMinutes => Cell::Number(totals.late_minutes),
            ExportField::EarlyLeaveMinutes => Cell::Number(totals.early_leave_minutes),
            ExportField::OvertimeMinutes => Cell::Number(totals.overtime_minutes),
            ExportField::OvertimeApprovedMinutes => Cell::Number(totals.overtime_approved_minutes),
            ExportField::LeaveMinutes => Cell::Number(totals.leave_minutes),
            ExportField::LeaveMinutesByType => {
                let mut minutes: BTreeMap<&str, u32> = BTreeMap::new();
                for kind in days.iter().flat_map(summaries::kinds).filter(|kind| kind.minutes > 0) {
                    if let Some(code) = self.code(kind) {
                        *minutes.entry(code).or_default() += kind.minutes;
                    }
                }
                let each: Vec<String> = minutes.iter().map(|(code, minutes)| format!("{code} {minutes}")).collect();
                text(Some(each.join("; ")))
            }
            ExportField::Frozen => Cell::Truth(days.iter().all(|day| day.frozen)),
            of_days => return Err(of_other_rows(of_days)),
        })
    }

    fn code(&self, kind: &LeaveShare) -> Option<&str> {
        self.codes.get(&kind.leave_type_id).map(String::as_str)
    }

    fn unit(&self, person: &EmployeeFact, date: Date) -> Cell {
        let unit = assignment_near(person, date).and_then(|assignment| self.org.unit_name(assignment.unit_id));
        text(unit.map(str::to_owned))
    }

    fn site(&self, person: &EmployeeFact, date: Date) -> Cell {
        let site = assignment_near(person, date).and_then(|assignment| self.org.site_name(assignment.site_id));
        text(site.map(str::to_owned))
    }
}

/// A profile is held against the rows before anything is made.
fn of_other_rows(field: ExportField) -> Fault {
    Fault::internal(anyhow::anyhow!("{field:?} is of other rows"))
}

fn text(value: Option<String>) -> Cell {
    value.filter(|text| !text.is_empty()).map_or(Cell::Empty, Cell::Text)
}

/// The time on the wall of the site. The zone of a day that a newer release froze may not be known: then there is no file,
/// for it would show another time.
fn time(at: Option<Timestamp>, day: &Workday) -> Result<Cell, Fault> {
    let Some(at) = at else { return Ok(Cell::Empty) };
    let time = TimeZone::get(&day.time_zone).map_err(Fault::internal)?.to_datetime(at);
    Ok(Cell::Text(format!("{:02}:{:02}", time.hour(), time.minute())))
}

fn word(value: &impl Serialize) -> Result<String, Fault> {
    crate::punches::store::word(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_profile_every_field_of_the_rows_has_a_column_of_its_name() {
        let of = |rows| headers(&everything(rows)).unwrap();
        assert_eq!(of(ExportRows::Days)[0..5], ["number", "name", "unit", "site", "work_date"]);
        assert_eq!(of(ExportRows::Days).len(), ExportField::OF_DAYS.len());
        assert_eq!(of(ExportRows::Sums)[0..5], ["number", "name", "unit", "site", "days"]);
        assert_eq!(of(ExportRows::Sums).len(), ExportField::OF_SUMS.len());
    }
}
