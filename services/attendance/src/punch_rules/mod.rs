//! What a site does with punches from elsewhere.

pub(crate) mod handlers;
pub(crate) mod store;
