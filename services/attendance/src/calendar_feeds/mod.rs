//! Feeds of a person's roster and leave for the calendar on a phone (RFC 5545): an address with a secret, read without
//! signing in.
//!
//! A calendar sends no token, so whoever knows the address reads the plan: the secret is shown once and stored hashed, the
//! feed has nothing but the plan of that person, and it ends when they leave, when it is deleted, and when whoever made it
//! for somebody else may not see them any more, which is looked at with every reading. `events` says what is in it (pure),
//! `ics` how that is written.

mod domain;
mod events;
pub(crate) mod handlers;
mod ics;
pub(crate) mod read;
mod store;
