//! Everything a stack starts ends with it, also when it is killed with SIGKILL and runs no code of its own.
//!
//! A destructor does not run then, and the kernel's parent-death signal is Linux only and needs `unsafe`. So a
//! small shell process of its own process group holds the other end of a pipe: when the pipe closes, it stops
//! what is on its list ([`Level`] by level) and removes temporary directories.

use anyhow::{Context, Result, ensure};
use nix::sys::signal::Signal;
use std::fs::File;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

const REAPER: &str = include_str!("reaper.sh");

/// When a process is stopped: what others stand on goes last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// PostgreSQL.
    Database = 0,
    /// The four services.
    Service = 1,
    /// nginx.
    Door = 2,
}

/// The list of what has to end. Clones share it; the end comes when the last one is dropped.
#[derive(Clone, Debug)]
pub struct Guard(Arc<Mutex<Child>>);

impl Guard {
    /// Starts the watching process. It keeps `lock` (a locked file) open, so the lock is held until the last of
    /// what was started is gone.
    pub fn start(lock: Option<File>) -> Result<Self> {
        let child = Command::new("/bin/sh")
            .args(["-c", REAPER, "rollcall-reaper"])
            .stdin(Stdio::piped())
            .stdout(lock.map_or_else(Stdio::null, Stdio::from))
            .stderr(Stdio::null())
            .current_dir("/")
            .process_group(0)
            .spawn()
            .context("could not start /bin/sh as a reaper")?;
        Ok(Self(Arc::new(Mutex::new(child))))
    }

    /// Stops `pid` with `signal` when the end comes.
    pub fn add(&self, pid: u32, signal: Signal, level: Level) -> Result<()> {
        let name = signal.as_str().trim_start_matches("SIG");
        self.say(&format!("add {pid} {name} {}\n", level as u8))
    }

    /// Forgets `pid`: it has ended and its number may soon be another process's.
    pub fn del(&self, pid: u32) -> Result<()> {
        self.say(&format!("del {pid}\n"))
    }

    /// Removes `directory` with all that is in it when the end comes.
    pub fn remove_at_end(&self, directory: &Path) -> Result<()> {
        let path = directory.to_str().context("a path that is not UTF-8 cannot be cleaned up")?;
        ensure!(
            directory.is_absolute() && !path.contains('\n') && path.len() > 4,
            "{path:?} is no directory to remove"
        );
        self.say(&format!("dir {path}\n"))
    }

    fn say(&self, line: &str) -> Result<()> {
        let mut child = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let pipe = child.stdin.as_mut().context("the reaper's pipe is closed")?;
        pipe.write_all(line.as_bytes()).context("the reaper has ended")
    }
}
