//! Where somebody works, from a day to a day. Part of the employee: their version counts each change.

pub(crate) mod commands;
pub(crate) mod handlers;
pub(crate) mod input;
pub(crate) mod store;
