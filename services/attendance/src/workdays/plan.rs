//! From wall time to instants: what a shift means on a date in a zone, and what half a day off leaves of it.

use super::facts::{DayFacts, Interval, Second, ShiftFacts};
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use rollcall_attendance_api::policy::Portion;
use rollcall_attendance_api::wall_time::WallTime;

/// A shift on a date: instants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// From planned start to planned end.
    pub span: Interval,
    /// Unpaid breaks, by time.
    pub unpaid_breaks: Vec<Interval>,
}

impl Plan {
    /// What `shift` means on `date` in `zone`. A time that the zone skips is read with the offset before the
    /// gap, one that happens twice is the first (RFC 5545 reads them so too).
    pub fn of(shift: &ShiftFacts, date: Date, zone: &TimeZone) -> Self {
        let at = |time: WallTime, next_day: bool| second_of(date, next_day, time.time(), zone);
        let end_next_day = shift.end <= shift.start;
        let mut unpaid_breaks: Vec<Interval> = shift
            .breaks
            .iter()
            .filter(|b| !b.paid)
            .map(|b| {
                let from_tomorrow = b.start < shift.start;
                let until_tomorrow = from_tomorrow || b.end <= b.start;
                Interval { start: at(b.start, from_tomorrow), end: at(b.end, until_tomorrow) }
            })
            .collect();
        unpaid_breaks.sort_unstable_by_key(|b| b.start);
        // One that the zone skips is read as an hour later, where the next may be: no second is taken off twice.
        let mut taken_until = Second::MIN;
        for one in &mut unpaid_breaks {
            one.start = one.start.max(taken_until);
            taken_until = taken_until.max(one.end);
        }
        unpaid_breaks.retain(|b| b.start < b.end);
        let start = at(shift.start, false);
        Self { span: Interval { start, end: at(shift.end, end_next_day).max(start) }, unpaid_breaks }
    }

    /// Planned time less unpaid breaks, in seconds.
    pub fn seconds(&self) -> Second {
        self.seconds_within(self.span)
    }

    /// As much of it as lies within `limits`.
    pub fn seconds_within(&self, limits: Interval) -> Second {
        let part = self.span.within(limits);
        part.seconds().max(0) - self.unpaid_breaks.iter().map(|b| b.overlap(part)).sum::<Second>()
    }

    /// What is left when `off` is not worked (rule 9). All breaks stay: who works through the free half still
    /// takes them.
    pub fn without(&self, off: Off) -> Option<Self> {
        let (before, after) = self.halves();
        let span = match off {
            Off::Nothing => self.span,
            Off::Morning => Interval { start: after, end: self.span.end },
            Off::Afternoon => Interval { start: self.span.start, end: before },
            Off::Whole => return None,
        };
        Some(Self { span, unpaid_breaks: self.unpaid_breaks.clone() })
    }

    /// Where the morning ends and where the afternoon starts (rule 9).
    pub fn halves(&self) -> (Second, Second) {
        let longest = self.unpaid_breaks.iter().rev().max_by_key(|b| b.seconds());
        let middle = self.span.start + self.span.seconds() / 2;
        longest.map_or((middle, middle), |b| (b.start, b.end))
    }

    /// The half of it that a holiday takes; none: it takes all of it.
    pub fn half(&self, portion: Portion) -> Option<Interval> {
        let (before, after) = self.halves();
        match portion {
            Portion::Am => Some(Interval { start: self.span.start, end: before }),
            Portion::Pm => Some(Interval { start: after, end: self.span.end }),
            Portion::Full => None,
        }
    }

    /// What is left when some hours of it are leave: at an end of the plan they move it, past a break that begins there
    /// too; in the middle they are a break.
    pub fn without_hours(&self, hours: &[Interval]) -> Option<Self> {
        let mut span = self.span;
        let mut moved = true;
        while moved && span.start < span.end {
            moved = false;
            for off in hours {
                if off.start <= span.start && span.start < off.end {
                    (span.start, moved) = (off.end, true);
                }
                if off.start < span.end && span.end <= off.end {
                    (span.end, moved) = (off.start, true);
                }
            }
            for off in &self.unpaid_breaks {
                if span.start != self.span.start && off.start <= span.start && span.start < off.end {
                    (span.start, moved) = (off.end, true);
                }
                if span.end != self.span.end && off.start < span.end && span.end <= off.end {
                    (span.end, moved) = (off.start, true);
                }
            }
        }
        let inside = hours.iter().map(|off| off.within(span)).filter(|off| off.start < off.end);
        let unpaid_breaks = joined(self.unpaid_breaks.iter().copied().chain(inside).collect());
        (span.start < span.end).then_some(Self { span, unpaid_breaks })
    }

    /// What is left of the plan on a day with holidays and leave.
    pub fn on(&self, shift: &ShiftFacts, day: &DayFacts) -> Option<Self> {
        let left = self.without(Off::of(day))?;
        if day.leave_hours.is_empty() {
            return Some(left);
        }
        let hours = day.leave_hours.iter().map(|hours| hours_of(Some(shift), day, *hours));
        left.without_hours(&hours.collect::<Vec<_>>())
    }
}

/// When some hours of a day are. Before the start of a shift that goes on past midnight they are of the next morning;
/// hours that the zone skips are none.
pub fn hours_of(shift: Option<&ShiftFacts>, day: &DayFacts, (from, until): (WallTime, WallTime)) -> Interval {
    let at = |time: WallTime, tomorrow: bool| second_of(day.date, tomorrow, time.time(), &day.zone);
    let tomorrow = shift.is_some_and(|shift| shift.end <= shift.start && from < shift.start);
    let start = at(from, tomorrow);
    Interval { start, end: at(until, tomorrow || until <= from).max(start) }
}

/// The second at which clocks show noon on a day.
pub fn noon(day: &DayFacts) -> Second {
    second_of(day.date, false, Time::constant(12, 0, 0, 0), &day.zone)
}

/// The intervals by time, those that touch made one.
fn joined(mut intervals: Vec<Interval>) -> Vec<Interval> {
    intervals.sort_unstable_by_key(|one| one.start);
    let mut apart: Vec<Interval> = Vec::with_capacity(intervals.len());
    for one in intervals {
        match apart.last_mut().filter(|last| one.start <= last.end) {
            Some(last) => last.end = last.end.max(one.end),
            None => apart.push(one),
        }
    }
    apart
}

/// Which part of a planned day is not to be worked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Off {
    /// None of it.
    Nothing,
    /// The morning.
    Morning,
    /// The afternoon.
    Afternoon,
    /// All of it.
    Whole,
}

impl Off {
    /// What holiday and leave take together: one half each is the whole day.
    pub fn of(day: &DayFacts) -> Self {
        let portions = [day.holiday.as_ref().map(|h| h.portion), day.leave];
        let takes = |half: Portion| portions.iter().flatten().any(|p| *p == half || *p == Portion::Full);
        match (takes(Portion::Am), takes(Portion::Pm)) {
            (false, false) => Self::Nothing,
            (true, false) => Self::Morning,
            (false, true) => Self::Afternoon,
            (true, true) => Self::Whole,
        }
    }
}

/// The second at which the day after `date` begins in `zone`.
pub fn next_midnight(date: Date, zone: &TimeZone) -> Second {
    second_of(date, true, Time::midnight(), zone)
}

/// The second at which clocks in `zone` show `time` on `date` or on the day after.
fn second_of(date: Date, next_day: bool, time: Time, zone: &TimeZone) -> Second {
    let date = if next_day { date.tomorrow().unwrap_or(date) } else { date };
    let ambiguous = zone.to_ambiguous_timestamp(date.to_datetime(time));
    ambiguous.compatible().map_or_else(|_| date_edge(date), jiff::Timestamp::as_second)
}

/// Where time ends: only the first and last representable dates have instants out of range.
fn date_edge(date: Date) -> Second {
    if date.year() < 0 { jiff::Timestamp::MIN.as_second() } else { jiff::Timestamp::MAX.as_second() }
}
