//! Contract of the user service: who somebody is.
//!
//! The service knows no organisation and calls nobody. Others verify its access tokens with its published keys and
//! need no call for that; [`internal`] is what services may ask directly, [`events`] is what it
//! tells them, [`codes`] are the error codes it adds to those that every service has.

pub mod codes;
pub mod events;
pub mod internal;
