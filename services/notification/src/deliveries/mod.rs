//! What is owed to the outside, by whatever channel, for whoever runs the service: what was given up can be looked at and
//! sent again ([`commands`]), what is over is dropped after a while, and how much waits is a metric ([`jobs`]).

pub mod commands;
pub mod jobs;
pub mod store;
