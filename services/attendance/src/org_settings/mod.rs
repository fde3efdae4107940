//! What an organisation decides about attendance as a whole: how many have to approve, when it is warned of a lock, how
//! its exports look. One row, one version; a setting that a later release adds has its default until somebody says
//! otherwise.

pub(crate) mod domain;
pub(crate) mod handlers;
pub(crate) mod store;
