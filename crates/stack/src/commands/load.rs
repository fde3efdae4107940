//! `rollcall-stack load`: an office at work, for as long as a release or a fault is tried.

use crate::load::{Load, Pace};
use crate::office::Office;
use anyhow::{Context as _, Result, ensure};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// What is to be done.
#[derive(Debug)]
pub struct LoadPlan {
    /// The address of nginx.
    pub url: Url,
    /// Requests a second.
    pub rate: f64,
    /// Open streams.
    pub streams: usize,
    /// People at work.
    pub people: usize,
    /// At most so long.
    pub seconds: u64,
    /// Made when the office is at work; when somebody removes it, work ends.
    pub flag: Option<PathBuf>,
    /// Whether punches may go unanswered: of an instance that is killed, those in flight do.
    pub forgive_punches: bool,
}

/// Loads, says what came of it, and fails when anything failed or was lost.
pub async fn load(plan: LoadPlan) -> Result<()> {
    let address = *plan.url.socket_addrs(|| None)?.first().context("an address without a host")?;
    let office = Arc::new(Office::found(plan.url.as_str().trim_end_matches('/'), plan.people).await?);
    let audience = office.open_streams(plan.streams)?;
    audience.all_open(Duration::from_secs(20)).await?;
    let rate = Load::on(address)
        .connections(64)
        .pace(Pace::Steady(plan.rate))
        .warm_up(Duration::from_secs(1))
        .lasting(Duration::from_secs(plan.seconds));
    let end = rate.ending();
    if let Some(flag) = plan.flag.clone() {
        std::fs::write(&flag, "at work\n").with_context(|| flag.display().to_string())?;
        tokio::spawn(async move {
            while flag.exists() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            end.now();
        });
    }
    let report = rate.run_beside(&office).await?;
    // Who was sent away a moment ago has come back.
    audience.all_open(Duration::from_secs(10)).await?;
    let settled = office.settle().await?;
    let mut out = std::io::stdout().lock();
    let (good, longest, p99) = (report.good(), report.longest(), report.percentile(0.99));
    writeln!(out, "{good} answered, longest {longest:?}, p99 {p99:?}")?;
    writeln!(out, "{} failed: {:?}, {} without an answer", report.failed(), report.bad, report.lost)?;
    writeln!(out, "{settled}\n{}", audience.streams())?;
    for complaint in office.complaints() {
        writeln!(out, "  {complaint}")?;
    }
    ensure!(settled.lost == 0, "acknowledged punches are lost");
    if plan.forgive_punches {
        let punches = settled.failed_punches;
        ensure!(settled.failed_reads == 0 && report.lost == 0, "reads failed");
        ensure!(settled.stored <= settled.acknowledged + usize::try_from(punches)?, "punches were doubled");
    } else {
        ensure!(report.failed() == 0, "requests failed");
        ensure!(settled.stored == settled.acknowledged, "punches were doubled");
        ensure!(audience.streams().broken == 0 && audience.streams().refused == 0, "streams broke off");
    }
    Ok(())
}
