//! Screens that stay open: each holds a stream and comes back when it ends, as the event stream's `retry:` tells it.

use super::Office;
use anyhow::{Result, ensure};
use futures_util::StreamExt as _;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

/// What a screen waits before it comes back when nothing told it.
const PAUSE: Duration = Duration::from_millis(250);

/// The screens. They close when this is dropped.
pub struct Audience {
    screens: JoinSet<()>,
    wanted: u64,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    open: AtomicU64,
    resumed: AtomicU64,
    broken: AtomicU64,
    refused: AtomicU64,
}

/// How the screens are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Streams {
    /// Open now.
    pub open: u64,
    /// Times that one came back after its stream had ended.
    pub resumed: u64,
    /// Streams that broke off instead of ending.
    pub broken: u64,
    /// Times that one was not let in.
    pub refused: u64,
}

impl fmt::Display for Streams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { open, resumed, broken, refused } = self;
        write!(f, "{open} streams open, {resumed} resumed, {broken} broken off, {refused} refused")
    }
}

impl Office {
    /// So many screens, shared out among the people.
    #[expect(clippy::disallowed_methods, reason = "a client from outside: no retries, no service token")]
    pub fn open_streams(&self, count: usize) -> Result<Audience> {
        let http = reqwest::Client::builder().connect_timeout(Duration::from_secs(2)).no_proxy().build()?;
        let counts = Arc::new(Counts::default());
        let mut screens = JoinSet::new();
        for person in self.people.iter().cycle().take(count) {
            let url = format!("{}/api/notification/v1/stream", self.base_url);
            screens.spawn(watch(http.get(url).bearer_auth(&person.token), Arc::clone(&counts)));
        }
        Ok(Audience { screens, wanted: u64::try_from(count)?, counts })
    }
}

impl Audience {
    /// How they are.
    pub fn streams(&self) -> Streams {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let Counts { open, resumed, broken, refused } = &*self.counts;
        Streams { open: read(open), resumed: read(resumed), broken: read(broken), refused: read(refused) }
    }

    /// Waits until all are open.
    pub async fn all_open(&self, patience: Duration) -> Result<()> {
        let start = Instant::now();
        while self.streams().open < self.wanted {
            ensure!(start.elapsed() < patience, "not all of {} streams open: {}", self.wanted, self.streams());
            ensure!(!self.screens.is_empty() || self.wanted == 0, "no screen is left");
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }
}

/// One screen, for ever.
async fn watch(request: reqwest::RequestBuilder, counts: Arc<Counts>) {
    let mut last_id: Option<String> = None;
    let mut pause = PAUSE;
    let mut was_open = false;
    loop {
        let Some(mut attempt) = request.try_clone() else { return };
        if let Some(id) = &last_id {
            attempt = attempt.header("Last-Event-ID", id);
        }
        match attempt.send().await {
            Ok(response) if response.status() == 200 => {
                counts.open.fetch_add(1, Ordering::Relaxed);
                if was_open {
                    counts.resumed.fetch_add(1, Ordering::Relaxed);
                }
                was_open = true;
                let mut body = response.bytes_stream();
                while let Some(chunk) = body.next().await {
                    let Ok(chunk) = chunk else {
                        counts.broken.fetch_add(1, Ordering::Relaxed);
                        break;
                    };
                    for line in String::from_utf8_lossy(&chunk).lines() {
                        if let Some(id) = line.strip_prefix("id: ") {
                            last_id = Some(id.to_owned());
                        } else if let Some(Ok(wait)) = line.strip_prefix("retry: ").map(str::parse) {
                            pause = Duration::from_millis(wait);
                        }
                    }
                }
                counts.open.fetch_sub(1, Ordering::Relaxed);
            }
            Ok(_) | Err(_) => {
                counts.refused.fetch_add(1, Ordering::Relaxed);
            }
        }
        sleep(pause).await;
    }
}
