//! Puts the rules together for one date.

use super::belonging::{STRETCH_SPAN, Session};
use super::facts::{DayFacts, Interval, Second, instant, whole_minutes};
use super::lateness::{early_leave_minutes, late_minutes};
use super::midnight::{Carried, Measured, measure};
use super::overtime::paid_minutes;
use super::plan::Plan;
use super::status::{Circumstances, status};
use super::windows::Window;
use super::worked::Worked;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rollcall_attendance_api::policy::{Policy, Portion};
use rollcall_attendance_api::wall_time::WallTime;
use rollcall_attendance_api::workdays::{DayHoliday, DayPunch, Exception, ExceptionCode, Ignored, Status};
use rollcall_ids::LeaveTypeId;

/// One computed work date; the fields are those of the contract's workday, durations in whole minutes.
#[derive(Clone, Debug, PartialEq)]
pub struct Workday {
    /// The date.
    pub date: Date,
    /// What it was.
    pub status: Status,
    /// Zone of the site.
    pub zone: TimeZone,
    /// What was to be worked: start and end.
    pub planned: Option<(Timestamp, Timestamp)>,
    /// Planned time less unpaid breaks.
    pub planned_minutes: u32,
    /// First coming.
    pub first_in: Option<Timestamp>,
    /// Last going.
    pub last_out: Option<Timestamp>,
    /// Time worked.
    pub worked_minutes: u32,
    /// Time paid.
    pub paid_minutes: u32,
    /// Gaps and breaks between the punches.
    pub break_minutes: u32,
    /// How late.
    pub late_minutes: u32,
    /// How early.
    pub early_leave_minutes: u32,
    /// Overtime.
    pub overtime_minutes: u32,
    /// What of it counts.
    pub overtime_approved_minutes: u32,
    /// Approved leave.
    pub leave: Option<Portion>,
    /// Approved leave by the hour.
    pub leave_hours: Vec<(WallTime, WallTime)>,
    /// What it costs by kind of leave, in minutes.
    pub leave_costs: Vec<(LeaveTypeId, u32)>,
    /// A holiday.
    pub holiday: Option<DayHoliday>,
    /// What somebody should look at, by time.
    pub exceptions: Vec<Exception>,
    /// The punches, by time.
    pub punches: Vec<DayPunch>,
    /// When the last of what is not judged ends: the window of a day that is pending, or of somebody who is still in. If
    /// that is past, devices are waited for. None: the day is judged.
    pub waits_until: Option<Second>,
}

/// What `day` came to. `sessions` are those of the day, by time; at most one lies in `window`. `carried` is what the
/// shift of the date before handed over.
pub fn judge(
    day: &DayFacts,
    window: Option<&Window>,
    sessions: &[&Session],
    carried: Option<Carried>,
    now: Second,
) -> Workday {
    let unplanned = Policy::default();
    let policy = window.map_or(&unplanned, |w| &w.shift.policy);
    let Measured { to_work, planned, whole, own, unscheduled, extra, .. } = measure(day, window, sessions);
    let span: Option<Interval> = to_work.as_ref().map(|plan| plan.span);
    let scheduled = sessions.iter().copied().find(|s| s.window.is_some());
    let closed = window.is_some_and(|w| is_closed(w.holds.end, day, now));

    let from_before = carried.map_or_else(Worked::default, |carried| carried.worked);
    let total = own.total + unscheduled.total + from_before.total;
    let breaks = own.breaks + unscheduled.breaks + from_before.breaks;
    let extra = carried.map_or(extra, |carried| extra.and(carried.extra));
    let planned = planned + carried.map_or(0, |carried| carried.planned);
    let rounding = if window.is_some() { policy.rounding } else { carried.and_then(|carried| carried.rounding) };

    let going = scheduled.filter(|s| s.pairing.open.is_none() && s.pairing.last_way.is_some());
    let gone_after_end = span.is_some_and(|span| now >= span.end) && going.is_some();
    let pairing = scheduled.map(|s| &s.pairing);
    let late = span.zip(pairing).map_or(0, |(span, p)| late_minutes(span, p, policy.grace_in));
    let early = span
        .zip(pairing)
        .filter(|_| closed || gone_after_end)
        .map_or(0, |(span, p)| early_leave_minutes(span, p, policy.grace_out));

    let end = |s: &Session| {
        let longest = s.first.as_second() + STRETCH_SPAN + 1;
        window.filter(|_| s.window.is_some()).map_or(longest, |w| w.holds.end)
    };
    let over = |s: &Session| is_closed(end(s), day, now);
    let missing_out = |s: &Session| s.pairing.open.filter(|_| over(s));
    let punch_missing = sessions.iter().any(|s| s.pairing.missing_in || missing_out(s).is_some());
    let status = status(Circumstances {
        leave: day.leave,
        holiday: day.holiday.as_ref().map(|h| h.portion),
        planned: window.is_some(),
        whole_day_off: span.is_none(),
        closed,
        gone_after_end,
        punch_missing,
        worked: whole.total,
        to_work: to_work.as_ref().map_or(0, Plan::seconds),
        shift: window.map_or(0, |w| w.plan.seconds()),
        late: late > 0,
        early: early > 0,
        policy,
    });
    let still_in = sessions.iter().filter(|s| s.pairing.open.is_some() && !over(s)).map(|s| end(s));
    let pending = window.filter(|_| status == Status::Pending).map(|w| w.holds.end);
    Workday {
        date: day.date,
        status,
        zone: day.zone.clone(),
        planned: span.map(|span| (instant(span.start), instant(span.end))),
        planned_minutes: whole_minutes(planned),
        first_in: sessions.iter().find_map(|s| s.pairing.first_in).map(instant),
        last_out: sessions.iter().rev().find_map(|s| s.pairing.last_out).map(instant),
        worked_minutes: whole_minutes(total),
        paid_minutes: paid_minutes(total, extra, rounding),
        break_minutes: whole_minutes(breaks),
        late_minutes: late,
        early_leave_minutes: early,
        overtime_minutes: whole_minutes(extra.seconds),
        overtime_approved_minutes: whole_minutes(extra.approved),
        leave: day.leave,
        leave_hours: day.leave_hours.clone(),
        leave_costs: day.leave_costs.clone(),
        holiday: day.holiday.clone(),
        exceptions: exceptions(sessions, missing_out),
        punches: sessions.iter().flat_map(|s| punches(s)).collect(),
        waits_until: still_in.chain(pending).max(),
    }
}

/// Rule 10: what lasts until `end` is over, and where devices feed the site, each has reported since.
fn is_closed(end: Second, day: &DayFacts, now: Second) -> bool {
    now >= end && day.reported_until.is_none_or(|until| until.as_second() >= end)
}

fn exceptions(sessions: &[&Session], missing_out: impl Fn(&Session) -> Option<Second>) -> Vec<Exception> {
    let mut found: Vec<(Second, ExceptionCode)> = Vec::new();
    for session in sessions {
        found.extend(session.pairing.exceptions.iter().map(|&(code, at)| (at, code)));
        found.extend(missing_out(session).map(|at| (at, ExceptionCode::MissingOut)));
        for (punch, _) in &session.punches {
            found.extend(punch.outside_geofence.then_some((punch.second(), ExceptionCode::OutsideGeofence)));
            found.extend(punch.outside_network.then_some((punch.second(), ExceptionCode::OutsideNetwork)));
        }
    }
    found.sort_by_key(|&(at, _)| at);
    found.into_iter().map(|(at, code)| Exception { code, at: Some(instant(at)) }).collect()
}

fn punches(session: &Session) -> impl Iterator<Item = DayPunch> + '_ {
    session.punches.iter().map(|(punch, way)| DayPunch {
        punch_id: punch.id,
        at: punch.at,
        direction: *way,
        ignored: way.is_none().then_some(Ignored::Debounced),
        scheduled: session.window.is_some(),
    })
}
