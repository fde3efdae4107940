//! The notification service through HTTP, against a real PostgreSQL.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed step fails the test")]

mod access;
mod accounts;
mod announcements;
mod endpoint;
mod ends;
mod inbox;
mod intake;
mod isolation;
mod links;
mod mail;
mod operators;
mod preferences;
mod reference;
mod stream;
mod support;
mod tls;
mod waiting;
mod webhooks;
mod webhooks_over;
mod websocket;
