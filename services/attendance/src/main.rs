//! The attendance service.
fn main() {}
