//! Starts everything.
fn main() {}
