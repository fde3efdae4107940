//! A screen that stays open through everything: it comes back with the last id that it saw, and remembers every message.

use crate::company::Person;
use crate::stream::{Stream, position};
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// A stream that is silent for longer has died: the stack's heartbeats come every second.
const SILENCE: Duration = Duration::from_secs(4);
const PAUSE: Duration = Duration::from_millis(100);

/// Setting of notification for [`SILENCE`]: its path and value.
pub const HEARTBEAT: (&str, i64) = ("stream.heartbeat_seconds", 1);

/// See the module. Dropped, it is closed.
pub struct Screen {
    seen: Arc<Mutex<Seen>>,
    watching: JoinHandle<()>,
}

#[derive(Default)]
struct Seen {
    messages: Vec<Value>,
    positions: Vec<(String, u64)>,
    wrong: Option<String>,
}

impl Screen {
    /// Opens it for whoever is signed in, after what the inbox knows now.
    pub async fn open(person: watch::Receiver<Person>) -> Result<Self> {
        let who = person.borrow().clone();
        let inbox = who.get("/api/notification/v1/notifications").await?;
        let last = inbox["stream_position"].as_str().context("stream_position")?.to_owned();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let watching = tokio::spawn(watch_for_ever(person, last, Arc::clone(&seen)));
        Ok(Self { seen, watching })
    }

    /// The messages so far, in the order in which they came; an error when the stream has lost its order or its place.
    pub fn messages(&self) -> Result<Vec<Value>> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        ensure!(seen.wrong.is_none(), "{:?}", seen.wrong);
        ensure!(seen.positions.is_sorted_by(|a, b| a < b), "out of order: {:?}", seen.positions);
        Ok(seen.messages.clone())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

async fn watch_for_ever(person: watch::Receiver<Person>, mut last: String, seen: Arc<Mutex<Seen>>) {
    loop {
        let who = person.borrow().clone();
        // Whatever goes wrong, the screen comes back: refused, cut off, silent.
        if let Ok(Ok(mut stream)) = tokio::time::timeout(SILENCE, Stream::open(&who, Some(&last))).await {
            while let Ok(event) = stream.next_of(&["notification", "reset"], SILENCE).await {
                let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                match (event.kind.as_str(), position(&event)) {
                    ("notification", Ok(at)) => {
                        last = event.id.clone().unwrap_or(last);
                        seen.positions.push(at);
                        seen.messages.push(event.data);
                    }
                    _ => seen.wrong = Some(format!("{event:?}")),
                }
            }
        }
        sleep(PAUSE).await;
    }
}
