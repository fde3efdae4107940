//! Rules 2 and 3: which punch belongs to which work date, and which does not count.
//!
//! Punches are read once, by time. A run of punches in one window, or outside of all, is a [`Session`]; since
//! sessions are runs, no second can be worked in two of them.
//!
//! How long after another a punch came is a matter of instants, not of the whole seconds that are added up: between
//! 09:00:00.9 and 09:01:00.1 lie 59.2 s.

use super::facts::{DayFacts, Facts, HOUR, PunchFact, Second, instant};
use super::pairing::Pairing;
use super::windows::Window;
use jiff::{SignedDuration, Timestamp};
use rollcall_attendance_api::policy::Policy;
use rollcall_attendance_api::punches::Direction;
use rollcall_attendance_api::workdays::Way;

/// Out for this long, and the next unscheduled punch starts something new.
const STRETCH_GAP: SignedDuration = SignedDuration::from_hours(4);
/// Nobody works longer than this in one go without a plan.
pub const STRETCH_SPAN: Second = 16 * HOUR;

/// Punches that belong together.
#[derive(Clone, Debug)]
pub struct Session {
    /// Index of the work date in the facts; none: a date outside of them.
    pub day: Option<usize>,
    /// Index of the window; none: unscheduled.
    pub window: Option<usize>,
    /// First punch that counts.
    pub first: Timestamp,
    /// Last punch that counts.
    pub last: Timestamp,
    /// What they come to.
    pub pairing: Pairing,
    /// All of them by time, with what each was taken for; none: ignored.
    pub punches: Vec<(PunchFact, Option<Way>)>,
}

impl Session {
    /// Whether the next unscheduled punch starts a new stretch. A gap is time not worked: while somebody is in,
    /// only a coming after as long is taken for a new day (the going was forgotten).
    fn ends_before(&self, punch: &PunchFact) -> bool {
        let idle = self.pairing.open.is_none() || punch.direction == Direction::In;
        outlasts_a_stretch(self.first, punch.at) || (idle && punch.at.duration_since(self.last) >= STRETCH_GAP)
    }
}

/// The sessions of all punches, by time.
pub fn sessions(facts: &Facts, windows: &[Window]) -> Vec<Session> {
    let mut sessions: Vec<Session> = Vec::with_capacity(windows.len());
    let mut next_window = 0;
    let mut punches = by_time(&facts.punches);
    for index in 0..punches.len() {
        let at = punches[index].second();
        while windows.get(next_window).is_some_and(|window| window.holds.end <= at) {
            next_window += 1;
        }
        let window = windows.get(next_window).filter(|w| w.holds.start <= at).map(|_| next_window);
        let inside = sessions.last().is_some_and(|last| last.window == window && last.pairing.open.is_some());
        if inside {
            go_before_come(&mut punches[index..]);
        }
        let punch = punches[index];
        let policy = window.map_or_else(Policy::default, |index| windows[index].shift.policy);
        if let Some(last) = sessions.last_mut().filter(|last| repeats(last, &punch, policy)) {
            last.punches.push((punch, None));
            continue;
        }
        let starts_new =
            sessions.last().is_none_or(|last| last.window != window || (window.is_none() && last.ends_before(&punch)));
        if starts_new {
            let day = window.map_or_else(|| date_of(at, &facts.days), |index| Some(windows[index].day));
            let pairing = Pairing::new(policy.pairing);
            sessions.push(Session { day, window, first: punch.at, last: punch.at, pairing, punches: Vec::new() });
        }
        if let Some(session) = sessions.last_mut() {
            let way = session.pairing.push(at, punch.direction);
            session.last = punch.at;
            session.punches.push((punch, Some(way)));
        }
    }
    sessions
}

/// Rule 3: whether `punch` repeats the last one that counted. An explicit one only when it says the same.
fn repeats(last: &Session, punch: &PunchFact, policy: Policy) -> bool {
    if punch.at.duration_since(last.last) >= SignedDuration::from_secs(policy.debounce_seconds.into()) {
        return false;
    }
    match punch.direction {
        Direction::Auto => true,
        Direction::In => last.pairing.last_way == Some(Way::In),
        Direction::Out => last.pairing.last_way == Some(Way::Out),
    }
}

/// Whether nobody works from one instant to the other in one go without a plan.
fn outlasts_a_stretch(from: Timestamp, until: Timestamp) -> bool {
    until.duration_since(from) > SignedDuration::from_secs(STRETCH_SPAN)
}

/// By the instant, at one instant by what they say, and by id only where they say the same, so that it makes no
/// difference which of two came first.
fn by_time(punches: &[PunchFact]) -> Vec<PunchFact> {
    let mut sorted = punches.to_vec();
    sorted.sort_unstable_by_key(|punch| (punch.at, punch.direction, punch.id));
    sorted
}

/// Whoever is in and both goes and comes at one instant (a change of job, booked by a device) goes first.
fn go_before_come(punches: &mut [PunchFact]) {
    let Some(first) = punches.first() else { return };
    let (at, comes) = (first.at, first.direction == Direction::In);
    let together = punches.iter().take_while(|punch| punch.at == at);
    let goes = together.into_iter().position(|punch| punch.direction == Direction::Out);
    if let Some(goes) = goes.filter(|_| comes) {
        punches[..=goes].rotate_right(1);
    }
}

/// Longest debounce a shift may ask for.
const LONGEST_DEBOUNCE: SignedDuration = SignedDuration::from_hours(1);

/// Whether the days from `from` on are what they would be if punches from before `known_since` were known too.
///
/// They are when reading began afresh at some punch not after the first that can count for `from`: it repeats
/// none before it, and it is the first in its window, or comes after a silence that no stretch outlasts.
pub fn is_anchored(facts: &Facts, windows: &[Window], known_since: Timestamp, from: usize) -> bool {
    let Some(day) = facts.days.get(from) else { return true };
    let midnight = day.date.to_zoned(day.zone.clone()).map_or(known_since, |z| z.timestamp());
    // The window of the day, and of the day before when its shift hands over what is worked after midnight.
    let counts = |w: &&Window| w.day == from || (w.day + 1 == from && w.shift.policy.split_at_midnight);
    let opens = windows.iter().filter(counts).map(|w| w.holds.start).min();
    let counts_from = opens.map_or(midnight, |opens| midnight.min(instant(opens)));
    let mut before = known_since;
    for punch in by_time(&facts.punches) {
        let (at, second) = (punch.at, punch.second());
        let begins = |w: &Window| before.as_second() < w.holds.start && w.holds.start <= second && second < w.holds.end;
        let first_in_window = at.duration_since(before) >= LONGEST_DEBOUNCE && windows.iter().any(begins);
        if first_in_window || outlasts_a_stretch(before, at) {
            return true;
        }
        before = at;
        if at >= counts_from {
            return false;
        }
    }
    outlasts_a_stretch(before, counts_from)
}

/// The date that clocks showed at `at`, as an index. The zone depends on the date, so the date before, the one
/// and the one after in UTC are asked whether they were it; when the site moved and none was, the middle one.
fn date_of(at: Second, days: &[DayFacts]) -> Option<usize> {
    let first = days.first()?;
    let instant = instant(at);
    let shown_on = |index: usize| days.get(index).map(|day| day.zone.to_datetime(instant).date());
    let utc = jiff::tz::Offset::UTC.to_datetime(instant).date();
    let middle = usize::try_from((utc - first.date).get_days() + 1).ok()?;
    let candidates = [middle.checked_sub(2), middle.checked_sub(1), Some(middle)];
    let it = candidates.into_iter().flatten().find(|&i| shown_on(i) == days.get(i).map(|day| day.date));
    it.or_else(|| middle.checked_sub(1).filter(|&i| i < days.len()))
}
