//! The record of changes that pay depends on: who, when, from what to what, why. Rows are added with the change, in its
//! transaction, and never edited; the role that serves may not.

mod domain;
pub(crate) mod handlers;
pub(crate) mod store;
