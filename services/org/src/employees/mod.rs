//! Employees: who they are, from when to when, and where they work.

pub(crate) mod commands;
pub(crate) mod domain;
pub(crate) mod handlers;
pub(crate) mod input;
pub(crate) mod list;
pub(crate) mod store;
pub(crate) mod whole;
