//! Ten thousand open streams on one machine: PostgreSQL that flushes every commit, notification as its release program,
//! and a client of our own; nginx's nchan with the same client where its module is installed. `make bench-streams`.
//!
//! Everybody here follows the stream and wants no mail, so what is measured is inbox and stream. Messages go to the first
//! instance; then a second one is started on the same database, and streams are opened there.
//!
//! `ROLLCALL_BENCH_STREAMS` is how many streams, `ROLLCALL_BENCH_RATE` how many messages a second go to
//! single users, `ROLLCALL_BENCH_SECONDS` for how long, `ROLLCALL_NCHAN_MODULE` where the module is.

#![expect(clippy::print_stdout, reason = "a benchmark says what it measured")]

mod flow;
mod nchan;
mod readers;
mod rollcall;

use anyhow::{Context as _, Result, ensure};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use rollcall_bench::number;
use rollcall_stack::binaries;
use std::time::Duration;

/// Resident bytes of a stream on which nothing has happened.
const IDLE: u64 = 10 * 1024;
/// Resident bytes of a stream that had messages.
const AFTER: u64 = 14 * 1024;

/// Announcements to all, one after the other.
const ANNOUNCEMENTS: usize = 5;

/// What one server was measured to take.
struct Measured {
    /// Resident bytes of each stream while nothing happens, and after messages.
    idle: u64,
    after: u64,
    /// An announcement, the middle one of several: from the request, and from the commit, to the last of all streams.
    from_request: Duration,
    from_commit: Duration,
}

/// Messages to single users: what 99 of 100 took at most.
struct Single {
    /// On the instance that stored them.
    here: Duration,
    /// On another.
    elsewhere: Duration,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() -> Result<()> {
    ensure!(binaries::directory()?.ends_with("release"), "without optimisation there is nothing to measure");
    let streams = number("ROLLCALL_BENCH_STREAMS", 10_000)?;
    let lasting = Duration::from_secs(number("ROLLCALL_BENCH_SECONDS", 10)?);
    let files = open_files()?;
    println!("{} cores; {streams} streams; {files} open files", std::thread::available_parallelism()?);
    let (ours, p99) = rollcall::measure(streams, number("ROLLCALL_BENCH_RATE", 3_000)?, lasting).await?;
    let theirs = nchan::measure(streams).await?;
    let mut missed = Vec::new();
    let mut hold = |what: &str, held: bool| {
        if !held {
            missed.push(what.to_owned());
        }
    };
    hold("10 KiB a stream, idle", ours.idle <= IDLE);
    hold("14 KiB a stream, after messages", ours.after <= AFTER);
    hold("an announcement within 600 ms of the request", ours.from_request <= Duration::from_millis(600));
    hold("p99 under 100 ms", p99.here < Duration::from_millis(100));
    hold("p99 under 150 ms from another instance", p99.elsewhere < Duration::from_millis(150));
    if let Some(theirs) = theirs {
        hold("1.5 × nchan's time, from the commit", ours.from_commit <= theirs.from_request.mul_f64(1.5));
    }
    ensure!(missed.is_empty(), "not reached: {}", missed.join(", "));
    println!("all bounds held");
    Ok(())
}

/// As many files as this process, and what it starts, may have open at all.
fn open_files() -> Result<u64> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
    Ok(most)
}

/// The middle one, and all of them in milliseconds.
fn middle(mut took: Vec<Duration>) -> Result<(Duration, String)> {
    let all: Vec<_> = took.iter().map(|took| took.as_millis().to_string()).collect();
    took.sort_unstable();
    Ok((*took.get(took.len() / 2).context("none was measured")?, all.join(", ")))
}

/// Resident bytes of each of so many streams.
fn each(before: u64, after: u64, streams: usize) -> u64 {
    after.saturating_sub(before) / u64::try_from(streams).unwrap_or(u64::MAX).max(1)
}

#[expect(clippy::cast_precision_loss, reason = "printed with one digit")]
fn kib(bytes: u64) -> String {
    format!("{:.1} KiB", bytes as f64 / 1024.0)
}
