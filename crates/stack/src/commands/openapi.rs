//! `rollcall-stack openapi`: the committed descriptions against the code.

use crate::binaries;
use crate::topology::Topology;
use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::process::Command;

/// What is committed of each service's description: all that nginx passes, and what services say to each other besides.
const FILES: [(&str, &[&str]); 2] = [("v1.json", &["openapi"]), ("internal.json", &["openapi", "--internal"])];

/// Compares `services/*/openapi/` with what the services say of themselves, or writes it.
pub fn openapi(write: bool) -> Result<()> {
    let mut stale = Vec::new();
    for service in Topology::built_in()?.services.keys() {
        for (name, words) in FILES {
            let output = Command::new(binaries::program(service)?).args(words).output()?;
            ensure!(
                output.status.success(),
                "rollcall-{service} {} failed:\n{}",
                words.join(" "),
                String::from_utf8_lossy(&output.stderr)
            );
            let path = format!("services/{service}/openapi/{name}");
            let file = binaries::repository().join(&path);
            if write {
                fs::write(&file, &output.stdout).with_context(|| file.display().to_string())?;
            } else if fs::read(&file).unwrap_or_default() != output.stdout {
                stale.push(path);
            }
        }
    }
    if stale.is_empty() {
        return Ok(());
    }
    bail!("not what the code says: {}; `make openapi` writes them", stale.join(", "))
}
