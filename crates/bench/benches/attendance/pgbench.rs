//! The same row by `pgbench`, one per transaction: what a service that does not batch could reach at most.

use anyhow::{Context as _, Result, ensure};
use rollcall_ids::OrgId;
use rollcall_stack::Stack;
use std::process::Command;
use std::time::Duration;

/// What `pgbench` said.
pub(crate) struct Measured {
    /// Rows a second.
    pub(crate) per_second: f64,
    /// Of a transaction.
    pub(crate) mean_ms: f64,
}

/// Employees are numbers here, as many as there are in the crowd; each row has a key of its own, as a punch has.
fn script(org_id: OrgId) -> String {
    let people = crate::rush::PEOPLE;
    format!(
        "\\set person random(1, {people})\n\
         INSERT INTO punches (org_id, punch_id, employee_id, at, direction, source, offline, site_id, latitude, \
         longitude, accuracy_m, exceptions, received_at, recorded_by, idempotency_key, fingerprint) \
         VALUES ('{org_id}', gen_random_uuid(), lpad(:person::text, 32, '0')::uuid, clock_timestamp(), 'auto', \
         'mobile', false, '{org_id}', 52.5201, 13.4049, 12.5, '[]', clock_timestamp(), \
         lpad(:person::text, 32, '0')::uuid, gen_random_uuid()::text, \
         '\\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f');\n"
    )
}

pub(crate) fn run(stack: &Stack, org_id: OrgId, connections: usize, lasting: Duration) -> Result<Measured> {
    let file = stack.run_dir().join("pgbench.sql");
    std::fs::write(&file, script(org_id))?;
    let program = stack.postgres_program("pgbench")?;
    let output = Command::new(program)
        .args(["--no-vacuum", "--protocol=prepared", "--jobs=2"])
        .arg(format!("--client={connections}"))
        .arg(format!("--time={}", lasting.as_secs()))
        .arg("--file")
        .arg(&file)
        .arg(stack.database("attendance")?)
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
