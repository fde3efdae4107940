//! Puts the rules together for one date.

use super::belonging::{STRETCH_SPAN, Session};
use super::facts::{DayFacts, Interval, Second, instant, whole_minutes};
use super::lateness::{early_leave_minutes, late_minutes};
use super::overtime::{overtime, paid_minutes};
use super::plan::Plan;
use super::status::{Circumstances, status};
use super::windows::Window;
use super::worked::{Worked, worked};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rollcall_attendance_api::policy::{Policy, Portion};
use rollcall_attendance_api::wall_time::WallTime;
use rollcall_attendance_api::workdays::{DayHoliday, DayPunch, Exception, ExceptionCode, Ignored, Status};

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
    /// A holiday.
    pub holiday: Option<DayHoliday>,
    /// What somebody should look at, by time.
    pub exceptions: Vec<Exception>,
    /// The punches, by time.
    pub punches: Vec<DayPunch>,
}

/// What `day` came to. `sessions` are those of the day, by time; at most one lies in `window`.
pub fn judge(day: &DayFacts, window: Option<&Window>, sessions: &[&Session], now: Second) -> Workday {
    let unplanned = Policy::default();
    let policy = window.map_or(&unplanned, |w| &w.shift.policy);
    let to_work: Option<Plan> = window.and_then(|w| w.plan.on(&w.shift, day));
    let span: Option<Interval> = to_work.as_ref().map(|plan| plan.span);
    let scheduled = sessions.iter().copied().find(|s| s.window.is_some());
    let closed = window.is_some_and(|w| is_closed(w, day, now));

    let in_window = scheduled.zip(window).map_or_else(Worked::default, |(session, w)| {
        let breaks = to_work.as_ref().map_or(&w.plan.unpaid_breaks, |plan| &plan.unpaid_breaks);
        worked(&session.pairing, breaks, span, policy.auto_break)
    });
    let stretches = sessions.iter().filter(|s| s.window.is_none());
    let unscheduled = stretches.fold(Worked::default(), |sum, session| {
        let more = worked(&session.pairing, &[], None, None);
        Worked { total: sum.total + more.total, breaks: sum.breaks + more.breaks, ..sum }
    });
    let total = in_window.total + unscheduled.total;
    let extra = overtime(in_window, unscheduled.total, span.is_some(), policy, day.overtime_approved);

    let going = scheduled.filter(|s| s.pairing.open.is_none() && s.pairing.last_way.is_some());
    let gone_after_end = span.is_some_and(|span| now >= span.end) && going.is_some();
    let pairing = scheduled.map(|s| &s.pairing);
    let late = span.zip(pairing).map_or(0, |(span, p)| late_minutes(span, p, policy.grace_in));
    let early = span
        .zip(pairing)
        .filter(|_| closed || gone_after_end)
        .map_or(0, |(span, p)| early_leave_minutes(span, p, policy.grace_out));

    let missing_out =
        |s: &Session| s.pairing.open.filter(|_| if s.window.is_some() { closed } else { now > s.first + STRETCH_SPAN });
    let punch_missing = sessions.iter().any(|s| s.pairing.missing_in || missing_out(s).is_some());
    Workday {
        date: day.date,
        status: status(Circumstances {
            leave: day.leave,
            holiday: day.holiday.as_ref().map(|h| h.portion),
            planned: window.is_some(),
            whole_day_off: span.is_none(),
            closed,
            gone_after_end,
            punch_missing,
            worked: in_window.total,
            late: late > 0,
            early: early > 0,
            policy,
        }),
        zone: day.zone.clone(),
        planned: span.map(|span| (instant(span.start), instant(span.end))),
        planned_minutes: to_work.as_ref().map_or(0, |plan| whole_minutes(plan.seconds())),
        first_in: sessions.iter().find_map(|s| s.pairing.first_in).map(instant),
        last_out: sessions.iter().rev().find_map(|s| s.pairing.last_out).map(instant),
        worked_minutes: whole_minutes(total),
        paid_minutes: paid_minutes(total, extra, policy.rounding),
        break_minutes: whole_minutes(in_window.breaks + unscheduled.breaks),
        late_minutes: late,
        early_leave_minutes: early,
        overtime_minutes: whole_minutes(extra.seconds),
        overtime_approved_minutes: whole_minutes(extra.approved),
        leave: day.leave,
        leave_hours: day.leave_hours.clone(),
        holiday: day.holiday.clone(),
        exceptions: exceptions(sessions, missing_out),
        punches: sessions.iter().flat_map(|s| punches(s)).collect(),
    }
}

/// Rule 10: the window has closed, and where devices feed the site, each has reported since.
fn is_closed(window: &Window, day: &DayFacts, now: Second) -> bool {
    let heard = day.reported_until.is_none_or(|until| until.as_second() >= window.holds.end);
    now >= window.holds.end && heard
}

fn exceptions(sessions: &[&Session], missing_out: impl Fn(&Session) -> Option<Second>) -> Vec<Exception> {
    let mut found: Vec<(Second, ExceptionCode)> = Vec::new();
    for session in sessions {
        found.extend(session.pairing.exceptions.iter().map(|&(code, at)| (at, code)));
        found.extend(missing_out(session).map(|at| (at, ExceptionCode::MissingOut)));
        let outside = session.punches.iter().filter(|(punch, _)| punch.outside_geofence);
        found.extend(outside.map(|(punch, _)| (punch.second(), ExceptionCode::OutsideGeofence)));
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
