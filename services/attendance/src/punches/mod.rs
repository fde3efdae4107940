//! Punches: facts that are kept as they came.
//!
//! A punch goes handler → [`decide`] (pure) → [`writer`], which gathers the punches of many requests into one
//! [`commit`]; nothing before it knows how a punch gets durable.

pub(crate) mod allowance;
pub(crate) mod commit;
pub(crate) mod decide;
pub(crate) mod geofence;
pub(crate) mod handlers;
mod insert;
mod intake;
pub(crate) mod store;
pub(crate) mod writer;
