//! One service is released after the other while people are at work, and nobody notices. The stack holds the sockets
//! and hands them over, as systemd does; `make test-deploy` shows the same with systemd itself, for longer.

use crate::PLACES;
use crate::company::{Client, Company};
use crate::stream::{Stream, position};
use anyhow::{Context as _, Result, ensure};
use rollcall_stack::Stack;
use rollcall_stack::load::{Load, Pace};
use rollcall_stack::office::Office;
use serde_json::json;
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

const READY_WITHIN: Duration = Duration::from_secs(20);

async fn start() -> Result<(Stack, tokio::sync::SemaphorePermit<'static>)> {
    let place = PLACES.acquire().await?;
    Ok((Stack::builder().sign_in_limit("1000r/s", 1000).hold_sockets().start().await?, place))
}

/// A load of everything at once, until it is told to end.
fn load(stack: &Stack) -> Result<Load> {
    let address = *Url::parse(&stack.base_url())?.socket_addrs(|| None)?.first().context("no address")?;
    Ok(Load::on(address).connections(16).pace(Pace::Steady(100.0)).lasting(Duration::from_secs(90)))
}

#[tokio::test(flavor = "multi_thread")]
async fn each_service_is_released_under_load_and_no_request_fails_and_no_punch_is_lost() -> Result<()> {
    let (mut stack, _place) = start().await?;
    let office = Arc::new(Office::found(&stack.base_url(), 4).await?);
    let audience = office.open_streams(40)?;
    audience.all_open(READY_WITHIN).await?;
    let load = load(&stack)?;
    let end = load.ending();
    let working = tokio::spawn({
        let office = Arc::clone(&office);
        async move { load.run_beside(&office).await }
    });
    for name in ["user", "org", "attendance", "notification"] {
        stack.release(name, None, READY_WITHIN).await.with_context(|| format!("releasing {name}"))?;
    }
    // A version that never gets ready is given up, and the one before it serves on.
    let hangs = never_ready(&stack)?;
    let refused = stack.release("attendance", Some(hangs), Duration::from_secs(1)).await;
    ensure!(refused.is_err_and(|error| format!("{error:#}").contains("not ready")), "it got ready");
    tokio::time::sleep(Duration::from_secs(1)).await;
    end.now();
    let report = working.await??;

    ensure!(report.failed() == 0, "{report}\n{}", office.complaints().join("\n"));
    ensure!(report.good() > 500, "too little was going on: {report}");
    let settled = office.settle().await?;
    ensure!(settled.lost == 0 && settled.stored == settled.acknowledged && settled.stored > 80, "{settled}");
    audience.all_open(READY_WITHIN).await?;
    let streams = audience.streams();
    ensure!(streams.resumed >= 40 && streams.broken == 0 && streams.refused == 0, "{streams}");
    stack.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_screen_has_every_message_once_across_releases() -> Result<()> {
    let (mut stack, _place) = start().await?;
    let client = Client::of(&stack)?;
    let company = Company::found(&client).await?;
    company.known_to_attendance().await?;
    let elsewhere = json!({ "latitude": 48.85, "longitude": 2.35 });
    let inbox = company.owner.get("/api/notification/v1/notifications").await?;
    let mut last = inbox["stream_position"].as_str().context("stream_position")?.to_owned();
    let (mut positions, mut told) = (Vec::new(), BTreeSet::new());
    for (round, name) in ["notification", "attendance", "notification"].into_iter().enumerate() {
        let mut screen = Stream::open(&company.owner, Some(&last)).await?;
        let punching = async {
            for number in 0..10 {
                let punch = company.worker.punch(&company.org_id, &elsewhere, &format!("{round}-{number}")).await?;
                ensure!(punch.status == 201, "{punch:?}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Ok(())
        };
        let (released, punched) = tokio::join!(stack.release(name, None, READY_WITHIN), punching);
        released.and(punched)?;
        for _ in 0..10 {
            let event = if let Ok(event) = screen.next("notification", READY_WITHIN).await {
                event
            } else {
                // The stream has ended with its instance: the screen comes back and goes on where it was.
                screen = Stream::open(&company.owner, Some(&last)).await?;
                screen.next("notification", READY_WITHIN).await?
            };
            last = event.id.clone().context("id")?;
            positions.push(position(&event)?);
            told.insert(event.data["about"]["punch_id"].to_string());
        }
    }
    ensure!(positions.is_sorted() && told.len() == 30, "{} of 30 punches told, {positions:?}", told.len());
    stack.shutdown().await
}

/// A program that starts and says nothing.
fn never_ready(stack: &Stack) -> Result<PathBuf> {
    let file = stack.run_dir().join("never-ready");
    std::fs::write(&file, "#!/bin/sh\nexec sleep 60\n")?;
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755))?;
    Ok(file)
}
