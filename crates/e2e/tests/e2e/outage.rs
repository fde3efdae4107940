//! One fault stays one fault: punching goes on while the others are away, and what was to be told arrives after.

use crate::company::{Client, Company, eventually};
use crate::start;
use crate::stream::{Stream, position};
use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn punching_goes_on_while_the_others_are_away_and_nothing_is_lost() -> Result<()> {
    let (mut stack, _place) = start().await?;
    let client = Client::of(&stack)?;
    let company = Company::found(&client).await?;
    company.known_to_attendance().await?;
    let told = |count: usize| {
        let owner = company.owner.clone();
        async move {
            eventually(&format!("{count} punches outside the geofence told"), || async {
                let inbox = owner.get("/api/notification/v1/notifications?limit=200").await.ok()?;
                let items = inbox["items"].as_array()?;
                let outside = items.iter().filter(|item| item["kind"] == "punch_outside_geofence").count();
                (outside == count).then_some(())
            })
            .await
        }
    };
    let elsewhere = json!({ "latitude": 48.85, "longitude": 2.35 });
    let mut punched = 0;
    for away in [["org"].as_slice(), &["user"], &["notification"], &["org", "user", "notification"]] {
        for name in away {
            stack.stop_service(name).await?;
        }
        for _ in 0..3 {
            punched += 1;
            let key = format!("punch-{punched}");
            let answer = company.worker.punch(&company.org_id, &elsewhere, &key).await?;
            ensure!(answer.status == 201, "without {away:?}: {answer:?}");
        }
        let known = company.worker.punches_of(&company.org_id, &company.worker_id).await?;
        ensure!(known.len() == punched, "without {away:?}: {} of {punched} punches", known.len());
        for name in away {
            stack.start_service(name).await?;
        }
        told(punched).await.with_context(|| format!("after {away:?} came back"))?;
    }
    // Attendance, restarted while all others are away, still knows who may punch.
    for name in ["org", "user", "notification"] {
        stack.stop_service(name).await?;
    }
    stack.restart("attendance").await?;
    let answer = company.worker.punch(&company.org_id, &json!({}), "after-restart").await?;
    ensure!(answer.status == 201, "after a restart alone: {answer:?}");
    stack.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_screen_that_lost_its_stream_has_every_message_once_and_in_order() -> Result<()> {
    let (mut stack, _place) = start().await?;
    let client = Client::of(&stack)?;
    let company = Company::found(&client).await?;
    company.known_to_attendance().await?;
    let elsewhere = json!({ "latitude": 48.85, "longitude": 2.35 });
    let inbox = company.owner.get("/api/notification/v1/notifications").await?;
    let mut last = inbox["stream_position"].as_str().context("stream_position")?.to_owned();
    let mut seen = Vec::new();
    for round in 0..3 {
        let mut screen = Stream::open(&company.owner, Some(&last)).await?;
        for number in 0..5 {
            let punch = company.worker.punch(&company.org_id, &elsewhere, &format!("{round}-{number}")).await?;
            ensure!(punch.status == 201, "{punch:?}");
        }
        // Two are read, the rest is on its way when the service dies.
        for _ in 0..2 {
            let event = screen.next("notification", Duration::from_secs(10)).await?;
            last = event.id.clone().context("id")?;
            seen.push(event);
        }
        stack.kill("notification").await?;
        stack.start_service("notification").await?;
        let mut screen = Stream::open(&company.owner, Some(&last)).await?;
        for _ in 0..3 {
            let event = screen.next("notification", Duration::from_secs(15)).await?;
            last = event.id.clone().context("id")?;
            seen.push(event);
        }
    }
    let mut positions = seen.iter().map(position).collect::<Result<Vec<_>>>()?;
    ensure!(positions.is_sorted() && positions.windows(2).all(|pair| pair[0].0 == pair[1].0), "{positions:?}");
    positions.dedup();
    ensure!(positions.len() == 15, "{} of 15 messages, {positions:?}", positions.len());
    let told: std::collections::BTreeSet<_> =
        seen.iter().map(|event| event.data["about"]["punch_id"].to_string()).collect();
    ensure!(told.len() == 15, "a punch was told twice, or not at all: {told:?}");
    stack.shutdown().await
}
