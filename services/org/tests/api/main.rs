//! The org service through HTTP, against a real database.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
#![expect(clippy::panic, reason = "a failed step fails the test")]

mod access;
mod assignments;
mod audit;
mod bad_input;
mod custom_roles;
mod delegations;
mod description;
mod employees;
mod events;
mod every_field;
mod history;
mod holidays;
mod imports;
mod internal;
mod invitations;
mod isolation;
mod load;
mod orgs;
mod removal;
mod roles;
mod sites;
mod support;
mod units;
