//! The units' drop-ins: links from where systemd looks to the generation in force.

use crate::render::{Files, UNITS};
use anyhow::{Context, Result, ensure};
use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

const DROP_IN: &str = "50-topology.conf";

/// Links the drop-ins that `files` have, and takes away those of others.
pub(super) fn link(systemd: &Path, files: &Files) -> Result<()> {
    let units: BTreeSet<&str> = names(files);
    let told = || systemd.display().to_string();
    for unit in &units {
        let folder = systemd.join(format!("{unit}.d"));
        fs::create_dir_all(&folder).with_context(told)?;
        let link = folder.join(DROP_IN);
        if fs::symlink_metadata(&link).is_err() {
            symlink(format!("/etc/rollcall/topology/{UNITS}/{unit}.conf"), &link).with_context(told)?;
        }
    }
    let entries = match fs::read_dir(systemd) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries.with_context(told)?,
    };
    for entry in entries {
        let folder = entry?.path();
        let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let Some(unit) = name.strip_suffix(".d").filter(|unit| unit.starts_with("rollcall-")) else { continue };
        if !units.contains(unit) && fs::symlink_metadata(folder.join(DROP_IN)).is_ok() {
            fs::remove_file(folder.join(DROP_IN)).with_context(told)?;
        }
    }
    Ok(())
}

/// Units whose drop-ins differ.
pub(super) fn changed(old: &Files, new: &Files) -> Vec<String> {
    let all: BTreeSet<&str> = names(old).union(&names(new)).copied().collect();
    let of = |files: &Files, unit: &str| files.get(&format!("{UNITS}/{unit}.conf")).cloned();
    all.into_iter().filter(|unit| of(old, unit) != of(new, unit)).map(str::to_owned).collect()
}

fn names(files: &Files) -> BTreeSet<&str> {
    files.keys().filter_map(|name| name.strip_prefix(UNITS)?.strip_prefix('/')?.strip_suffix(".conf")).collect()
}

/// systemd, by its program.
#[derive(Clone, Debug)]
pub(super) struct Systemd(pub(super) PathBuf);

/// Units of services whose socket is to be made anew, as they were before anything was changed.
#[derive(Debug, Default)]
pub(super) struct Before {
    /// Sockets first: an instance needs its own.
    active: Vec<String>,
    /// They fail and are started again and again.
    trying: Vec<String>,
}

impl Systemd {
    /// How the units that depend on those that are `changed` are now. Asked once for a change and the way back from it:
    /// between the two, what could not be started is no sign of what is wanted.
    pub(super) fn look(&self, changed: &[String]) -> Result<Before> {
        let mut before = Before::default();
        for (socket, instances) in sockets(changed) {
            for unit in [socket.to_owned()].into_iter().chain(instances) {
                let state = self.run(&["show", "--value", "-p", "ActiveState", &unit])?;
                match state.trim() {
                    "active" | "reloading" => before.active.push(unit),
                    "activating" => before.trying.push(unit),
                    _ => {}
                }
            }
        }
        Ok(before)
    }

    /// Has systemd read the drop-ins. A socket that listens elsewhere is made anew, which interrupts its service for a
    /// moment: the instance that served is stopped before and started after.
    pub(super) fn settle(&self, changed: &[String], before: &Before) -> Result<()> {
        for (socket, [blue, green]) in sockets(changed) {
            // The socket with them, while systemd knows it as it is: a connection would start an instance.
            self.run(&["stop", socket, &blue, &green])?;
        }
        self.run(&["daemon-reload"])?;
        before.active.iter().try_for_each(|unit| self.run(&["start", unit]).map(drop))?;
        before.trying.iter().try_for_each(|unit| self.run(&["start", "--no-block", unit]).map(drop))
    }

    fn run(&self, arguments: &[&str]) -> Result<String> {
        let output = Command::new(&self.0).arg("--quiet").args(arguments).output().context("systemctl")?;
        ensure!(
            output.status.success(),
            "systemctl {}: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// The sockets among the units, each with the two instances that take turns on it.
fn sockets(units: &[String]) -> impl Iterator<Item = (&str, [String; 2])> {
    units.iter().filter_map(|unit| {
        let service = unit.strip_suffix(".socket")?;
        Some((unit.as_str(), ["blue", "green"].map(|place| format!("{service}@{place}.service"))))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(units: &[(&str, &str)]) -> Files {
        units.iter().map(|(unit, text)| (format!("{UNITS}/{unit}.conf"), (*text).to_owned())).collect()
    }

    #[test]
    fn links_come_and_go_with_the_drop_ins_and_nothing_else_is_touched() {
        let root = tempfile::tempdir().unwrap();
        let foreign = root.path().join("rollcall-user.socket.d");
        fs::create_dir_all(&foreign).unwrap();
        fs::write(foreign.join("own.conf"), "").unwrap();
        link(root.path(), &files(&[("rollcall-org.socket", "x")])).unwrap();
        let target = fs::read_link(root.path().join("rollcall-org.socket.d").join(DROP_IN)).unwrap();
        assert_eq!(target, Path::new("/etc/rollcall/topology/units/rollcall-org.socket.conf"));
        link(root.path(), &files(&[])).unwrap();
        assert!(fs::symlink_metadata(root.path().join("rollcall-org.socket.d").join(DROP_IN)).is_err());
        assert!(foreign.join("own.conf").exists());
    }

    #[test]
    fn a_unit_changes_by_its_text_its_coming_and_its_going() {
        let old = files(&[("a.socket", "1"), ("b.socket", "1"), ("c.socket", "1")]);
        let new = files(&[("a.socket", "1"), ("b.socket", "2"), ("d.socket", "1")]);
        assert_eq!(changed(&old, &new), ["b.socket", "c.socket", "d.socket"]);
    }
}
