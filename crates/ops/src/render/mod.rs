//! Everything that follows from a topology on one machine, as files: the same for `make up` and for a server.

pub mod nginx;
pub mod settings;
pub mod units;

use crate::topology::Topology;
use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Name of nginx's configuration among the files.
pub const NGINX: &str = "nginx.conf";
/// Directory of the units' drop-ins among the files.
pub const UNITS: &str = "units";
const FIRST_LINE: &str = "# Rendered from the topology by `rollcall topology apply`; a change here is lost.\n";

/// The files of one machine, by their path below the directory of a generation.
pub type Files = BTreeMap<String, String>;

/// What the files are rendered for.
#[derive(Debug)]
pub struct Target<'a> {
    /// Who runs where.
    pub topology: &'a Topology,
    /// The machine.
    pub host: &'a str,
    /// The public key of each service, by name.
    pub keys: &'a BTreeMap<String, String>,
    /// Where nginx runs.
    pub place: &'a nginx::Place,
    /// What nginx answers when it is asked which configuration it has.
    pub generation: &'a str,
}

impl Target<'_> {
    /// The files.
    pub fn files(&self) -> Result<Files> {
        ensure!(self.topology.hosts.contains_key(self.host), "no host is called {:?}", self.host);
        let mut files = Files::new();
        for service in self.topology.services_on(self.host) {
            let settings = settings::settings(self.topology, service, self.host, self.keys)?;
            let text = toml::to_string(&settings).with_context(|| format!("the settings of {service}"))?;
            files.insert(format!("{service}.toml"), format!("{FIRST_LINE}{text}"));
            for (unit, text) in units::drop_ins(self.topology, service, self.host)? {
                files.insert(format!("{UNITS}/{unit}.conf"), format!("{FIRST_LINE}{text}"));
            }
        }
        if self.topology.doors().contains(&self.host) {
            let settings = nginx::Settings::of(self.topology, self.generation)?;
            files.insert(NGINX.to_owned(), self.place.render(&settings)?);
        }
        Ok(files)
    }
}

/// What changes from one set of files to another, as lines with `-` and `+`; empty when nothing does.
pub fn difference(old: &Files, new: &Files) -> String {
    let mut text = String::new();
    let names: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for name in names {
        let (before, after) = (old.get(name).map_or("", String::as_str), new.get(name).map_or("", String::as_str));
        if before == after {
            continue;
        }
        let _ = writeln!(text, "{name}");
        for (sign, line) in changed_lines(before, after) {
            let _ = writeln!(text, "  {sign} {line}");
        }
    }
    text
}

/// Lines that go and come, in order: the longest common subsequence stays. Files have some hundred lines.
fn changed_lines<'a>(before: &'a str, after: &'a str) -> Vec<(char, &'a str)> {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let mut longest = vec![vec![0_u32; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            longest[i][j] =
                if old[i] == new[j] { longest[i + 1][j + 1] + 1 } else { longest[i + 1][j].max(longest[i][j + 1]) };
        }
    }
    let (mut i, mut j, mut changed) = (0, 0, Vec::new());
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || (i < old.len() && longest[i + 1][j] >= longest[i][j + 1]) {
            changed.push(('-', old[i]));
            i += 1;
        } else {
            changed.push(('+', new[j]));
            j += 1;
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_host_gets_the_files_of_what_runs_there() {
        let topology = Topology::parse("two.toml", include_str!("../topology/two_hosts.toml")).unwrap();
        let keys = crate::keys::public_keys(&topology, std::path::Path::new("/nonexistent")).unwrap();
        let files = |host| {
            let place = nginx::Place::packaged(8080);
            Target { topology: &topology, host, keys: &keys, place: &place, generation: "1" }.files().unwrap()
        };
        let (a, b) = (files("a"), files("b"));
        assert!(a["nginx.conf"].contains("server 10.1.2.3:8103 max_fails=3 fail_timeout=5s;"), "{}", a["nginx.conf"]);
        assert!(a["nginx.conf"].contains("server 10.1.2.4:9103 max_fails=3 fail_timeout=5s;"));
        assert_eq!(a["nginx.conf"].matches("server 10.1.2.3:8101 max_fails=0;").count(), 8);
        assert!(a.contains_key("org.toml") && !a.contains_key("notification.toml"), "{:?}", a.keys());
        assert!(b.contains_key("notification.toml") && !b.contains_key("nginx.conf"), "{:?}", b.keys());
        assert!(b.contains_key("units/rollcall-attendance.socket.conf"), "{:?}", b.keys());
    }

    #[test]
    fn a_difference_names_the_file_and_the_lines_that_go_and_come() {
        let old = Files::from([("a".to_owned(), "1\n2\n3\n".to_owned()), ("b".to_owned(), "x\n".to_owned())]);
        let new = Files::from([("a".to_owned(), "1\n3\n4\n".to_owned()), ("b".to_owned(), "x\n".to_owned())]);
        assert_eq!(difference(&old, &new), "a\n  - 2\n  + 4\n");
        assert_eq!(difference(&old, &old), "");
    }

    proptest! {
        #[test]
        fn what_stays_is_in_both(old in prop::collection::vec("[ab]", 0..8), new in prop::collection::vec("[ab]", 0..8)) {
            let (before, after) = (old.join("\n"), new.join("\n"));
            let changed = changed_lines(&before, &after);
            let count = |sign: char| changed.iter().filter(|(one, _)| *one == sign).count();
            prop_assert_eq!(before.lines().count() - count('-'), after.lines().count() - count('+'));
        }
    }
}
