//! `pgbench`, one row per transaction: what a program that does not batch could reach at most.

use anyhow::{Context as _, Result, ensure};
use rollcall_stack::Stack;
use std::process::Command;
use std::time::Duration;

/// What `pgbench` said.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// Transactions a second.
    pub per_second: f64,
    /// Milliseconds of a transaction.
    pub mean_ms: f64,
}

/// Runs a script, prepared, as the superuser of the database of `service`.
pub fn run(stack: &Stack, service: &str, script: &str, connections: usize, lasting: Duration) -> Result<Measured> {
    let file = stack.run_dir().join("pgbench.sql");
    std::fs::write(&file, script)?;
    let program = stack.postgres_program("pgbench")?;
    let output = Command::new(program)
        .args(["--no-vacuum", "--protocol=prepared", "--jobs=2"])
        .arg(format!("--client={connections}"))
        .arg(format!("--time={}", lasting.as_secs()))
        .arg("--file")
        .arg(&file)
        .arg(stack.database(service)?)
        .output()
        .context("could not run pgbench")?;
    let said = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "pgbench failed:\n{said}{complaint}");
    let number = |name: &str| -> Result<f64> {
        let line =
            said.lines().find_map(|line| line.strip_prefix(name)).with_context(|| format!("no {name}: {said}"))?;
        Ok(line.split_whitespace().next().context("a number")?.parse()?)
    };
    Ok(Measured { per_second: number("tps = ")?, mean_ms: number("latency average = ")? })
}
