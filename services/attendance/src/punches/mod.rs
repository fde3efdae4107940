//! Punches: facts that are kept as they came.
//!
//! A punch goes handler → [`decide`] (pure) → [`writer`]. The writer is the seam where punches of many requests
//! will share one statement; nothing before it knows how a punch gets durable.

pub(crate) mod decide;
pub(crate) mod geofence;
pub(crate) mod handlers;
mod intake;
pub(crate) mod store;
pub(crate) mod writer;
