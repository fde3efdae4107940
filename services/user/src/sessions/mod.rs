//! Sessions: signing in, refreshing with rotation, signing out.

pub mod domain;
pub mod ending;
pub mod flow;
pub mod fresh;
pub mod handlers;
pub mod store;
pub mod tokens;
