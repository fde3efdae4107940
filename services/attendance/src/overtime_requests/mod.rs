//! Overtime that is to count. Where a shift asks for approval, overtime of a day counts up to the minutes that were
//! approved for it. A request is what all requests are (`approvals`) and nothing more: the day is that of its gist, and
//! so are the minutes.

pub(crate) mod domain;
pub(crate) mod handlers;
pub(crate) mod store;
