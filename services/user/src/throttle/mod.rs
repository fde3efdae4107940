//! Failed attempts are slowed down, per account and per address, and never locked out.
//!
//! An attempt is counted before it is checked and given back when it succeeds, so that a thousand at once are not
//! a thousand free ones. The counts are in the database: all instances share them.

pub mod domain;
pub mod store;
