//! What `make up` runs, as a new user would: it ends with lines to paste, they work, and nothing outlives it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed step fails the test")]

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rollcall_stack::topology::Topology;
use rollcall_stack::{binaries, ports};
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A running `rollcall-stack up` and what it said when it was ready.
struct Up {
    child: Child,
    port: u16,
    said: Vec<String>,
}

impl Up {
    fn start(run_dir: &Path) -> Self {
        let port = ports::free().unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_rollcall-stack"))
            .arg("--run-dir")
            .arg(run_dir)
            .args(["up", "--port", &port.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut up = Self { child, port, said: Vec::new() };
        let output = up.child.stdout.take().unwrap();
        for line in BufReader::new(output).lines().map(Result::unwrap) {
            up.said.push(line);
            if up.said.last().is_some_and(|line| line.starts_with("Ctrl-C")) {
                return up;
            }
        }
        panic!("it ended before it was ready");
    }

    /// Runs the lines that it gives to paste.
    fn paste(&self) -> String {
        let is_command = |line: &&String| line.starts_with("TOKEN=") || line.starts_with("curl ");
        let commands: Vec<&str> = self.said.iter().filter(is_command).map(String::as_str).collect();
        assert_eq!(commands.len(), 3, "{:?}", self.said);
        let script = commands.join("\necho\n");
        let output = Command::new("sh").args(["-ec", &script]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    fn end(&mut self, signal: Signal) -> ExitStatus {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
        self.child.wait().unwrap()
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // Where an assertion failed, it is still there; its reaper ends the rest.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether everything that listened under `run_dir` stops doing so in time.
fn all_end(ports: &[u16]) -> bool {
    let start = Instant::now();
    let answers = |port: &u16| TcpStream::connect(("127.0.0.1", *port)).is_ok();
    while ports.iter().any(answers) && start.elapsed() < Duration::from_secs(20) {
        thread::sleep(Duration::from_millis(50));
    }
    !ports.iter().any(answers)
}

/// The ports that the services' settings name.
fn service_ports(run_dir: &Path) -> Vec<u16> {
    let names = Topology::built_in().unwrap().services.into_keys();
    let port = |name: String| {
        let text = fs::read_to_string(run_dir.join(format!("config/{name}.toml"))).unwrap();
        let settings: toml::Table = toml::from_str(&text).unwrap();
        let listen = settings["server"]["listen"].as_str().unwrap();
        listen.rsplit(':').next().unwrap().parse().unwrap()
    };
    names.map(port).collect()
}

#[test]
fn up_ends_with_lines_that_work_when_pasted_and_nothing_outlives_it() {
    binaries::build().unwrap();
    let run_dir = tempfile::tempdir().unwrap();
    fs::set_permissions(run_dir.path(), fs::Permissions::from_mode(0o711)).unwrap();

    let mut first = Up::start(run_dir.path());
    let answers = first.paste();
    let answers: Vec<serde_json::Value> =
        answers.lines().filter(|line| !line.is_empty()).map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(answers[0]["punch_id"].is_string(), "{answers:?}");
    let days = answers[1]["items"].as_array().unwrap();
    assert_eq!(days.len(), 8, "{days:?}");
    assert!(days.iter().any(|day| day["worked_minutes"].as_i64().unwrap() > 300), "{days:?}");

    let mut listening = service_ports(run_dir.path());
    listening.push(first.port);
    first.end(Signal::SIGKILL);
    assert!(all_end(&listening), "something outlived its stack, which was killed");

    let mut second = Up::start(run_dir.path());
    assert_eq!(second.said.last(), first.said.last());
    assert!(second.paste().contains("punch_id"), "the company is still there");
    let mut listening = service_ports(run_dir.path());
    listening.push(second.port);
    assert!(second.end(Signal::SIGINT).success());
    assert!(all_end(&listening), "something outlived its stack, which was stopped");
}
