//! The stream: a fast view of the inbox by Server-Sent Events.
//!
//! Every user has a log of entries (`stream_entries`) whose numbers are given in the storing transaction.
//! A stream is a position in that log; [`hub`] knows those that are open, and each [`listener`] takes what follows its
//! position without a gap, or is told to start over. What this instance has stored itself it has in hand at the commit,
//! and hands over: a stream takes an entry if its log goes on with just that one. In every other case (a stream that is
//! further back, an entry of another instance) [`reader`] reads the logs of many users with one query. [`instances`] tell
//! each other whose logs go on, and a poll makes up for what was not heard. [`watch`] keeps streams alive and ends them,
//! by the time and with their sessions. [`domain`] holds the rules of positions.
//!
//! So what a client gets is always what is committed, in its order, whichever instance stored it. What a subscriber is
//! told ([`domain::Message`]) and how it is written are two things: [`hub::Subscription`] gives messages, [`sse`] writes
//! them as Server-Sent Events, [`websocket`] as messages of a WebSocket.
//!
//! A stream costs memory for as long as it is open, so nothing is kept for it that is not needed while nothing happens:
//! no task or timer of its own here, no buffer, and a connection that is taken out of the server's ordinary way
//! ([`PATH`], `rollcall_common::server`).
//!
//! Rejected: a broadcast channel per instance fed with messages (a copy per receiver, lost on a crash between
//! commit and send, nothing from the other instance); `NOTIFY` in the storing transaction (a cluster-wide lock at every
//! commit) or as the only way (a pooler in between passes none on); a task with a buffer per stream (memory).

pub mod domain;
pub mod handlers;
pub mod hub;
pub mod instances;
pub mod listener;
pub mod openings;
pub mod reader;
pub mod sse;
pub mod store;
pub mod subscribe;
pub mod watch;
pub mod websocket;

/// Where it is.
pub const PATH: &str = "/api/notification/v1/stream";
