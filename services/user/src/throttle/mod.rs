//! Failed attempts are slowed down, per account and per address, and never locked out.
//!
//! An attempt is counted before it is checked and given back when it succeeds, so that a thousand at once are not
//! a thousand free ones; and when it is not checked, so that a crowd keeps nobody out for longer than it lasts
//! ([`charge::Charge`]). To count it only once there is room to check it would hold that room through a transaction, for
//! those who have to wait too: they could fill it. The counts are in the database: all instances share them.

pub mod charge;
pub mod domain;
pub mod store;
