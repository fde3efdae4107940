//! Periods: stretches of dates that are locked and closed as a whole.
//!
//! ```text
//! open ──lock──▶ locking ──all people frozen──▶ locked ──close──▶ closed
//!   ◀──────┴────────reopen, with a reason─────────┘
//! ```
//!
//! A period is locked once every day of it is judged (`pending`): not while the night of its last day is worked, at
//! whatever site that is, and not before the devices of a site have reported, unless somebody says why they are not
//! waited for.
//!
//! Locking keeps every workday of everybody as it is then (`frozen_workdays`), some people to a transaction, so that a
//! large organisation holds nobody up; a lock that a stop has interrupted is carried on by whichever instance comes
//! first. What is kept counts once all of it is there. Punches are not asked: one that is stored before the days of its
//! person are read is in them, and any later one is in the difference between what was kept and what the facts say
//! now (`difference`). So no punch waits for a lock or is refused by one, and none is lost.

pub(crate) mod adjustments;
mod check;
mod difference;
mod domain;
mod freeze;
pub(crate) mod handlers;
mod pending;
pub(crate) mod store;
pub(crate) mod work;
