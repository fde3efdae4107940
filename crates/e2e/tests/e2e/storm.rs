//! A peer that fails everybody is not run over: what its callers repeat is a fifth of their calls and ten a second, and
//! seconds after it is back they are.

use crate::PLACES;
use crate::company::{Client, Company, eventually};
use anyhow::{Context as _, Result, ensure};
use reqwest::Method;
use rollcall_stack::Stack;
use rollcall_stack::faults::{Fault, HttpAnswer};
use rollcall_stack::load::{Load, Pace};
use rollcall_stack::strangers::Strangers;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::Instant;

/// Requests a second, each of which needs org.
const RATE: f64 = 100.0;
const LASTING: Duration = Duration::from_secs(6);
/// From when org answers until its callers do.
const BACK_WITHIN: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_fails_everybody_sees_a_fifth_more_and_is_back_within_seconds() -> Result<()> {
    let _place = PLACES.acquire().await?;
    // Notification as it is packaged; attendance never leaves org alone, so only its budget holds it.
    let stack = Stack::builder()
        .with_faults()
        .setting("attendance", "peers.org.calls.breaker_failures", 1_000_000)
        .setting("attendance", "peers.org.calls.breaker_calls", 1_000_000)
        .start()
        .await?;
    let client = Client::of(&stack)?;
    let company = Company::found(&client).await?;
    company.known_to_attendance().await?;
    for (caller, list) in [("attendance", "punches"), ("notification", "announcements")] {
        let line = stack.faults()?.between(caller, "org")?;
        let (calls, attempts) = (metric(&client, &stack, caller, "calls_total").await?, line.counts().answered);
        line.set(Fault::Answers(HttpAnswer::status(503)))?;
        let strangers = Strangers::new(caller, list, &company.worker.token, &[503]);
        let began = Instant::now();
        let load = Load::on(address(&stack, caller)?).connections(16).pace(Pace::Steady(RATE)).lasting(LASTING);
        let report = load.run_beside(&strangers).await?;
        let took = began.elapsed().as_secs_f64();
        ensure!(report.failed() == 0, "{caller}: something else than 503: {report}");
        let calls = metric(&client, &stack, caller, "calls_total").await? - calls;
        let attempts = f64::from(u32::try_from(line.counts().answered - attempts)?);
        // The ten of a second may be spent at its end and at the beginning of the next.
        let allowed = calls * 1.2 + 10.0 * (took + 2.0);
        ensure!(attempts <= allowed, "{caller}: {attempts} for {calls} calls, {allowed} allowed");
        if caller == "attendance" {
            ensure!(calls >= 500.0 && attempts > calls, "no storm: {attempts} for {calls} calls");
        } else {
            ensure!(attempts > 0.0 && attempts < 100.0, "org is not left alone: asked {attempts} times");
        }
        // Meanwhile members punch.
        let punch = company.worker.punch(&company.org_id, &serde_json::json!({}), caller).await?;
        ensure!(punch.status == 201, "{punch:?}");

        line.set(Fault::None)?;
        let back = Instant::now();
        eventually("org is asked again", || async {
            let answer = company.worker.call(Method::GET, &strangers.path(), None).await.ok()?;
            (answer.status == 404).then_some(())
        })
        .await?;
        ensure!(back.elapsed() < BACK_WITHIN, "{caller}: back after {:?}", back.elapsed());
    }
    stack.shutdown().await
}

/// The sum of a counter over its outcomes, for calls to org.
async fn metric(client: &Client, stack: &Stack, service: &str, name: &str) -> Result<f64> {
    let url = format!("{}/internal/metrics", stack.service_url(service)?);
    let text = client.get_text(&url).await?;
    let prefix = format!("{name}{{peer=\"org\"");
    let lines = text.lines().filter(|line| line.starts_with(&prefix));
    let values = lines.map(|line| line.rsplit_once(' ').context("a value")?.1.parse::<f64>().context("a number"));
    values.sum()
}

fn address(stack: &Stack, service: &str) -> Result<SocketAddr> {
    let url = stack.service_url(service)?;
    Ok(SocketAddr::from(([127, 0, 0, 1], url.rsplit_once(':').context("a port")?.1.parse()?)))
}
