//! The attendance service.
