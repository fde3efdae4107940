//! Alerts and the dashboard name what is there: series that are recorded or known, and entries of the runbook. That the
//! services expose what they name, a test of the running whole asks; that alerts fire, `make monitoring` does.

#![expect(clippy::unwrap_used, reason = "a file that cannot be read fails the test")]

use rollcall_e2e::series;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

fn read(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file)).unwrap()
}

/// The values of a key of the rules, which stand on its line.
fn values<'a>(rules: &'a str, key: &'a str) -> impl Iterator<Item = &'a str> {
    rules.lines().filter_map(move |line| line.trim().trim_start_matches("- ").strip_prefix(key)?.strip_prefix(": "))
}

#[test]
fn every_alert_has_an_entry_in_the_runbook_and_a_test() {
    let (rules, tests, runbook) =
        (read("deploy/monitoring/rules.yml"), read("deploy/monitoring/rules.test.yml"), read("deploy/runbook.md"));
    let alerts: BTreeSet<_> = values(&rules, "alert").collect();
    assert!(alerts.len() >= 16, "{alerts:?}");
    for alert in &alerts {
        assert!(runbook.contains(&format!("\n### {alert}\n")), "the runbook does not say what {alert} means");
        let link = format!("runbook: deploy/runbook.md#{}\n", alert.to_lowercase());
        assert!(rules.contains(&link), "{alert} does not say where to look");
        let (fires, rests) = (
            format!("alertname: {alert}\n        exp_alerts:\n"),
            format!("alertname: {alert}\n        exp_alerts: []"),
        );
        assert!(tests.contains(&fires) && (tests.contains(&rests)), "{alert} is not tested, firing and not");
    }
    let entries: BTreeSet<_> = runbook
        .lines()
        .filter_map(|line| line.strip_prefix("### "))
        .filter(|title| title.starts_with("Rollcall"))
        .collect();
    assert_eq!(entries, alerts, "the runbook tells of alerts that are not there");
}

#[test]
fn the_dashboard_is_one_and_names_what_is_recorded() {
    let rules = read("deploy/monitoring/rules.yml");
    let recorded: BTreeSet<_> = values(&rules, "record").map(str::to_owned).collect();
    let dashboard: Value = serde_json::from_str(&read("deploy/monitoring/dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len(), "two panels have one id");
    let mut named: BTreeSet<String> = values(&rules, "expr").flat_map(series).collect();
    for panel in panels {
        assert!(panel["gridPos"]["w"].as_u64().unwrap() <= 24 && panel["title"].is_string(), "{panel}");
        let expressions = panel["targets"].as_array().unwrap().iter().map(|target| target["expr"].as_str().unwrap());
        let of_panel: BTreeSet<_> = expressions.flat_map(series).collect();
        assert!(!of_panel.is_empty(), "{} shows nothing", panel["title"]);
        named.extend(of_panel);
    }
    let unknown: Vec<_> = named.iter().filter(|name| name.contains(':') && !recorded.contains(*name)).collect();
    assert!(unknown.is_empty(), "nobody records {unknown:?}");
    let unused: Vec<_> = recorded.difference(&named).collect();
    assert!(unused.is_empty(), "nobody looks at {unused:?}");
}
