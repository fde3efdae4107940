//! The first five minutes of the README, pasted into a shell.

use crate::start;
use anyhow::{Context as _, Result, ensure};
use std::path::Path;
use tokio::process::Command;

#[tokio::test(flavor = "multi_thread")]
async fn what_the_readme_says_to_paste_works() -> Result<()> {
    let (stack, _place) = start().await?;
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let readme = std::fs::read_to_string(readme)?;
    let (_, rest) = readme.split_once("```sh\n").context("a block to paste")?;
    let (script, _) = rest.split_once("```").context("the end of the block")?;
    ensure!(script.contains("http://localhost:8080") && script.contains(".run/mail"), "the block has changed");
    let mail = stack.mail_dir();
    let script = script
        .replace("http://localhost:8080", &stack.base_url())
        .replace(".run/mail", mail.to_str().context("a path in UTF-8")?);
    // As a terminal would: nothing stops at an error, so each answer has to speak for itself.
    let shell = Command::new("bash").arg("-c").arg(script).kill_on_drop(true).output().await?;
    let (out, err) = (String::from_utf8(shell.stdout)?, String::from_utf8(shell.stderr)?);
    ensure!(!out.contains("urn:rollcall:problem"), "a problem was answered:\n{out}\n{err}");
    for expected in [
        "\"user_id\":",
        "\"status\":\"active\"",
        "\"entries\":",
        "\"punch_id\":",
        "\"work_date\":",
        "invitation_accepted",
        "punch_outside_geofence",
        "event: unread_count",
    ] {
        ensure!(out.contains(expected), "no {expected} in:\n{out}\n{err}");
    }
    stack.shutdown().await
}
