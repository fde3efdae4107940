//! What the tests of one service stand on: a database per test, and the service in the test's own process.
//!
//! ```text
//! let org = TestService::<rollcall_org::App>::start().await;
//! let answer = org.as_user(UserId::generate()).get("/api/org/v1/orgs").send().await?;
//! ```

mod cluster;
mod service;

pub use crate::settings::set;
pub use cluster::{Cluster, TestDatabase};
pub use service::{As, START, TestService, loaded, settings_file};
