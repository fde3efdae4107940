//! Units: the tree of departments.

pub(crate) mod chart;
pub(crate) mod commands;
pub(crate) mod domain;
pub(crate) mod handlers;
pub(crate) mod store;
pub(crate) mod tree;
