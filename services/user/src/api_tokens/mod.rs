//! API tokens: for scripts and devices, which cannot sign in.

pub mod authority;
pub mod domain;
pub mod handlers;
pub mod store;
