//! The program `rollcall`, for whoever operates an installation.
//!
//! | module | what |
//! |---|---|
//! | [`topology`] | who runs where, who calls whom, who hears which events: the file and its rules |
//! | [`render`], [`keys`] | what follows from it: settings, nginx's configuration, units |
//! | [`apply`], [`nginx`] | putting that in force, and back |
//! | [`compat`] | whether a release breaks those who use the service that it replaces |
//! | [`migrations`] | whether a migration breaks the version that runs |
//! | [`status`] | how everything is |
//! | [`steps`], [`http`] | how a command tells what it does, and asks |
//!
//! `crates/stack` renders with the same modules, so that what `make up` starts and what a server runs differ in
//! addresses alone. It knows no service: what it needs of one it reads in its documents or asks over HTTP.

pub mod apply;
pub mod compat;
pub mod http;
pub mod keys;
pub mod migrations;
pub mod nginx;
pub mod render;
mod rule;
pub mod status;
pub mod steps;
pub mod topology;
