//! Approvals: one state machine for everything that somebody asks for and somebody else decides.
//!
//! ```text
//!            approve, of two levels the first
//!              ┌────────┐
//!  open ──▶ pending ────┘ ──approve──▶ approved ──cancel, where the kind allows it──▶ cancelled
//!              ├──reject──▶ rejected
//!              └──cancel──▶ cancelled
//! ```
//!
//! Of leave that is approved also only the rest may be taken back ([`end()`]): it stays approved, and the decision says
//! from which day on.
//!
//! A request that takes two (a swap) begins at level 0: the other one agrees ([`accept()`]) or refuses, and only then it
//! waits for a decision.
//!
//! A kind of request (a correction, overtime, leave, a swap) has a table of what is asked for. What all have in
//! common is here, under the same id: `approvals`, and every decision in `approval_decisions`, which is only added to.
//! A kind calls [`open()`] in the transaction that stores what is asked for, and [`decide()`] with what follows from a
//! decision, which happens in the transaction of the decision. `domain` says what a decision leads to, `bench` who may
//! make it; both are pure. The row is locked while it is decided, so of several at once exactly one wins.

pub(crate) mod bench;
mod decide;
pub(crate) mod domain;
pub(crate) mod handlers;
mod open;
pub(crate) mod store;

pub(crate) use decide::{Decided, accept, decide, end, may_see};
pub(crate) use handlers::RequestQuery;
pub(crate) use open::{NewRequest, open};
