//! The stream: a fast view of the inbox by Server-Sent Events.
//!
//! Every user has a log of entries (`stream_entries`) whose numbers are given in the storing transaction.
//! A stream is a position in that log. [`reader`] is one task per instance that finds out which connected
//! users have entries after their streams' positions, reads those of many users with one query and hands the
//! framed bytes to [`hub`], where each [`listener`] takes what follows its position without a gap, or is told
//! to start over. [`watch`] keeps streams alive and ends them, by the time and with their sessions. [`domain`] holds the
//! rules of positions and frames.
//!
//! So what a client gets always comes from the database, in its order, whichever instance stored it: the
//! wake-up after a commit only makes it quick, and a poll makes up for a wake-up that went elsewhere.
//!
//! Rejected: a broadcast channel per instance fed with messages (a copy per receiver, lost on a crash between
//! commit and send, nothing from the other instance); `LISTEN`/`NOTIFY` (a cluster-wide lock at every commit);
//! a task with a buffer per stream (memory).

pub mod domain;
pub mod handlers;
pub mod hub;
pub mod listener;
pub mod openings;
pub mod reader;
pub mod store;
pub mod watch;
