//! Shifts: planned times and the rules of a workday, in versions.

pub(crate) mod domain;
pub(crate) mod handlers;
pub(crate) mod store;
