//! `rollcall-stack openapi`: the committed descriptions against the code.

use crate::binaries;
use crate::topology::Topology;
use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::process::Command;

/// Compares `services/*/openapi/v1.json` with what the services say of themselves, or writes it.
pub fn openapi(write: bool) -> Result<()> {
    let mut stale = Vec::new();
    for service in Topology::load()?.services.keys() {
        let output = Command::new(binaries::program(service)?).arg("openapi").output()?;
        ensure!(
            output.status.success(),
            "rollcall-{service} openapi failed:\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let file = binaries::repository().join(format!("services/{service}/openapi/v1.json"));
        if write {
            fs::write(&file, &output.stdout).with_context(|| file.display().to_string())?;
        } else if fs::read(&file).unwrap_or_default() != output.stdout {
            stale.push(format!("services/{service}/openapi/v1.json"));
        }
    }
    if stale.is_empty() {
        return Ok(());
    }
    bail!("not what the code says: {}; `make openapi` writes them", stale.join(", "))
}
