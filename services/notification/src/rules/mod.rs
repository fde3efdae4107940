//! From an event to messages. [`table`] says which event is told to whom, as what, with which
//! template. [`templates`] writes the text in the reader's language. [`tell`] does both in the
//! transaction that takes the event, from local copies alone; what a copy misses makes [`deferred`] ask its
//! owner afterwards and tell then.
//!
//! Rejected: to answer the sender with a failure until the copy is complete. Nobody would complete it, and one
//! such event would hold back its whole batch.

pub mod deferred;
pub mod domain;
mod recipients;
pub mod store;
pub mod table;
pub mod tell;
pub mod templates;
