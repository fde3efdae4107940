//! The org service.
