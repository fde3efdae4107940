//! Rotations: cycles of shifts that a roster entry may name instead of a shift. A rotation never changes, as what was
//! planned by it would change too; who wants another plans another from a date on.

pub(crate) mod domain;
pub(crate) mod handlers;
pub(crate) mod store;
