//! Swaps: two people exchange shifts of one day, or of two days. Asked for by one, accepted by the other, then a request
//! like all (`approvals`); with the approval each has a plan of their own for these days. What has to be so for that
//! (`domain`) is looked at when it is asked for, when it is accepted, and again in the transaction of the approval, which
//! holds the roster of the organisation: nobody plans in between.

pub(crate) mod decisions;
pub(crate) mod domain;
pub(crate) mod handlers;
pub(crate) mod store;
