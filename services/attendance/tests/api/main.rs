//! The attendance service through HTTP, against a real database.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

mod access;
mod approvals;
mod backfill;
mod bad_input;
mod calendar_feeds;
mod corrections;
mod devices;
mod exports;
mod facts;
mod holidays;
mod isolation;
mod leave;
mod leave_earned;
mod leave_ended;
mod leave_races;
mod leave_requests;
mod leave_turn;
mod leave_versions;
mod memory;
mod missing;
mod now;
mod overtime;
mod period_pending;
mod periods;
mod punch_rules;
mod punches;
mod roster;
mod rotations;
mod rush;
mod settings;
mod shifts;
mod support;
mod swaps;
mod workdays;
