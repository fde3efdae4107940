//! Sites: places of work.

pub(crate) mod commands;
pub(crate) mod domain;
pub(crate) mod handlers;
pub(crate) mod input;
pub(crate) mod store;
