//! nginx's program: where it is, and what it says of a configuration.

use anyhow::{Context, Result, ensure};
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// nginx with all its files below `home`.
pub fn command(home: &Path, configuration: &Path) -> Command {
    let mut command = Command::new(program());
    // Standard error from the first line on: the packaged default is a file that only root may write.
    command.args(["-e", "stderr", "-p"]).arg(home).arg("-c").arg(configuration).current_dir(home);
    command
}

/// Debian keeps it out of the PATH of ordinary users.
fn program() -> PathBuf {
    let mut directories: Vec<PathBuf> =
        env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default();
    directories.extend(["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin", "/usr/local/bin"].map(PathBuf::from));
    let found = directories.into_iter().map(|directory| directory.join("nginx")).find(|program| program.is_file());
    found.unwrap_or_else(|| "nginx".into())
}

/// An error with what nginx says, where it refuses a configuration.
pub fn check(home: &Path, configuration: &Path) -> Result<()> {
    let output =
        command(home, configuration).args(["-t", "-q"]).output().context("could not run nginx; is it installed?")?;
    ensure!(
        output.status.success(),
        "nginx refuses {}:\n{}",
        configuration.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}
