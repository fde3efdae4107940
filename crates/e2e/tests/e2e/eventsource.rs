//! Streams that are read by a real `EventSource`: the npm package of that name, in a process of node each.

use anyhow::{Context as _, Result, bail, ensure};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// How long node may take to start.
const START: Duration = Duration::from_secs(20);

/// A process that follows a stream. It is killed when this is dropped.
pub struct EventSource {
    lines: Lines<BufReader<ChildStdout>>,
    opened: usize,
    _process: Child,
}

impl EventSource {
    /// Opens the stream; `folder` is where the package was installed.
    pub async fn open(folder: &Path, url: &str, token: &str) -> Result<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/eventsource/listen.mjs");
        let mut process = Command::new("node")
            .arg(script)
            .arg(folder)
            .args([url, token])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("node")?;
        let output = process.stdout.take().context("its output")?;
        let mut source = Self { lines: BufReader::new(output).lines(), opened: 0, _process: process };
        ensure!(source.next(START).await?.is_none(), "a message before anything was sent");
        ensure!(source.opened == 1, "an EventSource did not open its stream");
        Ok(source)
    }

    /// How often the stream was opened so far.
    pub const fn opened(&self) -> usize {
        self.opened
    }

    /// What the next message says; none when there is none within the time, or the stream was opened first.
    pub async fn next(&mut self, within: Duration) -> Result<Option<String>> {
        let Ok(line) = timeout(within, self.lines.next_line()).await else { return Ok(None) };
        let line = line?.context("an EventSource has ended")?;
        match line.split_once(' ') {
            Some(("open", _)) => {
                self.opened += 1;
                Ok(None)
            }
            Some(("message", data)) => Ok(Some(data.to_owned())),
            _ => bail!("an EventSource says {line}"),
        }
    }
}
