//! A load generator: many keep-alive connections, bounded in time, on one thread of its own.
//!
//! ```text
//! let report = Load::on(address).connections(256).lasting(Duration::from_secs(15)).run(&traffic)?;
//! println!("{report}");
//! ```
//!
//! It shares a small machine with what it measures, so it has to be cheap: [`connection`] speaks just the HTTP/1.1 that
//! our services answer with, because a client library of full size costs more than the service under test. Two ways
//! to load: [`Pace::Closed`], where each connection sends the next request when it has its answer, for "how many can
//! it take"; and [`Pace::Steady`], where requests have a time at which they are due whether or not the service keeps
//! up, for "how long does one wait". There the time counts from when a request was due, not from when it could be
//! sent: otherwise a service that stalls would slow its own generator and look well (coordinated omission).

mod connection;
mod report;

pub use report::Report;

use anyhow::{Context as _, Result};
use connection::{Answer, Connection};
use report::Notes;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::runtime;
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep, sleep_until};

/// How long an answer may take: then it is lost.
const PATIENCE: Duration = Duration::from_secs(15);
/// Between two tries of a request that must be answered.
const PAUSE: Duration = Duration::from_millis(25);

/// What is sent, and what becomes of the answers.
pub trait Traffic: Send + Sync + 'static {
    /// Writes request `number`, whole: head, an empty line, body. Numbers ascend from 0 and each is asked for once.
    fn request(&self, number: u64, into: &mut Vec<u8>);

    /// Takes the answer of request `number`; whether it is what was hoped for.
    fn answered(&self, number: u64, status: u16, body: &[u8]) -> bool;
}

/// When requests are sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// Each connection sends the next request as soon as it has its answer.
    Closed,
    /// So many a second, evenly, over all connections.
    Steady(f64),
}

/// A load that has not been run.
#[derive(Clone, Debug)]
pub struct Load {
    address: SocketAddr,
    connections: usize,
    pace: Pace,
    warm_up: Duration,
    lasting: Duration,
    until_answered: bool,
    end: End,
}

/// Ends a load before its time.
#[derive(Clone, Debug, Default)]
pub struct End(Arc<AtomicBool>);

impl End {
    /// From now on nothing new is sent; what is under way is still answered.
    pub fn now(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn has_come(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Load {
    /// On whoever listens there, with one connection for one second, unless told otherwise.
    pub fn on(address: SocketAddr) -> Self {
        Self {
            address,
            connections: 1,
            pace: Pace::Closed,
            warm_up: Duration::ZERO,
            lasting: Duration::from_secs(1),
            until_answered: false,
            end: End::default(),
        }
    }

    /// Over so many connections.
    #[must_use]
    pub fn connections(mut self, connections: usize) -> Self {
        self.connections = connections.max(1);
        self
    }

    /// At this pace.
    #[must_use]
    pub fn pace(mut self, pace: Pace) -> Self {
        self.pace = pace;
        self
    }

    /// Goes on for so long first, without counting.
    #[must_use]
    pub fn warm_up(mut self, warm_up: Duration) -> Self {
        self.warm_up = warm_up;
        self
    }

    /// Counts for so long.
    #[must_use]
    pub fn lasting(mut self, lasting: Duration) -> Self {
        self.lasting = lasting;
        self
    }

    /// Repeats a request, as a client with an idempotency key does, until it has an answer that is neither a lost
    /// connection nor 502, 503 or 504.
    #[must_use]
    pub fn until_answered(mut self) -> Self {
        self.until_answered = true;
        self
    }

    /// With what it is ended before its time. Its rate then says nothing; its counts do.
    pub fn ending(&self) -> End {
        self.end.clone()
    }

    /// Runs it on a thread of its own and waits for the end. Blocks.
    pub fn run<T: Traffic>(self, traffic: &Arc<T>) -> Result<Report> {
        let traffic = Arc::clone(traffic);
        let thread = std::thread::Builder::new().name("load".to_owned()).spawn(move || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
            Ok(LocalSet::new().block_on(&runtime, self.run_here(traffic)))
        })?;
        thread.join().map_err(|_| anyhow::anyhow!("the load generator has panicked"))?
    }

    /// Like [`Self::run`], for callers in a runtime.
    pub async fn run_beside<T: Traffic>(self, traffic: &Arc<T>) -> Result<Report> {
        let traffic = Arc::clone(traffic);
        tokio::task::spawn_blocking(move || self.run(&traffic)).await.context("the load generator")?
    }

    async fn run_here<T: Traffic>(self, traffic: Arc<T>) -> Report {
        let start = Instant::now();
        let shared = Rc::new(Shared {
            counts_from: start + self.warm_up,
            ends: start + self.warm_up + self.lasting,
            start,
            next: AtomicU64::new(0),
            traffic,
            load: self,
        });
        let mut runners = Vec::with_capacity(shared.load.connections);
        for _ in 0..shared.load.connections {
            runners.push(tokio::task::spawn_local(Rc::clone(&shared).sends()));
        }
        let mut notes = Notes::default();
        for runner in runners {
            if let Ok(more) = runner.await {
                notes.merge(more);
            }
        }
        Report::new(notes, shared.load.lasting)
    }
}

/// What all connections of a load know.
struct Shared<T> {
    load: Load,
    traffic: Arc<T>,
    start: Instant,
    counts_from: Instant,
    ends: Instant,
    next: AtomicU64,
}

impl<T: Traffic> Shared<T> {
    /// One connection, until the end. What is under way then is still answered.
    async fn sends(self: Rc<Self>) -> Notes {
        let mut notes = Notes::default();
        let mut connection = Connection::to(self.load.address);
        let mut request = Vec::with_capacity(1024);
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let due = self.due(number);
            if self.load.end.has_come() || due.unwrap_or_else(Instant::now) >= self.ends {
                return notes;
            }
            if let Some(due) = due {
                sleep_until(due).await;
            }
            let since = due.unwrap_or_else(Instant::now);
            request.clear();
            self.traffic.request(number, &mut request);
            let answer = self.ask(&mut connection, &request, &mut notes).await;
            let good = match &answer {
                Some(answer) => self.traffic.answered(number, answer.status, connection.body(answer)),
                None => false,
            };
            let now = Instant::now();
            // Of a closed load what was finished in its time counts, of a steady one what was due in it.
            let counts = match due {
                Some(due) => due >= self.counts_from,
                None => now >= self.counts_from && now < self.ends,
            };
            if counts {
                notes.answered(answer.map(|answer| answer.status), good, now - since);
            }
        }
    }

    /// When request `number` is to be sent; none: as soon as it can be.
    fn due(&self, number: u64) -> Option<Instant> {
        match self.load.pace {
            Pace::Closed => None,
            #[expect(clippy::cast_precision_loss, reason = "numbers of requests stay far below 2^52")]
            Pace::Steady(per_second) => Some(self.start + Duration::from_secs_f64(number as f64 / per_second)),
        }
    }

    async fn ask(&self, connection: &mut Connection, request: &[u8], notes: &mut Notes) -> Option<Answer> {
        let first = Instant::now();
        loop {
            let asked = tokio::time::timeout(PATIENCE, connection.ask(request)).await;
            let answer = asked.ok().and_then(Result::ok);
            let settled = answer.as_ref().is_some_and(|answer| !matches!(answer.status, 502..=504));
            if answer.is_none() {
                connection.close();
            }
            if settled || !self.load.until_answered {
                if answer.is_none() {
                    // Not as fast as the kernel refuses connections.
                    sleep(PAUSE).await;
                }
                return answer;
            }
            // Whoever is never answered is a failure, not a load that never ends.
            if first.elapsed() > PATIENCE * 2 {
                return answer;
            }
            notes.repeated();
            sleep(PAUSE).await;
        }
    }
}
