//! The second factor: TOTP, and recovery codes for whoever has lost it.

pub mod domain;
pub mod flow;
pub mod handlers;
pub mod store;
