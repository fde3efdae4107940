//! Rule 6: how late somebody came and how early they left. Actual times decide, never rounded ones.

use super::facts::{Interval, MINUTE, Second, minutes_begun};
use super::pairing::Pairing;

/// Minutes from the planned start to the first coming when that is over `grace` minutes, else 0. Who has no
/// first coming, because the punch is missing, is not late: the day is incomplete instead.
pub fn late_minutes(plan: Interval, pairing: &Pairing, grace: u32) -> u32 {
    let first_in = pairing.first_in.filter(|_| !pairing.missing_in);
    over(first_in.map(|at| at - plan.start), grace)
}

/// Minutes from the last going to the planned end, likewise. Who has come again and not gone has not left.
pub fn early_leave_minutes(plan: Interval, pairing: &Pairing, grace: u32) -> u32 {
    let last_out = pairing.last_out.filter(|_| pairing.open.is_none());
    over(last_out.map(|at| plan.end - at), grace)
}

/// All of it, rounded up, when it exceeds the grace to the second.
fn over(seconds: Option<Second>, grace: u32) -> u32 {
    seconds.filter(|&s| s > Second::from(grace) * MINUTE).map_or(0, minutes_begun)
}
