//! Terminals and kiosks. A device has a secret of its own, which it sends as a bearer token where people send theirs; it
//! may do nothing but punch for people of its site, and say that it has nothing left to send.
//!
//! What is checked of a device is in memory with its organisation ([`crate::facts`]), so a punch of one costs no query
//! before it is written. When it was heard of last is kept in memory too and written down every few seconds
//! ([`seen`]).

pub(crate) mod domain;
pub(crate) mod door;
pub(crate) mod handlers;
pub(crate) mod seen;
pub(crate) mod store;
