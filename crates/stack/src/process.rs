//! One child process: its log file, its signals, its end.

use crate::guard::{Guard, Level};
use anyhow::{Context, Result, bail};
pub use nix::sys::signal::Signal;
use nix::sys::signal::{kill, killpg};
use nix::unistd::Pid;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Lines of a log that are shown when its process fails.
const TAIL_LINES: usize = 20;

/// A process that this program started. Dropping it kills it and all of its group.
#[derive(Debug)]
pub struct Process {
    name: String,
    pid: u32,
    log: PathBuf,
    stop_signal: Signal,
    child: Mutex<Child>,
    guard: Guard,
}

impl Process {
    /// Starts `command` in a process group of its own (Ctrl-C reaches only the stack, which stops the others in
    /// order), with nothing to read and its output appended to `log`.
    pub fn spawn(
        name: &str,
        command: Command,
        log: &Path,
        guard: &Guard,
        stop_signal: Signal,
        level: Level,
    ) -> Result<Self> {
        Self::spawn_reading(name, command, Stdio::null(), log, guard, stop_signal, level)
    }

    /// [`Self::spawn`] with something to read.
    pub fn spawn_reading(
        name: &str,
        mut command: Command,
        input: Stdio,
        log: &Path,
        guard: &Guard,
        stop_signal: Signal,
        level: Level,
    ) -> Result<Self> {
        let output = OpenOptions::new()
            .create(true)
            .append(true)
            // PostgreSQL quotes the row that violates a constraint, which may be somebody's address.
            .mode(0o600)
            .open(log)
            .with_context(|| format!("could not open the log file {}", log.display()))?;
        let program = command.get_program().to_string_lossy().into_owned();
        let child = command
            .stdin(input)
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0)
            .spawn()
            .with_context(|| format!("could not start {program}"))?;
        let process = Self {
            name: name.to_owned(),
            pid: child.id(),
            log: log.to_owned(),
            stop_signal,
            child: Mutex::new(child),
            guard: guard.clone(),
        };
        guard.add(process.pid, stop_signal, level)?;
        Ok(process)
    }

    /// What it is called in messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The processes that it started, where the system says so in `/proc`.
    pub fn children(&self) -> Vec<Pid> {
        let pids = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        let parent = |pid: i32| -> Option<u32> {
            // `pid (name) state parent …`; the name may have anything in it.
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
        };
        pids.filter(|pid| parent(*pid) == Some(self.pid)).map(Pid::from_raw).collect()
    }

    /// Its resident memory in bytes, where the system says so in `/proc`.
    pub fn resident_bytes(&self) -> Option<u64> {
        self.memory("VmRSS:")
    }

    /// The most that its resident memory has been since [`Self::forget_peak`], in bytes, where the system says so.
    pub fn peak_bytes(&self) -> Option<u64> {
        self.memory("VmHWM:")
    }

    /// From now on its peak is counted anew (proc(5), `clear_refs`).
    pub fn forget_peak(&self) -> Result<()> {
        let path = format!("/proc/{}/clear_refs", self.pid);
        fs::write(&path, "5").with_context(|| format!("could not write {path}"))
    }

    /// Processor time that it and the processes that it started have used so far, where the system says so in `/proc`.
    pub fn processor_time(&self) -> Option<Duration> {
        let children = self.children().into_iter().filter_map(|child| processor_time(child.as_raw().cast_unsigned()));
        Some(processor_time(self.pid)? + children.sum::<Duration>())
    }

    fn memory(&self, name: &str) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Where its output goes.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// How it ended; none while it runs.
    pub fn exited(&self) -> Option<ExitStatus> {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        let status = child.try_wait().ok().flatten();
        if status.is_some() {
            // A second `del` says nothing new, and a reaper that is gone has nothing left to watch.
            let _ = self.guard.del(self.pid);
        }
        status
    }

    /// Sends a signal; an error when it has ended. Its number cannot be another's: who has ended keeps it until
    /// [`Self::exited`] has seen it.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        if let Some(status) = self.exited() {
            bail!("{} has ended ({status})", self.name);
        }
        kill(self.raw_pid(), signal).with_context(|| format!("{signal} to {}", self.name))
    }

    /// Asks it to stop and waits; after `patience` it is killed. Blocks.
    pub fn stop(&self, patience: Duration) -> Option<ExitStatus> {
        self.ask_to_stop();
        self.wait(patience).or_else(|| {
            self.kill();
            self.exited()
        })
    }

    /// Asks it to stop and does not wait.
    pub fn ask_to_stop(&self) {
        // Errors mean that it has ended, which is what is wanted.
        let _ = self.signal(self.stop_signal);
        let _ = self.signal(Signal::SIGCONT);
    }

    /// Kills it and its group with SIGKILL and waits for the end. Blocks.
    pub fn kill(&self) {
        if self.exited().is_none() {
            let _ = killpg(self.raw_pid(), Signal::SIGKILL);
        }
        self.wait(Duration::from_secs(10));
    }

    /// Waits for its end, at most `patience`. Blocks.
    pub fn wait(&self, patience: Duration) -> Option<ExitStatus> {
        let start = Instant::now();
        loop {
            let status = self.exited();
            if status.is_some() || start.elapsed() >= patience {
                return status;
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    /// An error that says `what` happened, names the log file and shows its last lines.
    pub fn failure(&self, what: &str) -> anyhow::Error {
        let tail = tail(&self.log, TAIL_LINES).unwrap_or_else(|error| format!("({error})"));
        anyhow::anyhow!("{} {what}; its log is {}, which ends with:\n{tail}", self.name, self.log.display())
    }

    fn raw_pid(&self) -> Pid {
        // Process ids fit: the kernel's own type is a signed 32-bit integer.
        Pid::from_raw(self.pid.cast_signed())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Processor time of a process, in user and kernel mode, with that of its threads that have ended.
pub fn processor_time(pid: u32) -> Option<Duration> {
    // `pid (name) state …`: fields 14 and 15 of proc(5), in ticks, of which Linux shows a hundred a second everywhere.
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11).map_while(|field| field.parse::<u64>().ok());
    let ticks = fields.next()? + fields.next()?;
    Some(Duration::from_millis(ticks * 10))
}

/// The last `lines` lines of a file that may be large.
pub fn tail(path: &Path, lines: usize) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(64 * 1024)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let all: Vec<&str> = text.lines().collect();
    Ok(all[all.len().saturating_sub(lines)..].join("\n"))
}
