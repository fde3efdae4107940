//! What the tests of one service stand on: a database per test, and the service in the test's own process.

mod cluster;

pub use cluster::{Cluster, TestDatabase};
