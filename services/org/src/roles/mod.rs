//! Roles: what an employee may do, and to whom.

pub(crate) mod commands;
pub(crate) mod custom;
pub(crate) mod domain;
pub(crate) mod handlers;
pub(crate) mod own;
pub(crate) mod store;
