//! Copies of what org and user own, so that telling people needs neither. Org's facts come as events and keep
//! their highest version; a user's language is asked for once and remembered, and asked for anew ([`languages`]) when it has become old. [`owners`] asks those who own
//! them, outside any transaction, when a copy misses something.

mod backfill;
pub mod languages;
pub mod members;
pub mod owners;
pub mod places;
pub mod store;
