//! What somebody wants to be told, by which ways, and when. The inbox takes everything at once; preferences decide what
//! leaves through other channels, and [`due`] when.

pub mod domain;
pub mod due;
pub mod handlers;
pub mod store;
