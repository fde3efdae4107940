//! Languages that were asked for long ago: people are written to in them all the same, and they are asked for anew
//! behind the message's back.

use super::owners::Owners;
use futures_util::StreamExt as _;
use rollcall_common::problem::chain;
use rollcall_ids::UserId;
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use tokio::sync::Notify;

/// Questions side by side.
const SIDE_BY_SIDE: usize = 8;
/// Users remembered at once; whoever is left out is asked for with their next message.
const MOST: usize = 10_000;

/// Whose language is to be asked for anew.
#[derive(Default)]
pub struct Stale {
    users: Mutex<HashSet<UserId>>,
    wake: Notify,
}

impl Stale {
    /// Asks for these soon.
    pub fn add(&self, users: Vec<UserId>) {
        if users.is_empty() {
            return;
        }
        let mut stale = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        let room = MOST.saturating_sub(stale.len());
        stale.extend(users.into_iter().take(room));
        drop(stale);
        self.wake.notify_one();
    }

    /// Asks for whoever is added, for ever. Who cannot be asked for now is so with their next message.
    pub async fn refresh(&self, owners: &Owners) {
        loop {
            self.wake.notified().await;
            let users = std::mem::take(&mut *self.users.lock().unwrap_or_else(PoisonError::into_inner));
            let ask = |user_id| async move {
                if let Err(fault) = owners.ask_user(user_id).await {
                    tracing::debug!(%user_id, error = chain(&fault), "a language is not asked for anew yet");
                }
            };
            futures_util::stream::iter(users).for_each_concurrent(SIDE_BY_SIDE, ask).await;
        }
    }
}
