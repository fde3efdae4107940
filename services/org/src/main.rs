//! The org service.
fn main() {}
