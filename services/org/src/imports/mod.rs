//! Employees and their assignments in bulk, from and to CSV. A file is checked line by line first (a dry run that changes
//! nothing) and then taken over whole or not at all; a worker does both, and the import's resource shows how far it is.

pub(crate) mod apply;
pub(crate) mod columns;
pub(crate) mod commands;
pub(crate) mod domain;
pub(crate) mod entry;
pub(crate) mod export;
pub(crate) mod handlers;
pub(crate) mod labels;
pub(crate) mod plan;
pub(crate) mod store;
pub(crate) mod table;
pub(crate) mod worker;
