//! When devices were heard of: kept in memory, and written down every few seconds for all of them together, so that a
//! punch costs nothing more. What is lost in a crash is heard again with the next punch or heartbeat; until then days
//! wait a little longer, and none is judged too early.

use crate::devices::domain::Heard;
use crate::devices::store;
use rollcall_common::db::{Database, Unscoped};
use rollcall_common::problem::chain;
use rollcall_common::server::Drain;
use rollcall_ids::{DeviceId, OrgId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Between two writings.
const EVERY: Duration = Duration::from_secs(2);

/// What was heard and is not written down yet.
#[derive(Default)]
pub(crate) struct Seen(Mutex<HashMap<(OrgId, DeviceId), Heard>>);

impl Seen {
    /// A device was heard of.
    pub(crate) fn note(&self, key: (OrgId, DeviceId), heard: Heard) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = all.get(&key).copied();
        all.insert(key, heard.and(before));
    }

    /// Writes it all down; what cannot be written waits for the next time.
    pub(crate) async fn write(&self, db: &Database) {
        let heard = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if heard.is_empty() {
            return;
        }
        let rows: Vec<_> = heard.iter().map(|(key, heard)| (*key, *heard)).collect();
        if let Err(error) = db.transaction(Unscoped, move |conn| store::seen(conn, rows)).await {
            tracing::warn!(error = chain(&error), "cannot write down which devices were heard of");
            for (key, heard) in heard {
                self.note(key, heard);
            }
        }
    }

    /// Writes again and again, and a last time when the service drains.
    pub(crate) async fn follow(self: Arc<Self>, db: Database, drain: Drain) {
        while !drain.is_draining() {
            tokio::select! {
                () = drain.started() => {}
                () = tokio::time::sleep(EVERY) => {}
            }
            self.write(&db).await;
        }
    }
}
