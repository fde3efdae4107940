//! Who changed what, from which value to which, when, from where. Append-only: the service's role has no right to
//! change or remove a row.

pub(crate) mod domain;
pub(crate) mod handlers;
pub(crate) mod store;
