//! Invitations: how an employee gets to their account. A secret goes to the employee's address; whoever brings it back,
//! signed in, is linked to the employee. It works once and for seven days, and a newer one takes its place.

pub(crate) mod commands;
pub(crate) mod domain;
pub(crate) mod handlers;
pub(crate) mod store;
