//! What leave may be asked for, and what it costs. Pure.

use super::overlap::Time;
use crate::workdays::facts::{DayFacts, whole_minutes};
use crate::workdays::plan::Plan;
use jiff::ToSpan as _;
use jiff::civil::Date;
use rollcall_attendance_api::codes::UNKNOWN_LEAVE_TYPE;
use rollcall_attendance_api::leave::{LeaveDay, LeaveRequest, LeaveType, LeaveUnit, NewLeaveRequest};
use rollcall_attendance_api::policy::Portion;
use rollcall_attendance_api::workdays::LeaveHours;
use rollcall_common::fault::Fault;
use rollcall_common::validate::{self, Fields, Rejection};

/// Days of one request at most, and how far back or ahead it may lie.
const DAYS: i32 = 366;
const BACK: i32 = 400;
const AHEAD: i32 = 800;

/// A part of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// All or half of it.
    Portion(Portion),
    /// Hours of it.
    Hours(LeaveHours),
}

impl Piece {
    /// Takes it from a day, beside what is taken already.
    pub(crate) fn take_from(self, day: &mut DayFacts) {
        match self {
            Self::Hours(hours) => day.leave_hours.push((hours.start, hours.end)),
            Self::Portion(portion) => {
                let both = day.leave.is_some_and(|already| already != portion);
                day.leave = Some(if both { Portion::Full } else { portion });
            }
        }
    }

    /// The smallest unit in which it can be had.
    fn unit(self) -> LeaveUnit {
        match self {
            Self::Portion(Portion::Full) => LeaveUnit::Day,
            Self::Portion(Portion::Am | Portion::Pm) => LeaveUnit::HalfDay,
            Self::Hours(_) => LeaveUnit::Hour,
        }
    }
}

/// Leave that can be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wish {
    pub(crate) from: Date,
    pub(crate) to: Date,
    pub(crate) piece: Piece,
    pub(crate) reason: Option<String>,
}

impl Wish {
    /// What a client sent, of the kind of leave that was found for it, or every field that is wrong.
    pub(crate) fn parse(
        body: &NewLeaveRequest,
        of: Option<LeaveType>,
        today: Date,
    ) -> Result<(Self, LeaveType), Fault> {
        let mut fields = Fields::new();
        let unknown = || Rejection::new(UNKNOWN_LEAVE_TYPE, "there is none of this id to ask for");
        let of = fields.take("/leave_type_id", of.filter(|of| !of.body.archived).ok_or_else(unknown));
        let near = |date: Date| {
            let date = validate::date(date)?;
            let within = today - BACK.days() <= date && date <= today + AHEAD.days();
            let detail = || format!("must be at most {BACK} days ago and {AHEAD} days ahead");
            if within { Ok(date) } else { Err(Rejection::new("date_out_of_range", detail())) }
        };
        let from = fields.take("/from", near(body.from));
        let to = near(body.to).and_then(|to| match from {
            Some(from) if to < from => Err(Rejection::new("before_from", "must not be before from")),
            Some(from) if (to - from).get_days() >= DAYS => {
                Err(Rejection::new("range_too_long", format!("must be at most {DAYS} days, both ends included")))
            }
            _ => Ok(to),
        });
        let to = fields.take("/to", to);
        let (piece, pointer) = match (body.portion, body.hours) {
            (portion, None) => (Piece::Portion(portion.unwrap_or(Portion::Full)), "/portion"),
            (_, Some(hours)) => (Piece::Hours(hours), "/hours"),
        };
        if body.portion.is_some() && body.hours.is_some() {
            fields.reject("/hours", Rejection::new("one_of", "must not come with portion"));
        } else if of.as_ref().is_some_and(|of| piece.unit() > of.body.unit) {
            let detail = "this kind of leave is not taken in such pieces";
            fields.reject(pointer, Rejection::new("unit_too_small", detail));
        } else if piece.unit() > LeaveUnit::Day && body.from != body.to {
            fields.reject(pointer, Rejection::new("one_day", "must be of one day: from and to must be the same"));
        } else if body.hours.is_some_and(|hours| hours.start == hours.end) {
            fields.reject("/hours/end", Rejection::new("empty", "must not be the same as start"));
        }
        let reason = fields.take_optional("/reason", body.reason.as_deref().map(|text| validate::lines(text, 500)));
        let (of, from, to, reason) = fields.all((of, from, to, reason))?;
        Ok((Self { from, to, piece, reason }, of))
    }

    /// What was asked for.
    pub(crate) fn of(leave: &LeaveRequest) -> Self {
        let portion = || Piece::Portion(leave.portion.unwrap_or(Portion::Full));
        let piece = leave.hours.map_or_else(portion, Piece::Hours);
        Self { from: leave.from, to: leave.to, piece, reason: leave.reason.clone() }
    }

    /// From when to when it is.
    pub(crate) fn time(&self) -> Time {
        Time { from: self.from, to: self.to, piece: self.piece }
    }

    /// What each day costs: what was to be worked without it, less what is with it. `days` are those of the wish, with
    /// all other leave.
    pub(crate) fn cost(&self, days: &[DayFacts]) -> Vec<LeaveDay> {
        let mine = days.iter().filter(|day| (self.from..=self.to).contains(&day.date));
        let of = |day: &DayFacts| {
            let mut off = day.clone();
            self.piece.take_from(&mut off);
            LeaveDay { date: day.date, minutes: planned(day) - planned(&off).min(planned(day)) }
        };
        mine.map(of).collect()
    }
}

/// Minutes to be worked on a day.
fn planned(day: &DayFacts) -> u32 {
    let left = day.shift.as_ref().and_then(|shift| Plan::of(shift, day.date, &day.zone).on(shift, day));
    left.map_or(0, |plan| whole_minutes(plan.seconds()))
}

/// The sum of some days.
pub(crate) fn total(days: &[LeaveDay]) -> u32 {
    days.iter().map(|day| day.minutes).sum()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::workdays::facts::ShiftFacts;
    use jiff::civil::date;
    use jiff::tz::TimeZone;
    use rollcall_attendance_api::policy::Policy;
    use rollcall_attendance_api::shifts::Break;
    use rollcall_attendance_api::wall_time::WallTime;
    use rollcall_attendance_api::workdays::DayHoliday;
    use std::sync::Arc;

    fn wall(text: &str) -> WallTime {
        WallTime::parse(text).unwrap()
    }

    pub(crate) fn day(on: Date, shift: Option<(&str, &str)>) -> DayFacts {
        let lunch = Break { start: wall("12:00"), end: wall("13:00"), paid: false };
        let shift = shift.map(|(start, end)| {
            let breaks = if start == "09:00" { vec![lunch] } else { vec![] };
            Arc::new(ShiftFacts { start: wall(start), end: wall(end), breaks, policy: Policy::default() })
        });
        DayFacts::planned(on, TimeZone::get("Europe/Berlin").unwrap(), shift)
    }

    pub(crate) fn hours(start: &str, end: &str) -> Piece {
        Piece::Hours(LeaveHours { start: wall(start), end: wall(end) })
    }

    #[test]
    fn a_day_costs_what_was_to_be_worked_in_that_time() {
        let on = date(2026, 6, 1);
        let office = Some(("09:00", "18:00"));
        let holiday = |portion| DayFacts { holiday: Some(DayHoliday { name: "H".into(), portion }), ..day(on, office) };
        let with = |piece: Piece| {
            let mut day = day(on, office);
            piece.take_from(&mut day);
            day
        };
        let [full, am, pm] = [Portion::Full, Portion::Am, Portion::Pm].map(Piece::Portion);
        for (what, facts, piece, minutes) in [
            ("a day", day(on, office), full, 480),
            ("a morning", day(on, office), am, 180),
            ("an afternoon", day(on, office), pm, 300),
            ("two hours", day(on, office), hours("09:00", "11:00"), 120),
            ("hours across the break", day(on, office), hours("11:30", "13:30"), 60),
            ("hours after the plan", day(on, office), hours("18:00", "20:00"), 0),
            ("a rest day", day(on, None), full, 0),
            ("a holiday", holiday(Portion::Full), full, 0),
            ("half a holiday", holiday(Portion::Pm), full, 180),
            ("the half that is a holiday", holiday(Portion::Pm), pm, 0),
            ("the rest of a day of which the morning is taken", with(am), full, 300),
            ("the afternoon after hours of it", with(hours("16:00", "18:00")), pm, 180),
            ("a night", day(on, Some(("22:00", "06:00"))), full, 480),
            ("the end of a night", day(on, Some(("22:00", "06:00"))), hours("04:00", "06:00"), 120),
            ("a night in which the clocks go back", day(date(2026, 10, 24), Some(("22:00", "06:00"))), full, 540),
        ] {
            let asked = Wish { from: facts.date, to: facts.date, piece, reason: None };
            assert_eq!(asked.cost(std::slice::from_ref(&facts)), [LeaveDay { date: facts.date, minutes }], "{what}");
        }
    }

    #[test]
    fn two_halves_are_a_day() {
        let mut facts = day(date(2026, 6, 1), None);
        Piece::Portion(Portion::Am).take_from(&mut facts);
        Piece::Portion(Portion::Pm).take_from(&mut facts);
        assert_eq!(facts.leave, Some(Portion::Full));
    }
}
