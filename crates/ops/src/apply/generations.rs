//! The rendered files of a machine, a directory for each time that they were rendered, and a link to the one in force.
//!
//! ```text
//! /etc/rollcall/topology -> topology.generations/7
//! /etc/rollcall/topology.generations/7/{topology.toml,generation.toml,nginx.conf,org.toml,units/…}
//! ```
//!
//! Turning the link is one rename, so services and nginx never read half of one and half of another.

use crate::render::{Files, UNITS};
use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use std::fs::{self, File, Permissions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

/// The topology that a generation was rendered from, beside what was rendered.
pub const SOURCE: &str = "topology.toml";
const ABOUT: &str = "generation.toml";
/// So many stay. They are small; further back than this nobody goes.
const KEEP: usize = 10;

/// What is known of a generation besides its files.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct About {
    /// The machine it was rendered for.
    pub host: String,
    /// The generation that was in force before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<u64>,
}

/// The generations of an installation.
#[derive(Debug)]
pub struct Generations {
    link: PathBuf,
    all: PathBuf,
}

impl Generations {
    /// Those below `etc`, which is `/etc/rollcall` but in a test.
    pub fn new(etc: &Path) -> Self {
        Self { link: etc.join("topology"), all: etc.join("topology.generations") }
    }

    /// The directory of one.
    pub fn directory(&self, number: u64) -> PathBuf {
        self.all.join(number.to_string())
    }

    /// Which one is in force; none before the first.
    pub fn current(&self) -> Result<Option<u64>> {
        let told = || self.link.display().to_string();
        match fs::read_link(&self.link) {
            Ok(target) => {
                let name = target.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                Ok(Some(name.parse().with_context(|| format!("{} leads to {}", told(), target.display()))?))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            // A directory, as it was before there were generations.
            Err(error) if error.kind() == ErrorKind::InvalidInput => {
                bail!("{} is no link; move away what was written by hand", told())
            }
            Err(error) => Err(error).with_context(told),
        }
    }

    /// The numbers there are, ascending.
    fn numbers(&self) -> Result<Vec<u64>> {
        let entries = match fs::read_dir(&self.all) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.with_context(|| self.all.display().to_string())?,
        };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        let mut numbers: Vec<u64> = names.collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// The number of the next one: never one that was used before.
    pub fn next(&self) -> Result<u64> {
        Ok(self.numbers()?.last().copied().unwrap_or(0) + 1)
    }

    /// Writes one, whole or not at all.
    pub fn write(&self, number: u64, files: &Files, source: &str, about: &About) -> Result<()> {
        let (unfinished, finished) = (self.all.join(format!("{number}.unfinished")), self.directory(number));
        let write = || -> Result<()> {
            if unfinished.exists() {
                fs::remove_dir_all(&unfinished)?;
            }
            fs::create_dir_all(unfinished.join(UNITS))?;
            for directory in [&self.all, &unfinished, &unfinished.join(UNITS)] {
                fs::set_permissions(directory, Permissions::from_mode(0o755))?;
            }
            for (name, text) in files {
                write_durably(&unfinished.join(name), text)?;
            }
            write_durably(&unfinished.join(SOURCE), source)?;
            write_durably(&unfinished.join(ABOUT), &toml::to_string(about)?)?;
            fs::rename(&unfinished, &finished)?;
            Ok(File::open(&self.all)?.sync_all()?)
        };
        write().with_context(|| finished.display().to_string())
    }

    /// What is known of one.
    pub fn about(&self, number: u64) -> Result<About> {
        let file = self.directory(number).join(ABOUT);
        let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        toml::from_str(&text).with_context(|| file.display().to_string())
    }

    /// The rendered files of one.
    pub fn files(&self, number: u64) -> Result<Files> {
        let directory = self.directory(number);
        let mut files = Files::new();
        for folder in ["", UNITS] {
            let place = directory.join(folder);
            for entry in fs::read_dir(&place).with_context(|| place.display().to_string())? {
                let entry = entry?;
                let name = Path::new(folder).join(entry.file_name()).display().to_string();
                if entry.file_type()?.is_file() && name != SOURCE && name != ABOUT {
                    let text = fs::read_to_string(entry.path()).with_context(|| entry.path().display().to_string())?;
                    files.insert(name, text);
                }
            }
        }
        Ok(files)
    }

    /// Puts one in force; none: takes the link away, as it was before the first.
    pub fn turn_to(&self, number: Option<u64>) -> Result<()> {
        let told = || self.link.display().to_string();
        let Some(number) = number else {
            return fs::remove_file(&self.link).with_context(told);
        };
        let new = self.link.with_extension("new");
        if fs::symlink_metadata(&new).is_ok() {
            fs::remove_file(&new).with_context(told)?;
        }
        let folder = self.all.file_name().unwrap_or_default();
        symlink(Path::new(folder).join(number.to_string()), &new).with_context(told)?;
        fs::rename(&new, &self.link).with_context(told)?;
        let etc = self.link.parent().unwrap_or(Path::new("/"));
        File::open(etc).and_then(|etc| etc.sync_all()).with_context(told)
    }

    /// Removes those that nobody goes back to.
    pub fn prune(&self) -> Result<()> {
        let numbers = self.numbers()?;
        let current = self.current()?;
        for number in &numbers[..numbers.len().saturating_sub(KEEP)] {
            if Some(*number) != current {
                fs::remove_dir_all(self.directory(*number))?;
            }
        }
        Ok(())
    }
}

fn write_durably(path: &Path, text: &str) -> Result<()> {
    let write = || -> std::io::Result<()> {
        let mut file = File::create(path)?;
        // For services and nginx, each under an account of its own; there is no secret in it.
        file.set_permissions(Permissions::from_mode(0o644))?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Files {
        Files::from([("org.toml".to_owned(), text.to_owned()), ("units/x.conf".to_owned(), "y".to_owned())])
    }

    #[test]
    fn what_was_written_is_read_and_the_link_says_what_is_in_force() {
        let etc = tempfile::tempdir().unwrap();
        let generations = Generations::new(etc.path());
        assert_eq!((generations.current().unwrap(), generations.next().unwrap()), (None, 1));
        let about = |replaces| About { host: "a".to_owned(), replaces };
        generations.write(1, &one("1"), "source", &about(None)).unwrap();
        assert_eq!(generations.current().unwrap(), None, "written is not in force");
        generations.turn_to(Some(1)).unwrap();
        generations.write(2, &one("2"), "source", &about(Some(1))).unwrap();
        generations.turn_to(Some(2)).unwrap();
        assert_eq!(fs::read_to_string(etc.path().join("topology/org.toml")).unwrap(), "2");
        assert_eq!((generations.current().unwrap(), generations.next().unwrap()), (Some(2), 3));
        assert_eq!(generations.files(1).unwrap(), one("1"));
        assert_eq!(generations.about(2).unwrap().replaces, Some(1));
        generations.turn_to(None).unwrap();
        assert_eq!(generations.current().unwrap(), None);
    }

    #[test]
    fn ten_stay_and_the_one_in_force_always() {
        let etc = tempfile::tempdir().unwrap();
        let generations = Generations::new(etc.path());
        for number in 1..=13 {
            generations.write(number, &one("x"), "", &About { host: "a".to_owned(), replaces: None }).unwrap();
        }
        generations.turn_to(Some(2)).unwrap();
        generations.prune().unwrap();
        let mut expected: Vec<u64> = (4..=13).collect();
        expected.insert(0, 2);
        assert_eq!(generations.numbers().unwrap(), expected);
    }

    #[test]
    fn a_directory_in_the_place_of_the_link_is_nobody_s_to_remove() {
        let etc = tempfile::tempdir().unwrap();
        fs::create_dir(etc.path().join("topology")).unwrap();
        let said = format!("{:#}", Generations::new(etc.path()).current().unwrap_err());
        assert!(said.contains("is no link"), "{said}");
    }
}
