//! Passwords: which are taken, and how they are hashed without letting a crowd take all memory.

pub mod change;
pub mod domain;
pub mod hash;
pub mod pool;
