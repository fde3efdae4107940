//! The subcommands of `rollcall-stack`.

mod database;
mod demo;
mod load;
mod openapi;
mod schema;
mod up;

pub use database::database;
pub use demo::demo;
pub use load::{LoadPlan, load};
pub use openapi::openapi;
pub use schema::schema;
pub use up::up;
