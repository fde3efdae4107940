//! The attendance service of Rollcall: what was planned, what was punched, and what the day came to.
//!
//! Facts are kept as they came and never edited; a workday is a pure function of them ([`workdays`]), computed
//! when it is read. A member whom the local copy of org's facts knows punches while every other service is down.

pub mod app;
mod approvals;
mod audit;
mod calendar_feeds;
mod corrections;
mod devices;
mod error;
mod events;
mod exports;
pub mod facts;
mod leave;
mod missing;
mod openapi;
mod org_settings;
mod overtime_requests;
mod periods;
mod punch_rules;
mod punches;
mod roster;
mod rotations;
mod routes;
mod schema;
pub mod settings;
mod shifts;
mod summaries;
mod swaps;
pub mod workdays;

pub use app::App;
pub use settings::Settings;
