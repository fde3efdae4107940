//! `kill -9` in the middle: what was answered is kept, and repeating is safe.

use crate::company::{Client, Company};
use crate::start;
use anyhow::{Context as _, Result, ensure};
use futures_util::StreamExt as _;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::sleep;

/// While each service dies; of all four together fewer than attendance stores of one person at once.
const PUNCHES: usize = 100;
const AT_ONCE: usize = 16;

#[tokio::test(flavor = "multi_thread")]
async fn a_service_killed_in_the_middle_of_punches_loses_none_and_doubles_none() -> Result<()> {
    let (mut stack, _place) = start().await?;
    let client = Client::of(&stack)?;
    let company = Company::found(&client).await?;
    company.known_to_attendance().await?;
    let mut expected = BTreeSet::new();
    for victim in ["attendance", "org", "user", "notification"] {
        let answered = AtomicUsize::new(0);
        let answered = &answered;
        let company = &company;
        let punching = async {
            let keys = (0..PUNCHES).map(|number| format!("{victim}-{number}"));
            let punches = futures_util::stream::iter(keys.map(|key| punch_until_answered(company, key, answered)));
            punches.buffer_unordered(AT_ONCE).collect::<Vec<_>>().await
        };
        let killing = async {
            while answered.load(Ordering::Relaxed) < PUNCHES / 3 {
                sleep(Duration::from_millis(1)).await;
            }
            stack.kill(victim).await?;
            stack.start_service(victim).await
        };
        let (punches, killed) = tokio::join!(punching, killing);
        killed.with_context(|| format!("killing {victim}"))?;
        for punch in punches {
            ensure!(expected.insert(punch?), "one punch was given for two keys");
        }
        let stored = company.worker.punches_of(&company.org_id, &company.worker_id).await?;
        let stored: Vec<_> = stored.iter().filter_map(|punch| punch["punch_id"].as_str().map(str::to_owned)).collect();
        let distinct: BTreeSet<_> = stored.iter().cloned().collect();
        ensure!(distinct.len() == stored.len(), "a punch is listed twice");
        ensure!(distinct == expected, "{} stored, {} acknowledged, killing {victim}", distinct.len(), expected.len());
    }
    stack.shutdown().await
}

/// Punches with one key until the answer comes, as a client that lost it would; answers the punch's id. What was
/// once answered 201 must be answered with the same punch again.
async fn punch_until_answered(company: &Company, key: String, answered: &AtomicUsize) -> Result<String> {
    for _ in 0..400 {
        match company.worker.punch(&company.org_id, &json!({ "note": key }), &key).await {
            Ok(answer) if answer.status == 201 || answer.status == 200 => {
                answered.fetch_add(1, Ordering::Relaxed);
                let id = answer.body["punch_id"].as_str().context("punch_id")?.to_owned();
                let again = company.worker.punch(&company.org_id, &json!({ "note": key }), &key).await;
                if let Ok(again) = again
                    && again.status == 200
                {
                    ensure!(again.body["punch_id"] == id.as_str(), "another punch for {key}");
                }
                return Ok(id);
            }
            // Down, or starting: the promise is about what was answered with success.
            Ok(answer) => ensure!(matches!(answer.status, 409 | 502 | 503 | 504), "{key}: {answer:?}"),
            Err(_) => {}
        }
        sleep(Duration::from_millis(25)).await;
    }
    anyhow::bail!("no answer for {key}")
}
