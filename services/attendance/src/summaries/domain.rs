//! How days are added up.

use rollcall_attendance_api::leave::LeaveType;
use rollcall_attendance_api::policy::Portion;
use rollcall_attendance_api::summaries::{LeaveTotal, Totals};
use rollcall_attendance_api::workdays::{LeaveShare, Status, Workday};

/// The sums of some days.
pub(crate) fn totals<'a>(days: impl IntoIterator<Item = &'a Workday>) -> Totals {
    days.into_iter().fold(Totals::default(), |sum, day| {
        let one = |holds: bool| u32::from(holds);
        Totals {
            days: sum.days + 1,
            planned_days: sum.planned_days + one(day.planned_minutes > 0),
            worked_days: sum.worked_days + one(day.worked_minutes > 0),
            absent_days: sum.absent_days + one(day.status == Status::Absent),
            incomplete_days: sum.incomplete_days + one(day.status == Status::Incomplete),
            late_days: sum.late_days + one(day.late_minutes > 0),
            early_leave_days: sum.early_leave_days + one(day.early_leave_minutes > 0),
            leave_half_days: sum.leave_half_days + half_days(day),
            leave_minutes: sum.leave_minutes + kinds(day).map(|share| share.minutes).sum::<u32>(),
            holidays: sum.holidays + one(day.holiday.as_ref().is_some_and(|holiday| holiday.portion == Portion::Full)),
            planned_minutes: sum.planned_minutes + day.planned_minutes,
            worked_minutes: sum.worked_minutes + day.worked_minutes,
            paid_minutes: sum.paid_minutes + day.paid_minutes,
            late_minutes: sum.late_minutes + day.late_minutes,
            early_leave_minutes: sum.early_leave_minutes + day.early_leave_minutes,
            overtime_minutes: sum.overtime_minutes + day.overtime_minutes,
            overtime_approved_minutes: sum.overtime_approved_minutes + day.overtime_approved_minutes,
        }
    })
}

/// Half days of leave that cost something: a rest day or a holiday in the middle of a vacation is none.
fn half_days(day: &Workday) -> u32 {
    let Some(leave) = &day.leave else { return 0 };
    let costs = if leave.kinds.is_empty() {
        // It was frozen before days told what their leave costs: what was planned is not known any more either.
        let whole_holiday = day.holiday.as_ref().is_some_and(|holiday| holiday.portion == Portion::Full);
        day.status != Status::RestDay && !whole_holiday
    } else {
        leave.kinds.iter().any(|share| share.minutes > 0)
    };
    match leave.portion.filter(|_| costs) {
        Some(Portion::Full) => 2,
        Some(Portion::Am | Portion::Pm) => 1,
        None => 0,
    }
}

pub(crate) fn kinds(day: &Workday) -> impl Iterator<Item = &LeaveShare> {
    day.leave.iter().flat_map(|leave| &leave.kinds)
}

/// The leave of some days by kind, in the order of `types`; of those that cost something.
pub(super) fn leave(types: &[LeaveType], days: &[Workday]) -> Vec<LeaveTotal> {
    let total = |of: &LeaveType| {
        let mine = days.iter().flat_map(kinds).filter(|share| share.leave_type_id == of.leave_type_id);
        LeaveTotal {
            leave_type_id: of.leave_type_id,
            code: of.body.code.clone(),
            name: of.body.name.clone(),
            paid: of.body.paid,
            minutes: mine.map(|share| share.minutes).sum(),
        }
    };
    types.iter().map(total).filter(|total| total.minutes > 0).collect()
}
