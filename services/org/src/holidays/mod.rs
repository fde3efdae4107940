//! Holiday calendars: days, or halves of days, on which nobody has to work. A calendar with all its holidays is one
//! aggregate; a site names the one it follows.

pub(crate) mod commands;
pub(crate) mod domain;
pub(crate) mod handlers;
pub(crate) mod ics;
pub(crate) mod ics_text;
pub(crate) mod imports;
pub(crate) mod store;
