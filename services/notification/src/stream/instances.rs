//! What instances of the service tell each other: whose logs go on. A hint that a read is due, never what there is to
//! read, and never in the transaction that stored it: `NOTIFY` holds a lock of the whole cluster at its commit. What was
//! stored in the meantime is told together, in a small transaction that need not be on disk.
//!
//! Whom no hint reaches finds out by the poll, a second later.

use super::store;
use crate::app::App;
use rollcall_common::db::{Heard, Unscoped};
use rollcall_common::fault::Fault;
use rollcall_common::problem::chain;
use rollcall_common::secret::random_token;
use rollcall_ids::UserId;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// The channel in the database.
const CHANNEL: &str = "rollcall_streams";
/// What comes so soon after the first is told with it.
const GATHER: Duration = Duration::from_millis(20);
/// Users that are told of by name. Beyond, everybody is looked at, which is one query.
const MOST_NAMED: usize = 2_000;
/// Users of one notice: its payload has less than 8,000 bytes, an id 36 and a comma.
const NAMED_BY_ONE: usize = 200;
/// Says that everybody has to be looked at.
const EVERYBODY: &str = "*";

/// What is to be told to other instances, and who this one is.
pub struct Instances {
    own: String,
    news: Mutex<HashSet<UserId>>,
    wake: Notify,
}

impl Default for Instances {
    fn default() -> Self {
        Self { own: random_token(9), news: Mutex::default(), wake: Notify::new() }
    }
}

impl Instances {
    /// The logs of these users go on.
    pub fn tell(&self, users: impl IntoIterator<Item = UserId>) {
        self.news.lock().unwrap_or_else(PoisonError::into_inner).extend(users);
        self.wake.notify_one();
    }

    fn take(&self) -> HashSet<UserId> {
        std::mem::take(&mut *self.news.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Tells the others, for ever.
pub async fn tell(app: Arc<App>) {
    loop {
        app.instances.wake.notified().await;
        tokio::time::sleep(GATHER).await;
        let notices = notices(&app.instances.own, &app.instances.take());
        if notices.is_empty() {
            continue;
        }
        let notify = move |conn: &mut _| Ok::<_, Fault>(store::notify(conn, CHANNEL, &notices)?);
        if let Err(fault) = app.core.db.transaction(Unscoped, notify).await {
            tracing::warn!(error = chain(&fault), "other instances are not told, and will see");
        }
    }
}

/// Does what the others tell, for ever.
pub async fn hear(app: Arc<App>) {
    let mut hearing = match app.core.db.hear(CHANNEL) {
        Ok(hearing) => hearing,
        Err(error) => {
            tracing::error!(%error, "no thread to hear other instances with");
            return std::future::pending().await;
        }
    };
    while let Some(heard) = hearing.recv().await {
        match heard {
            Heard::Anew => app.hub.look_at_all(),
            Heard::Notice(text) => match read(&app.instances.own, &text) {
                Told::Users(users) => app.hub.read_for(users),
                Told::Everybody => app.hub.look_at_all(),
                Told::Nothing => {}
            },
        }
    }
}

/// What a notice says to this instance.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Users(Vec<UserId>),
    Everybody,
    /// It is this instance's own, or of a release that says it differently.
    Nothing,
}

fn notices(own: &str, users: &HashSet<UserId>) -> Vec<String> {
    if users.len() > MOST_NAMED {
        return vec![format!("{own}:{EVERYBODY}")];
    }
    let users: Vec<String> = users.iter().map(ToString::to_string).collect();
    users.chunks(NAMED_BY_ONE).map(|some| format!("{own}:{}", some.join(","))).collect()
}

fn read(own: &str, text: &str) -> Told {
    match text.split_once(':') {
        Some((sender, _)) if sender == own => Told::Nothing,
        Some((_, EVERYBODY)) => Told::Everybody,
        Some((_, users)) => Told::Users(users.split(',').filter_map(|user| user.parse().ok()).collect()),
        None => Told::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_instance_tells_the_others_read_and_it_does_not() {
        for count in [1, NAMED_BY_ONE, NAMED_BY_ONE + 1, MOST_NAMED] {
            let users: HashSet<UserId> = (0..count).map(|_| UserId::generate()).collect();
            let notices = notices("a", &users);
            assert!(notices.iter().all(|notice| notice.len() < 8_000));
            let mut heard = HashSet::new();
            for notice in &notices {
                assert_eq!(read("a", notice), Told::Nothing);
                let Told::Users(users) = read("b", notice) else { panic!("{notice}") };
                heard.extend(users);
            }
            assert_eq!(heard, users);
        }
    }

    #[test]
    fn too_many_to_be_named_are_everybody() {
        let users = (0..=MOST_NAMED).map(|_| UserId::generate()).collect();
        assert_eq!(notices("a", &users), ["a:*"]);
        assert_eq!(read("b", "a:*"), Told::Everybody);
        assert_eq!(notices("a", &HashSet::new()), [] as [String; 0]);
    }
}
