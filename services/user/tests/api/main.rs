//! The user service through HTTP, against a real PostgreSQL.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

mod access;
mod bad_input;
mod credentials;
mod description;
mod keys;
mod neighbour;
mod outage;
mod process;
mod profile;
mod sessions;
mod sign_up;
mod storage;
mod street;
mod support;
mod throttling;
