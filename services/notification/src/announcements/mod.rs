//! Announcements: somebody tells everybody, a unit with all below it, or a site. Whoever works there that day has it in
//! their inbox by the same transaction that stores it, and only then are streams served.

pub mod domain;
pub mod handlers;
pub mod store;
