//! Keys that sign access tokens, and their public halves for whoever checks one.

pub mod domain;
pub mod handlers;
pub mod ring;
pub mod store;
