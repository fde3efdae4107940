//! The roster: who is planned for which shift on which date.

pub(crate) mod calendar;
pub(crate) mod domain;
pub(crate) mod handlers;
pub(crate) mod store;
pub(crate) mod tell;
mod told;
