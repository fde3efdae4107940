//! Punches that are missing: looked for when a window closes, and told to the person and the manager once.
//!
//! A task looks at every organisation about once a minute. What it finds is a row whose key is the person, the date and
//! what is missing, written in the transaction that tells of it: two instances, or one that was stopped in the middle,
//! tell once. Days are looked at from before the last look on, so a service that was down finds what it missed; what
//! had closed before an organisation was looked at for the first time is told to nobody. Of a site whose devices had not
//! reported, nothing new can be found before they do: its older days are looked at again once, when they have (`dates`).
//! A device that is silent for long is told of too, once.

mod dates;
pub(crate) mod domain;
pub(crate) mod job;
pub(crate) mod store;
