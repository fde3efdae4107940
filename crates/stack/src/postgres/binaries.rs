//! Finds PostgreSQL's server programs. Debian keeps them out of PATH, Homebrew beside a version number.

use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Oldest major version whose features the migrations may use.
pub const OLDEST: u32 = 15;

/// A directory with `initdb` and `postgres` of one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binaries {
    /// Where they are.
    pub directory: PathBuf,
    /// Major version, e.g. 15.
    pub major: u32,
}

impl Binaries {
    /// The newest that is installed, or exactly `wanted` (a data directory belongs to one major version).
    pub fn find(wanted: Option<u32>) -> Result<Self> {
        let mut found: Vec<Self> = candidates().into_iter().filter_map(|directory| Self::at(&directory)).collect();
        found.sort_by_key(|binaries| std::cmp::Reverse(binaries.major));
        if let Some(wanted) = wanted {
            return found
                .into_iter()
                .find(|binaries| binaries.major == wanted)
                .with_context(|| format!("the data was made by PostgreSQL {wanted}, which is not installed"));
        }
        match found.into_iter().next() {
            Some(binaries) if binaries.major >= OLDEST => Ok(binaries),
            Some(old) => bail!("PostgreSQL {} is too old: {OLDEST} or newer is needed", old.major),
            None => {
                bail!("no PostgreSQL server programs (initdb, postgres) were found; scripts/bootstrap installs them")
            }
        }
    }

    /// The path of one program.
    pub fn program(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn at(directory: &Path) -> Option<Self> {
        if !directory.join("initdb").is_file() {
            return None;
        }
        let output = Command::new(directory.join("postgres")).arg("--version").output().ok()?;
        let major = major_of(&String::from_utf8_lossy(&output.stdout))?;
        Some(Self { directory: directory.to_owned(), major })
    }
}

/// `postgres (PostgreSQL) 15.13 (Debian …)` → 15.
fn major_of(version: &str) -> Option<u32> {
    let number = version.split_whitespace().nth(2)?;
    let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

fn candidates() -> BTreeSet<PathBuf> {
    let mut directories: BTreeSet<PathBuf> =
        env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default();
    for parent in ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt", "/home/linuxbrew/.linuxbrew/opt"] {
        let children = fs::read_dir(parent).into_iter().flatten().flatten();
        directories.extend(children.map(|child| child.path().join("bin")));
    }
    if let Ok(output) = Command::new("pg_config").arg("--bindir").output() {
        directories.insert(String::from_utf8_lossy(&output.stdout).trim().into());
    }
    directories
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_releases_betas_and_distributions_are_understood() {
        assert_eq!(major_of("postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)"), Some(15));
        assert_eq!(major_of("postgres (PostgreSQL) 18beta2"), Some(18));
        assert_eq!(major_of("nonsense"), None);
    }
}
