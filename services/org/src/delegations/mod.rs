//! Delegations: who decides in whose place, from when to when.

pub(crate) mod commands;
pub(crate) mod domain;
pub(crate) mod handlers;
pub(crate) mod store;
