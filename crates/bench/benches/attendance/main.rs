//! Attendance under load: `rush` (`make bench-rush`), `workdays` with what is read and taken out of a full table
//! (`make bench-workdays`) and `blackhole` (`make bench-blackhole`).
//!
//! Measured is the release program that lies beside this one, built by the Makefile; it runs alone, with a PostgreSQL of
//! its own that flushes every commit.

#![expect(clippy::print_stdout, reason = "a benchmark says what it measured")]

mod blackhole;
mod company;
mod payroll;
mod pgbench;
mod plans;
mod rush;
mod table;
mod workdays;

use anyhow::{Context as _, Result, bail, ensure};
use rollcall_stack::Stack;
use rollcall_stack::binaries;
use std::net::SocketAddr;

#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() -> Result<()> {
    ensure!(binaries::directory()?.ends_with("release"), "without optimisation there is nothing to measure");
    // Cargo adds `--bench` to what it was told.
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    match wanted.as_deref() {
        Some("rush") => rush::run().await,
        Some("workdays") => workdays::run().await,
        Some("blackhole") => blackhole::run().await,
        _ => bail!("which one: rush, workdays or blackhole?"),
    }
}

/// A bound that is required, and whether it held.
struct Case {
    name: String,
    held: bool,
}

/// An error that names each bound that did not hold. All figures have been printed by then.
fn judge(cases: &[Case]) -> Result<()> {
    let missed: Vec<_> = cases.iter().filter(|case| !case.held).map(|case| case.name.as_str()).collect();
    ensure!(missed.is_empty(), "not reached: {}", missed.join(", "));
    println!("all bounds held");
    Ok(())
}

/// Where a service or nginx listens.
fn address(url: &str) -> Result<SocketAddr> {
    let port = url.rsplit_once(':').context("an address with a port")?.1.parse()?;
    Ok(SocketAddr::from(([127, 0, 0, 1], port)))
}

fn attendance(stack: &Stack) -> Result<SocketAddr> {
    address(&stack.service_url("attendance")?)
}
