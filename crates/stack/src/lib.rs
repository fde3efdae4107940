//! Starts everything.
