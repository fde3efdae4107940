//! A computed day as clients see it.

use super::day::Workday;
use crate::facts::domain::zone_name;
use rollcall_attendance_api::workdays::{self as api, DayLeave, LeaveHours, LeaveShare};
use rollcall_ids::EmployeeId;

/// The day of `employee_id`.
pub(super) fn workday(employee_id: EmployeeId, day: Workday) -> api::Workday {
    let (planned_start, planned_end) = day.planned.unzip();
    let hours: Vec<LeaveHours> = day.leave_hours.iter().map(|&(start, end)| LeaveHours { start, end }).collect();
    let is_free = day.leave.is_some() || !hours.is_empty();
    let kind = |&(leave_type_id, minutes): &(_, u32)| LeaveShare { leave_type_id, minutes };
    let kinds = day.leave_costs.iter().map(kind).collect();
    let leave = is_free.then_some(DayLeave { portion: day.leave, hours, kinds });
    api::Workday {
        employee_id,
        work_date: day.date,
        status: day.status,
        time_zone: zone_name(&day.zone),
        planned_start,
        planned_end,
        planned_minutes: day.planned_minutes,
        first_in: day.first_in,
        last_out: day.last_out,
        worked_minutes: day.worked_minutes,
        paid_minutes: day.paid_minutes,
        break_minutes: day.break_minutes,
        late_minutes: day.late_minutes,
        early_leave_minutes: day.early_leave_minutes,
        overtime_minutes: day.overtime_minutes,
        overtime_approved_minutes: day.overtime_approved_minutes,
        leave,
        holiday: day.holiday,
        exceptions: day.exceptions,
        punches: day.punches,
        frozen: false,
        version: 0,
    }
}

/// A day for whoever is not to know what kind of leave somebody takes.
pub(crate) fn without_kinds(mut day: api::Workday) -> api::Workday {
    if let Some(leave) = &mut day.leave {
        leave.kinds.clear();
    }
    day
}
