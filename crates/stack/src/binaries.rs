//! The services' programs: where cargo puts them, and building them when a test needs them.

use anyhow::{Context, Result, ensure};
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The root of the checkout this program was built from.
pub fn repository() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.ancestors().nth(2).unwrap_or(manifest).to_owned()
}

/// The directory of this program's build profile, `target/debug` or `target/release`. Tests are one level deeper.
pub fn directory() -> Result<PathBuf> {
    let program = env::current_exe().context("where is this program?")?;
    let mut directory = program.parent().context("a program is in a directory")?;
    if directory.ends_with("deps") {
        directory = directory.parent().context("deps is in a directory")?;
    }
    Ok(directory.to_owned())
}

/// Builds the programs with the profile of the running one, once per process: cargo sees what has changed, so a test
/// never runs against an old program. The command is that of the Makefile; another set of packages would be another
/// set of features, and half of the dependencies would be compiled again.
pub fn build() -> Result<()> {
    static BUILT: OnceLock<Result<(), String>> = OnceLock::new();
    let built = BUILT.get_or_init(|| cargo_build().map_err(|error| format!("{error:#}")));
    built.clone().map_err(anyhow::Error::msg)
}

fn cargo_build() -> Result<()> {
    let mut command = Command::new("cargo");
    command.args(["build", "--quiet", "--workspace", "--bins"]).current_dir(repository());
    if directory()?.ends_with("release") {
        command.arg("--release");
    }
    let output = command.output().context("could not run cargo")?;
    ensure!(output.status.success(), "the programs do not build:\n{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// The program of a service.
pub fn program(service: &str) -> Result<PathBuf> {
    let program = directory()?.join(format!("rollcall-{service}"));
    ensure!(program.is_file(), "{} is not there: cargo build -p rollcall-{service}", program.display());
    Ok(program)
}
