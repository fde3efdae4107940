//! Notices of PostgreSQL (`LISTEN`): hints that one instance of a service gives the others.
//!
//! They are hints and nothing more. What is missed while the connection was away, and all of them where a pooler in
//! between passes none on, is made up for by whoever hears: by a look of their own from time to time, and at once when
//! the connection is there anew.

use super::{Database, Inner};
use diesel::connection::SimpleConnection as _;
use diesel::r2d2::{Error, ManageConnection as _};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::mpsc;

/// Between two looks at the socket: libpq says nothing by itself, and looking is one call that does not wait.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// After a connection was lost or not to be had.
const PAUSE: Duration = Duration::from_secs(1);
/// Notices that wait to be taken; beyond, PostgreSQL keeps them.
const WAITING: usize = 1_024;

/// What is heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// From here on notices are heard; those before may have been missed.
    Anew,
    /// The payload of one.
    Notice(String),
}

impl Database {
    /// Hears a channel, on a connection and a thread of its own, for as long as what this answers is kept.
    pub fn hear(&self, channel: &'static str) -> std::io::Result<mpsc::Receiver<Heard>> {
        let (heard, hearing) = mpsc::channel(WAITING);
        let inner = Arc::downgrade(&self.0);
        std::thread::Builder::new().name("notices".to_owned()).spawn(move || {
            while !heard.is_closed() {
                match hear(&inner, channel, &heard) {
                    Ok(()) => return,
                    Err(error) => tracing::warn!(%error, channel, "notices of the database are not heard"),
                }
                std::thread::sleep(PAUSE);
            }
        })?;
        Ok(hearing)
    }
}

/// Until nobody listens any more, or the connection is lost.
fn hear(inner: &Weak<Inner>, channel: &str, heard: &mpsc::Sender<Heard>) -> Result<(), Error> {
    let Some(mut slot) = inner.upgrade().map(|inner| inner.notices.connect()).transpose()? else { return Ok(()) };
    slot.connection.batch_execute(&format!("LISTEN {channel}")).map_err(Error::QueryError)?;
    if heard.blocking_send(Heard::Anew).is_err() {
        return Ok(());
    }
    while !heard.is_closed() {
        for notice in slot.connection.notifications_iter() {
            let notice = notice.map_err(Error::QueryError)?;
            if heard.blocking_send(Heard::Notice(notice.payload)).is_err() {
                return Ok(());
            }
        }
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(())
}
