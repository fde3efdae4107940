//! The days of a period, added up: of what is frozen where it is frozen, and else of what the facts say now.

pub(crate) mod domain;
pub(crate) mod handlers;
