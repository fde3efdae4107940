//! Choosing a new password with a token that came by mail.

pub mod flow;
pub mod handlers;
pub mod store;
