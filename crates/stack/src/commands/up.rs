//! `rollcall-stack up`: what `make up` runs.

use crate::Stack;
use crate::demo::{self, Demo};
use anyhow::{Context, Result};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::signal::unix::{Signal, SignalKind, signal};

const LOOK_EVERY: Duration = Duration::from_millis(300);

/// Brings everything up, loads the demo company the first time, runs until Ctrl-C or SIGTERM, stops everything.
pub async fn up(run_dir: &Path, port: u16) -> Result<()> {
    let mut signals =
        [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, signal(SignalKind::hangup())?];
    let start = Instant::now();
    let builder = Stack::builder()
        .run_dir(run_dir)
        .topology_ports()
        .nginx_port(port)
        .without_build()
        .progress(|line| eprintln!("  {line}"));
    eprintln!("Starting Rollcall; data, logs and mail are in {}.", run_dir.display());
    // Ctrl-C while it starts: the started part is stopped when the builder's thread sees the end of this one.
    let stack = tokio::select! {
        stack = builder.start() => stack?,
        () = any(&mut signals) => anyhow::bail!("interrupted while starting"),
    };
    let outcome = tokio::select! {
        outcome = serve(&stack, start) => outcome,
        () = any(&mut signals) => Ok(()),
    };
    eprintln!("\nStopping.");
    stack.shutdown().await?;
    outcome
}

/// Loads the demo, says where everything is, then watches; ends only with an error.
async fn serve(stack: &Stack, start: Instant) -> Result<()> {
    let demo = Demo::new(stack.base_url(), stack.run_dir());
    let company = demo.load(|line| eprintln!("  {line}")).await.context("the demo company")?;
    let took = start.elapsed().as_secs_f64();
    let base_url = stack.base_url().replace("127.0.0.1", "localhost");
    let text = demo::welcome(&base_url, &company);
    write!(std::io::stdout(), "\nReady in {took:.0} s.\n\n{text}\nCtrl-C stops everything.\n")?;
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        if let Some(fallen) = stack.fallen() {
            return Err(fallen);
        }
    }
}

async fn any(signals: &mut [Signal; 3]) {
    let [interrupt, terminate, hangup] = signals;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
}
