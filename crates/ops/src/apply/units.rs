//! The units' drop-ins: links from where systemd looks to the generation in force.

use crate::render::{Files, UNITS};
use anyhow::{Context, Result, ensure};
use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::Path;
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

/// Has systemd read them. A socket that listens elsewhere is made anew, which interrupts its service for a moment: the
/// instance that served is stopped before and started after.
pub(super) fn settle(changed: &[String]) -> Result<()> {
    let mut stopped = Vec::new();
    for (socket, service) in changed.iter().filter_map(|unit| Some((unit, unit.strip_suffix(".socket")?))) {
        let instances = ["blue", "green"].map(|place| format!("{service}@{place}.service"));
        let active: Vec<&String> = [socket].into_iter().chain(&instances).filter(|unit| is_active(unit)).collect();
        stopped.extend(active.into_iter().cloned());
        // The socket with them, while systemd knows it as it is: a connection would start an instance.
        systemctl(&["stop", socket, &instances[0], &instances[1]])?;
    }
    systemctl(&["daemon-reload"])?;
    stopped.iter().try_for_each(|unit| systemctl(&["start", unit]))
}

fn is_active(unit: &str) -> bool {
    Command::new("systemctl").args(["--quiet", "is-active", unit]).status().is_ok_and(|status| status.success())
}

fn systemctl(arguments: &[&str]) -> Result<()> {
    let output = Command::new("systemctl").arg("--quiet").args(arguments).output().context("systemctl")?;
    ensure!(
        output.status.success(),
        "systemctl {}: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(())
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
