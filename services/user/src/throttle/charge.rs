//! An attempt that was counted, until it is made.

use crate::app::App;
use crate::throttle::domain::{Bucket, Rule};
use crate::throttle::store;
use jiff::Timestamp;
use rollcall_common::db::{Database, Unscoped};
use rollcall_common::fault::Fault;
use rollcall_common::problem::chain;
use tokio::runtime::Handle;

/// An attempt that was counted and not yet made. Dropped, it is given back: too many wait, or whoever asked has gone before
/// it was their turn, and nobody has learned anything. From [`Charge::stands`] on it stays counted, whoever goes.
pub struct Charge {
    db: Database,
    buckets: Vec<(Bucket, Rule)>,
    counted_at: Timestamp,
}

impl Charge {
    /// What [`store::charge`] has counted, in a transaction that has committed.
    pub fn of(app: &App, buckets: &[(Bucket, Rule)], counted_at: Timestamp) -> Self {
        Self { db: app.core.db.clone(), buckets: buckets.to_vec(), counted_at }
    }

    /// It is made.
    pub fn stands(mut self) {
        self.buckets.clear();
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        let (db, buckets, now) = (self.db.clone(), std::mem::take(&mut self.buckets), self.counted_at);
        // Beside the request: what drops it is often that its caller has gone.
        let Some(runtime) = Handle::try_current().ok().filter(|_| !buckets.is_empty()) else { return };
        runtime.spawn(async move {
            let back = db.transaction(Unscoped, move |conn| Ok::<_, Fault>(store::refund(conn, &buckets, now)?)).await;
            if let Err(error) = back {
                tracing::warn!(error = chain(&error), "an attempt that was not made stays counted");
            }
        });
    }
}
