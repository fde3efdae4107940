//! Contract of the attendance service.

pub mod events;
