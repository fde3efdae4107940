//! The inbox: the truth about what somebody was told. What is stored here is on the stream by the same
//! transaction, so neither can hold what the other does not.

pub mod handlers;
pub mod store;
