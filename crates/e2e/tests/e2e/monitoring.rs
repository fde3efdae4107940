//! The running whole exposes every series that the alerts and the dashboard name.

use crate::company::{Client, Company, eventually};
use crate::start;
use anyhow::{Context as _, Result, ensure};
use rollcall_e2e::series;
use rollcall_stack::binaries;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Prometheus makes the first itself, `rollcall-backup --metrics` the second.
const OF_OTHERS: [&str; 2] = ["up", "rollcall_backup_finished_timestamp_seconds"];

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_alerts_and_the_dashboard_name_is_exposed() -> Result<()> {
    let (stack, _place) = start().await?;
    let client = Client::of(&stack)?;
    let company = Company::found(&client).await?;
    company.known_to_attendance().await?;
    company.worker.punch(&company.org_id, &json!({}), "one").await?.expect(201)?;

    let files = binaries::repository().join("deploy/monitoring");
    let rules = std::fs::read_to_string(files.join("rules.yml"))?;
    let dashboard: Value = serde_json::from_str(&std::fs::read_to_string(files.join("dashboard.json"))?)?;
    let of_rules = rules.lines().filter_map(|line| line.trim().strip_prefix("expr: "));
    let panels = dashboard["panels"].as_array().context("panels")?;
    let of_panels = panels.iter().flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    let of_panels = of_panels.filter_map(|target| target["expr"].as_str());
    let wanted: BTreeSet<String> = of_rules.chain(of_panels).flat_map(series).collect();
    let wanted: BTreeSet<_> =
        wanted.into_iter().filter(|name| !name.contains(':') && !OF_OTHERS.contains(&name.as_str())).collect();
    ensure!(wanted.len() > 20, "{wanted:?}");

    let looked = || async {
        let mut exposed = BTreeSet::new();
        for service in ["user", "org", "attendance", "notification"] {
            let url = format!("{}/internal/metrics", stack.service_url(service).ok()?);
            let text = client.get_text(&url).await.ok()?;
            let named = text.lines().filter(|line| !line.starts_with('#'));
            exposed.extend(named.filter_map(|line| line.split(['{', ' ']).next().map(str::to_owned)));
        }
        let missing: Vec<_> = wanted.difference(&exposed).collect();
        if missing.is_empty() { Some(()) } else { None }
    };
    // What is counted every few seconds is there after those.
    eventually(&format!("all of these are exposed: {wanted:?}"), looked).await?;
    stack.shutdown().await
}
