//! Who somebody is in an organisation: for the callers of this service, for `me`, and for the other services.

pub(crate) mod authority;
pub(crate) mod domain;
pub(crate) mod handlers;
pub(crate) mod internal;
