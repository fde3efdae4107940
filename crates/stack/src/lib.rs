//! A private PostgreSQL, the four services and nginx, started and stopped as one.
//!
//! `rollcall-stack up` (what `make up` runs), the end-to-end tests and the benchmarks start the real programs with
//! [`Stack`]; the tests of one service run it in their own process with [`testing`]. Everything that is started
//! ends with its starter, whichever way that ends: see [`guard`].

pub mod account;
pub mod binaries;
pub mod commands;
pub mod crowd;
pub mod demo;
pub mod faults;
pub mod guard;
pub mod keys;
pub mod load;
pub mod lock;
pub mod mail;
pub mod nginx;
pub mod office;
pub mod ports;
pub mod postgres;
pub mod process;
pub mod provision;
pub mod secrets;
pub mod service;
pub mod settings;
pub mod socket;
mod stack;
pub mod strangers;
pub mod surroundings;
pub mod testing;

pub use rollcall_ops::topology;
pub use stack::{Builder, Progress, Stack};
