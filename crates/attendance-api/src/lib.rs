//! Contract of the attendance service: what was planned, what was punched, what was worked.
//!
//! [`shifts`], [`rotations`], [`roster`], [`punches`], [`punch_rules`], [`devices`],
//! [`corrections`], [`overtime`] and [`swaps`] with [`approvals`], [`calendar_feeds`], [`workdays`] and [`now`] are the bodies of its resources; [`policy`] holds the
//! rules a shift carries; [`events`] names what it tells other services; [`codes`] are the problems that only
//! it answers.

pub mod approvals;
pub mod calendar_feeds;
pub mod codes;
pub mod corrections;
pub mod devices;
pub mod events;
pub mod exports;
pub mod leave;
pub mod now;
pub mod overtime;
pub mod periods;
pub mod policy;
pub mod punch_rules;
pub mod punches;
pub mod roster;
pub mod rotations;
pub mod settings;
pub mod shifts;
pub mod summaries;
pub mod swaps;
pub mod wall_time;
pub mod workdays;
