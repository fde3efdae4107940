//! The org service through HTTP, against a real database.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
#![expect(clippy::panic, reason = "a failed step fails the test")]

mod access;
mod audit;
mod bad_input;
mod description;
mod employees;
mod events;
mod internal;
mod invitations;
mod isolation;
mod orgs;
mod roles;
mod sites;
mod support;
mod units;
