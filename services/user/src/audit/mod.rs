//! What was done to accounts: written with each act, read by whom it concerns.

pub mod domain;
pub mod handlers;
pub mod store;
