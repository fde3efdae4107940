//! nginx as it runs: told to read its configuration anew, and asked whether it has.

use crate::http::{self, Client};
use crate::render::nginx::GENERATION;
use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

const LOOK_EVERY: Duration = Duration::from_millis(50);
/// nginx starts its new workers within milliseconds; after this it is taken for having refused.
const RELOAD_WITHIN: Duration = Duration::from_secs(5);

/// Which services answer through nginx; those that do not, with what came instead.
pub type Health = BTreeMap<String, Result<(), String>>;

/// The process id of a running nginx, as its file says; none when there is none.
pub fn running(pid_file: &Path) -> Option<Pid> {
    let pid: i32 = fs::read_to_string(pid_file).ok()?.trim().parse().ok()?;
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    // A file that was left behind may have the number of somebody else.
    name.starts_with("nginx").then(|| Pid::from_raw(pid))
}

/// The worker processes of an nginx.
fn workers(nginx: Pid) -> Vec<String> {
    let children = fs::read_to_string(format!("/proc/{nginx}/task/{nginx}/children")).unwrap_or_default();
    children.split_whitespace().map(str::to_owned).collect()
}

/// Whether a worker takes requests: one that is told to end says so in its title, and takes nothing new.
fn takes_requests(worker: &str) -> bool {
    let title = fs::read(format!("/proc/{worker}/cmdline")).unwrap_or_default();
    !title.is_empty() && !String::from_utf8_lossy(&title).contains("shutting down")
}

/// Tells nginx to read its configuration anew, and waits until the one named `generation` is in force, and no worker
/// answers by the one before, whose answers would be taken for those of the new one.
pub fn reload(nginx: Pid, port: u16, generation: &str) -> Result<()> {
    let old = workers(nginx);
    kill(nginx, Signal::SIGHUP).context("SIGHUP to nginx")?;
    let client = Client::new()?;
    let start = Instant::now();
    let mut said;
    loop {
        said = http::block_on(client.get(&format!("http://127.0.0.1:{port}{GENERATION}")))?;
        let is_new = said.as_ref().is_ok_and(|answer| answer.status == 200 && answer.body == generation);
        if is_new && !old.iter().any(|worker| takes_requests(worker)) {
            return Ok(());
        }
        if start.elapsed() > RELOAD_WITHIN {
            break;
        }
        std::thread::sleep(LOOK_EVERY);
    }
    match said {
        Ok(answer) => bail!(
            "nginx did not take it over: port {port} answers {} where generation {generation} was expected; its log says why",
            answer.status
        ),
        Err(error) => Err(error.context("nginx did not take it over; its log says why")),
    }
}

/// Asks each service for its health through nginx, once.
pub fn health(port: u16, services: &[&str]) -> Result<Health> {
    let client = Client::new()?;
    http::block_on(async {
        let mut all = Health::new();
        for service in services {
            let found = match client.get(&format!("http://127.0.0.1:{port}/api/{service}/health")).await {
                Ok(answer) if answer.status == 200 => Ok(()),
                Ok(answer) => Err(format!("{} {}", answer.status, code(&answer.body))),
                Err(error) => Err(format!("{error:#}")),
            };
            all.insert((*service).to_owned(), found);
        }
        all
    })
}

/// An error unless everybody who was well `before` is so within `patience`.
pub fn stays_well(port: u16, before: &Health, patience: Duration) -> Result<()> {
    let well: Vec<&str> = before.iter().filter(|(_, found)| found.is_ok()).map(|(name, _)| name.as_str()).collect();
    let start = Instant::now();
    loop {
        let now = health(port, &well)?;
        let ill: Vec<String> = now
            .iter()
            .filter_map(|(name, found)| Some(format!("/api/{name}/health: {}", found.as_ref().err()?.trim())))
            .collect();
        if ill.is_empty() {
            return Ok(());
        }
        ensure!(start.elapsed() < patience, "{}", ill.join(", "));
        std::thread::sleep(LOOK_EVERY);
    }
}

/// The code of a problem, for a line.
fn code(body: &str) -> String {
    let problem: Option<serde_json::Value> = serde_json::from_str(body).ok();
    problem.and_then(|problem| Some(problem.get("code")?.as_str()?.to_owned())).unwrap_or_default()
}
