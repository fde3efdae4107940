//! The end of a month: everybody's days as a file, and their period locked.

use crate::Case;
use crate::company::Owner;
use crate::workdays::{DAYS, MONTH, PEOPLE};
use anyhow::{Context as _, Result, ensure};
use reqwest::Method;
use rollcall_stack::Stack;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// An export of everybody and a month.
const EXPORT_WITHIN: Duration = Duration::from_secs(5);
/// The most memory that the service has meanwhile.
const EXPORT_MIB: u64 = 150;
/// A lock that takes longer has stuck.
const LOCK_WITHIN: Duration = Duration::from_mins(2);

/// Takes the month out in both formats, each by a service that has just been started.
pub(crate) async fn exports(owner: &Owner<'_>, stack: &mut Stack, cases: &mut Vec<Case>) -> Result<()> {
    for format in ["csv", "xlsx"] {
        stack.restart("attendance").await?;
        owner.get("/settings").await?;
        let before = stack.process("attendance")?.resident_bytes().context("memory at rest")? >> 20;
        stack.process("attendance")?.forget_peak()?;
        let began = Instant::now();
        let wanted = json!({ "format": format, "from": MONTH.0, "to": MONTH.1 });
        let mut answer = owner.send(Method::POST, "/exports", None, &wanted).await?;
        let (mut bytes, mut lines, mut first) = (0, 0, None);
        while let Some(piece) = answer.chunk().await? {
            first.get_or_insert_with(|| began.elapsed());
            bytes += piece.len();
            lines += piece.split(|byte| *byte == b'\n').count() - 1;
        }
        let took = began.elapsed();
        let peak = stack.process("attendance")?.peak_bytes().context("peak of memory")? >> 20;
        println!(
            "{format} of {PEOPLE} people and month: {:.2} s, {} KiB, first piece after {:.2} s; the service had {before} MiB before and {peak} MiB at most",
            took.as_secs_f64(),
            bytes >> 10,
            first.unwrap_or(took).as_secs_f64(),
        );
        ensure!(format != "csv" || lines == PEOPLE * DAYS + 1, "{lines} lines are not a day each");
        cases.push(Case { name: format!("{format} within {EXPORT_WITHIN:?}"), held: took < EXPORT_WITHIN });
        cases.push(Case { name: format!("{format} within {EXPORT_MIB} MiB"), held: peak < EXPORT_MIB });
    }
    Ok(())
}

/// Locks the month of everybody; no bound, but it has to end.
pub(crate) async fn lock(owner: &Owner<'_>) -> Result<()> {
    let period = owner.post("/periods", None, &json!({ "name": "May", "from": MONTH.0, "to": MONTH.1 })).await?;
    let path = format!("/periods/{}", period["period_id"].as_str().context("a period has an id")?);
    let began = Instant::now();
    let mut period = owner.post(&format!("{path}/lock"), period["version"].as_i64(), &Value::Null).await?;
    let answered = began.elapsed();
    while period["status"] != "locked" {
        ensure!(period["status"] == "locking" && began.elapsed() < LOCK_WITHIN, "a lock does not end: {period}");
        tokio::time::sleep(Duration::from_millis(20)).await;
        period = owner.get(&path).await?;
    }
    ensure!(period["people_done"] == PEOPLE, "not everybody is locked: {period}");
    println!(
        "lock of {PEOPLE} people and month: answered after {:.2} s, locked after {:.2} s",
        answered.as_secs_f64(),
        began.elapsed().as_secs_f64()
    );
    Ok(())
}
