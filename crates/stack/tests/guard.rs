//! What a stack started ends with it, whichever way the stack ends.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A program that runs a private PostgreSQL in `run_dir`, and the port of that.
fn start(run_dir: &Path) -> (Child, u16) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_rollcall-stack"))
        .arg("--run-dir")
        .arg(run_dir)
        .arg("database")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let (_, address) = line.rsplit_once(':').unwrap();
    (child, address.split('/').next().unwrap().parse().unwrap())
}

fn end(child: &mut Child, signal: Signal) {
    kill(Pid::from_raw(child.id().cast_signed()), signal).unwrap();
    child.wait().unwrap();
}

fn answers(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

fn stops_answering(port: u16) -> bool {
    let start = Instant::now();
    while answers(port) && start.elapsed() < Duration::from_secs(15) {
        thread::sleep(Duration::from_millis(20));
    }
    !answers(port)
}

#[test]
fn postgres_ends_when_its_stack_is_killed_with_sigkill_and_its_data_can_be_used_again() {
    let run_dir = tempfile::tempdir().unwrap();
    // Run as root, PostgreSQL has another account, which has to get to its data.
    fs::set_permissions(run_dir.path(), fs::Permissions::from_mode(0o711)).unwrap();
    let (mut child, port) = start(run_dir.path());
    assert!(answers(port));
    end(&mut child, Signal::SIGKILL);
    assert!(stops_answering(port), "postgres outlived its stack");

    // At once again: it waits for the first one's end and finds the data whole.
    let (mut child, port) = start(run_dir.path());
    assert!(answers(port));
    end(&mut child, Signal::SIGTERM);
    assert!(!answers(port), "stopped in order, nothing is left when the stack has ended");
}
