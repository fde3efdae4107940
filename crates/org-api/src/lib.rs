//! Contract of the org service: who works where, under whom, with which rights.
//!
//! [`facts`] are the states that events carry and that other services keep a local copy of; [`rights`] is
//! the closed list of permissions with the one function that evaluates them; [`events`] names the event
//! types; [`internal`] is what services may ask directly when their copy misses something; [`codes`] are the
//! error codes that org adds to those every service has.

pub mod codes;
pub mod events;
pub mod facts;
pub mod internal;
pub mod rights;
