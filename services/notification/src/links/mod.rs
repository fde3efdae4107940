//! Short links in mails: `GET /s/{code}` leads below the address that people reach Rollcall at, and nowhere else. Codes
//! are made here alone, cannot be guessed, and end. A link is to be had where the settings say which page it leads to.

pub mod domain;
pub mod handlers;
pub mod mail;
pub mod store;
