//! Who is in by now: whoever has come and not gone, until the window of the plan closes or, without a plan, until
//! nobody works that long.
//!
//! It is a matter of the last punches whatever their date, and not of one workday: who came before midnight is in after
//! it.

use super::belonging::{self, STRETCH_SPAN};
use super::facts::{Facts, instant};
use super::windows;
use jiff::{SignedDuration, Timestamp};
use rollcall_ids::PunchId;

/// A coming after which nobody has gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Coming {
    /// When, to the second.
    pub(crate) at: Timestamp,
    /// The punch.
    pub(crate) punch_id: PunchId,
    /// Whether whoever came so is in by now; else the going was forgotten.
    pub(crate) still: bool,
}

/// With what somebody came who is in.
pub(crate) fn in_since(facts: &Facts) -> Option<Coming> {
    last_coming(facts).filter(|coming| coming.still)
}

/// The coming of the last punches, unless they end with a going.
pub(crate) fn last_coming(facts: &Facts) -> Option<Coming> {
    let windows = windows::of(&facts.days);
    let sessions = belonging::sessions(facts, &windows);
    let last = sessions.last()?;
    let came = last.pairing.open?;
    let still = match last.window {
        Some(index) => facts.now.as_second() < windows[index].holds.end,
        None => facts.now.duration_since(last.first) <= SignedDuration::from_secs(STRETCH_SPAN),
    };
    let (punch, _) = last.punches.iter().find(|(punch, way)| way.is_some() && punch.second() == came)?;
    Some(Coming { at: instant(came), punch_id: punch.id, still })
}
