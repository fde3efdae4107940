//! The attendance service.

pub mod workdays;
