//! Corrections: a day that is not right is asked to be put right, and somebody else decides. What is approved becomes
//! facts (`added_punches`, `voided_punches`) that the engine is told of; what came as a punch stays as it came.

pub(crate) mod domain;
pub(crate) mod handlers;
pub(crate) mod store;
