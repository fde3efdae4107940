//! The subcommands of `rollcall-stack`.

mod database;

pub use database::database;
