//! `rollcall topology apply` with a real nginx: what is in force changes only when it does well.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use rollcall_ops::apply::{Installation, Wish};
use rollcall_ops::nginx;
use rollcall_ops::steps::{Failure, Steps};
use rollcall_stack::guard::{Guard, Level};
use rollcall_stack::process::{Process, Signal};
use rollcall_stack::topology::Topology;
use rollcall_stack::{keys, ports, settings};
use std::cell::RefCell;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;
use toml::Table;

const SERVICES: [&str; 4] = ["attendance", "notification", "org", "user"];

/// A service that answers everything with 200 and its name.
fn service(name: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer(stream, name));
        }
    });
    port
}

fn answer(mut stream: TcpStream, name: &str) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n == 1) {
        head.push(byte[0]);
    }
    let length = name.len();
    let text = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{name}");
    let _ = stream.write_all(text.as_bytes());
}

/// An installation in a directory, with nginx and four services.
struct Site {
    root: tempfile::TempDir,
    table: Table,
    port: u16,
    said: RefCell<Vec<String>>,
    nginx: Option<Process>,
    systemctl: Option<PathBuf>,
    guard: Guard,
}

impl Site {
    /// One in which nothing was applied.
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let port = ports::free().unwrap();
        let mut table: Table = toml::from_str(Topology::built_in_text()).unwrap();
        settings::set(&mut table, "nginx.port", i64::from(port));
        for name in SERVICES {
            settings::set(&mut table, &format!("services.{name}.port"), i64::from(service(name)));
            let credentials = root.path().join("etc/rollcall/credentials").join(name);
            fs::create_dir_all(&credentials).unwrap();
            keys::public_key(&credentials, "identity").unwrap();
        }
        fs::create_dir_all(root.path().join("run/rollcall-edge")).unwrap();
        let guard = Guard::start(None).unwrap();
        Self { root, table, port, said: RefCell::default(), nginx: None, systemctl: None, guard }
    }

    /// One whose first topology is in force, with nginx running.
    fn running() -> Self {
        let mut site = Self::new();
        assert!(site.apply().is_ok());
        let home = site.path("run/rollcall-edge");
        let command = nginx::command(&home, &site.path("etc/rollcall/topology/nginx.conf"));
        let log = site.path("nginx.log");
        let started = Process::spawn("nginx", command, &log, &site.guard, Signal::SIGTERM, Level::Door).unwrap();
        site.nginx = Some(started);
        let waits = (0..1000).find(|_| {
            thread::sleep(Duration::from_millis(10));
            TcpStream::connect(("127.0.0.1", site.port)).is_ok()
        });
        assert!(waits.is_some(), "nginx does not listen");
        site
    }

    fn path(&self, below: &str) -> PathBuf {
        self.root.path().join(below)
    }

    fn set(&mut self, key: &str, value: impl Into<toml::Value>) {
        settings::set(&mut self.table, key, value);
    }

    fn write(&self, text: &str) -> PathBuf {
        let file = self.path("etc/rollcall/topology.toml");
        fs::write(&file, text).unwrap();
        file
    }

    fn apply(&self) -> Result<Vec<String>, Failure> {
        self.apply_text(&toml::to_string(&self.table).unwrap())
    }

    fn apply_text(&self, text: &str) -> Result<Vec<String>, Failure> {
        self.write(text);
        let wish = Wish { topology: None, host: None, patience: Duration::from_secs(1) };
        let tell = |line: &str| self.said.borrow_mut().push(line.to_owned());
        let installation = Installation::new(self.root.path());
        let installation = match &self.systemctl {
            Some(program) => installation.with_systemctl(program),
            None => installation,
        };
        installation.apply(&wish, &Steps(&tell))
    }

    fn rollback(&self) -> Result<Vec<String>, Failure> {
        let tell = |line: &str| self.said.borrow_mut().push(line.to_owned());
        Installation::new(self.root.path()).rollback(Duration::from_secs(1), &Steps(&tell))
    }

    /// Status and body that nginx answers.
    fn get(&self, path: &str) -> String {
        get(self.port, path)
    }

    fn in_force(&self) -> String {
        let link = fs::read_link(self.path("etc/rollcall/topology")).unwrap();
        link.file_name().unwrap().to_str().unwrap().to_owned()
    }

    fn generations(&self) -> usize {
        fs::read_dir(self.path("etc/rollcall/topology.generations")).unwrap().count()
    }
}

fn get(port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    format!("{} {body}", head.split(' ').nth(1).unwrap())
}

#[test]
fn what_is_applied_is_in_force_and_its_generation_is_told_to_its_own_machine() {
    let site = Site::running();
    assert_eq!(site.get("/_generation"), "200 1");
    assert_eq!(site.get("/api/org/health"), "200 org");
    let org: Table = fs::read_to_string(site.path("etc/rollcall/topology/org.toml")).unwrap().parse().unwrap();
    let user = site.table["services"]["user"]["port"].as_integer().unwrap();
    assert_eq!(org["peers"]["user"]["url"].as_str(), Some(format!("http://127.0.0.1:{user}").as_str()));
    let key = keys::public_key(&site.path("etc/rollcall/credentials/user"), "identity").unwrap();
    assert_eq!(org["peers"]["user"]["public_key"].as_str(), Some(key.as_str()), "of the private key that is there");
    assert!(site.apply().unwrap().is_empty(), "the same again is no change");
    assert_eq!((site.in_force().as_str(), site.generations()), ("1", 1));
}

#[test]
fn a_change_takes_nginx_to_the_new_place_and_a_rollback_back() {
    let mut site = Site::running();
    site.set("services.org.port", i64::from(service("moved")));
    let mut changed = site.apply().unwrap();
    changed.sort();
    assert_eq!(changed, ["attendance", "notification", "org", "user"], "all of them talk to org");
    assert_eq!((site.get("/api/org/health"), site.get("/_generation")), ("200 moved".to_owned(), "200 2".to_owned()));
    assert!(site.said.borrow().iter().any(|line| line.contains("ask the services through nginx: 4 are well")));

    let mut changed = site.rollback().unwrap();
    changed.sort();
    assert_eq!(changed, ["attendance", "notification", "org", "user"], "and have to hear that it is back");
    assert_eq!((site.get("/api/org/health"), site.get("/_generation")), ("200 org".to_owned(), "200 1".to_owned()));
    assert!(matches!(site.rollback(), Err(Failure::Nothing(_))), "there is none before the first");
    site.apply().unwrap();
    assert_eq!(site.get("/_generation"), "200 3", "a number is used once");
    site.rollback().unwrap();
    assert_eq!(site.in_force(), "1", "what was in force before, not the number below");
}

#[test]
fn a_broken_topology_is_refused_before_anything_changes() {
    let mut site = Site::running();
    let good = site.table.clone();
    let user = good["services"]["user"]["port"].clone();
    let strings = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let cases: [(&str, toml::Value, &str); 4] = [
        ("services.org.port", user, "has this port on localhost"),
        ("services.org.calls", strings(&["users"]).into(), "no service is called \"users\""),
        ("services.user.calls", strings(&["attendance"]).into(), "calls form a circle"),
        ("services.attendance.hears.org", strings(&["employee."]).into(), "events of org start with \"org.\""),
    ];
    for (key, value, expected) in cases {
        site.table = good.clone();
        site.set(key, value);
        refused(&site, site.apply(), expected);
    }
    refused(&site, site.apply_text("[nginx\nport = 1"), "TOML parse error at line 1");
    // The rest would be well, and nginx alone can tell.
    site.table = good;
    site.set("nginx.sign_in_rate", "10r/h");
    refused(&site, site.apply(), "invalid rate \"rate=10r/h\"");
}

fn refused(site: &Site, outcome: Result<Vec<String>, Failure>, expected: &str) {
    let failure = outcome.unwrap_err();
    let said = failure.to_string();
    assert!(said.contains(expected) && said.ends_with("nothing was changed"), "{expected}: {said}");
    assert_eq!(failure.exit_code(), 2);
    assert_eq!((site.in_force().as_str(), site.generations()), ("1", 1));
    assert_eq!((site.get("/api/org/health"), site.get("/_generation")), ("200 org".to_owned(), "200 1".to_owned()));
}

#[test]
fn a_service_that_does_not_answer_where_it_was_moved_to_is_put_back() {
    let mut site = Site::running();
    site.set("services.org.port", i64::from(ports::free().unwrap()));
    put_back(&site, "/api/org/health: 502 service_unreachable");
}

#[test]
fn a_configuration_that_nginx_accepts_and_cannot_take_over_is_put_back() {
    let mut site = Site::running();
    // `nginx -t` does not bind: whether a port is free shows when it is taken.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    site.set("nginx.port", i64::from(taken.local_addr().unwrap().port()));
    thread::spawn(move || taken.incoming().flatten().for_each(|stream| answer(stream, "somebody else")));
    put_back(&site, "nginx did not take it over");
}

fn put_back(site: &Site, expected: &str) {
    let failure = site.apply().unwrap_err();
    let said = failure.to_string();
    assert!(said.contains(expected) && said.ends_with("the one before is in force again"), "{said}");
    assert_eq!(failure.exit_code(), 1);
    assert_eq!(site.in_force(), "1");
    assert_eq!((site.get("/api/org/health"), site.get("/_generation")), ("200 org".to_owned(), "200 1".to_owned()));
}

/// As much of systemctl as is asked of it: what runs is a file of its name, and a unit is broken as often as its file below
/// `broken` has lines.
const SYSTEMCTL: &str = r#"#!/bin/sh
set -eu
here=$(dirname "$0")
shift
command=$1
shift
for unit; do
  case $command,$unit in
  show,--value | show,-p | show,ActiveState) ;;
  show,*) if [ -e "$here/active/$unit" ]; then echo active; else echo inactive; fi ;;
  stop,*) rm -f "$here/active/$unit" ;;
  start,*)
    if [ -s "$here/broken/$unit" ]; then
      sed -i 1d "$here/broken/$unit"
      echo "$unit: address in use" >&2
      exit 1
    fi
    : >"$here/active/$unit"
    ;;
  esac
done
"#;

#[test]
fn what_ran_before_a_change_that_fails_runs_after_the_way_back() {
    let mut site = Site::running();
    let program = site.path("systemctl");
    fs::write(&program, SYSTEMCTL).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    for folder in ["active", "broken"] {
        fs::create_dir(site.path(folder)).unwrap();
    }
    let (socket, instance) = ("rollcall-org.socket", "rollcall-org@green.service");
    for unit in [socket, instance] {
        fs::write(site.path("active").join(unit), "").unwrap();
    }
    let active = |site: &Site| {
        let entries = fs::read_dir(site.path("active")).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    site.systemctl = Some(program);
    site.set("services.org.port", i64::from(service("moved")));

    fs::write(site.path("broken").join(socket), "once\n").unwrap();
    let said = site.apply().unwrap_err().to_string();
    assert!(said.contains("address in use") && said.ends_with("the one before is in force again"), "{said}");
    assert_eq!(active(&site), [socket, instance]);
    assert_eq!(site.get("/api/org/health"), "200 org");

    fs::write(site.path("broken").join(socket), "here\nand on the way back\n").unwrap();
    let said = site.apply().unwrap_err().to_string();
    assert!(said.contains("could not be put back"), "{said}");
    fs::write(site.path("broken").join(socket), "").unwrap();
    fs::write(site.path("active").join(socket), "").unwrap();
    fs::write(site.path("active").join(instance), "").unwrap();
    site.apply().unwrap();
    assert_eq!(active(&site), [socket, instance]);
    assert_eq!(site.get("/api/org/health"), "200 moved");
}

#[test]
fn one_change_at_a_time() {
    let site = Site::running();
    let lock = fs::File::create(site.path("run/rollcall-deploy.lock")).unwrap();
    lock.lock().unwrap();
    let failure = site.rollback().unwrap_err();
    assert!(failure.to_string().contains("another release or change is under way"), "{failure}");
}

#[test]
fn the_program_says_what_is_wrong_and_ends_with_the_code_of_a_release() {
    let mut site = Site::new();
    let program = rollcall_stack::binaries::directory().unwrap().join("rollcall");
    rollcall_stack::binaries::build().unwrap();
    let run = |site: &Site, words: &[&str]| {
        site.write(&toml::to_string(&site.table).unwrap());
        let output = std::process::Command::new(&program).args(words).arg("--root").arg(site.root.path()).output();
        let output = output.unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(text).unwrap())
    };
    let (code, said) = run(&site, &["topology", "check"]);
    assert!(code == 0 && said.contains("order of deployment: user, org, attendance, notification"), "{said}");
    let (code, said) = run(&site, &["topology", "diff"]);
    assert!(code == 1 && said.contains("org.toml\n  + ") && said.contains("nginx.conf\n  + "), "{said}");
    let (code, said) = run(&site, &["topology", "apply"]);
    assert!(code == 0 && said.contains("  ask nginx (") && said.contains("rollcall-deploy --again org"), "{said}");
    assert_eq!(run(&site, &["topology", "diff"]).0, 0);
    site.set("services.org.port", 8_i64);
    let (code, said) = run(&site, &["topology", "diff"]);
    assert!(code == 1 && said.contains("  + url = \"http://127.0.0.1:8\""), "{said}");
    site.set("services.org.calls", vec!["users".to_owned()]);
    for words in [["topology", "check"], ["topology", "apply"], ["topology", "diff"], ["topology", "render"]] {
        let (code, said) = run(&site, &words);
        let file = site.path("etc/rollcall/topology.toml");
        let expected =
            format!("{}: `services.org.calls` = [\"users\"]: no service is called \"users\"", file.display());
        assert!(code == 2 && said.contains(&expected), "{words:?}: {said}");
    }
    assert!(Path::new(&site.path("etc/rollcall/topology")).exists());
}
