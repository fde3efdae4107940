//! Accounts and profiles.

pub mod domain;
pub mod handlers;
pub mod registration;
pub mod store;
