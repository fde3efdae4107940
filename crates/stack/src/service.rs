//! One service as a real process: its settings file, its migrations, its readiness.

use crate::binaries;
use crate::guard::{Guard, Level};
use crate::process::Process;
use crate::socket::{self, Notices};
use crate::surroundings::Surroundings;
use anyhow::{Context, Result, ensure};
use nix::sys::signal::Signal;
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};
use toml::Table;

const READY_WITHIN: Duration = Duration::from_secs(30);
/// A service drains 1.5 s and lets requests finish for at most 28 s.
const STOP_WITHIN: Duration = Duration::from_secs(32);

/// A service that can be started, stopped, killed and paused.
#[derive(Debug)]
pub struct Service {
    name: String,
    port: u16,
    settings: PathBuf,
    environment: BTreeMap<String, String>,
    log: PathBuf,
    guard: Guard,
    surroundings: Surroundings,
    process: Option<Process>,
    socket: Option<Socket>,
}

/// A socket that outlives the processes that serve it.
#[derive(Debug)]
struct Socket {
    listener: TcpListener,
    started: u32,
}

impl Service {
    /// A service that has not been started. `settings` is the file it will read.
    pub fn new(name: &str, port: u16, settings: PathBuf, log: PathBuf, guard: &Guard) -> Self {
        let (environment, surroundings) = (BTreeMap::new(), Surroundings::default());
        Self {
            name: name.to_owned(),
            port,
            settings,
            environment,
            surroundings,
            log,
            guard: guard.clone(),
            process: None,
            socket: None,
        }
    }

    /// Variables in the environment of its processes, besides what they inherit.
    pub fn set_environment(&mut self, environment: &BTreeMap<String, String>) {
        self.environment.clone_from(environment);
    }

    /// Another instance of the same, which has not been started: on this port, with the same settings otherwise.
    pub fn beside(&self, port: u16) -> Result<Self> {
        let mut settings: Table = fs::read_to_string(&self.settings)?.parse()?;
        let server = settings.entry("server").or_insert_with(|| Table::new().into());
        let server = server.as_table_mut().context("[server] is no section")?;
        server.insert("listen".to_owned(), format!("127.0.0.1:{port}").into());
        let file = self.settings.with_extension(format!("{port}.toml"));
        fs::write(&file, settings.to_string())?;
        let log = self.log.with_extension(format!("{port}.log"));
        let mut beside = Self::new(&self.name, port, file, log, &self.guard);
        beside.set_environment(&self.environment);
        beside.surround(self.surroundings.clone());
        Ok(beside)
    }

    /// Its next process finds these around it, unless it is given a socket.
    pub(crate) fn surround(&mut self, surroundings: Surroundings) {
        self.surroundings = surroundings;
    }

    /// From now on its processes take turns on one socket, as they do under systemd.
    pub fn hold_socket(&mut self) -> Result<()> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port))?;
        self.socket = Some(Socket { listener, started: 0 });
        Ok(())
    }

    /// Puts a new process in the place of the one that serves, as a release does: starts it beside, waits until it is
    /// ready, then stops the old one. `program` is what to start, where it is not the service's own. When the new one
    /// is not ready in time it is killed, and the old one serves on. Blocks.
    pub fn release(&mut self, program: Option<PathBuf>, patience: Duration) -> Result<()> {
        let program = program.map_or_else(|| binaries::program(&self.name), Ok)?;
        let new = self.start_on_socket(&program, patience)?;
        if let Some(old) = self.process.replace(new) {
            let status = old.stop(STOP_WITHIN).with_context(|| format!("the old {} did not stop", self.name))?;
            ensure!(status.success(), old.failure(&format!("did not stop in order ({status})")));
        }
        Ok(())
    }

    fn start_on_socket(&mut self, program: &std::path::Path, patience: Duration) -> Result<Process> {
        let socket = self.socket.as_mut().with_context(|| format!("the stack holds no socket of {}", self.name))?;
        socket.started += 1;
        let notices = Notices::listen(self.settings.with_extension(format!("{}.notify", socket.started)))?;
        let (mut command, input) = socket::command(program, &socket.listener, &notices)?;
        let inherit = format!("ROLLCALL_{}__SERVER__INHERIT_SOCKET", self.name.to_uppercase());
        command.arg("serve").arg("--config").arg(&self.settings).current_dir("/");
        command.envs(&self.environment).env(inherit, "true");
        let (name, guard) = (&self.name, &self.guard);
        let process = Process::spawn_reading(name, command, input, &self.log, guard, Signal::SIGTERM, Level::Service)?;
        let ended = || process.exited().map(|status| process.failure(&format!("ended while it started ({status})")));
        notices.wait_for("READY=1", patience, ended).map_err(|error| error.context(format!("{name} is not ready")))?;
        Ok(process)
    }

    /// Its own address, behind nginx's back.
    pub fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its process while one was started and not stopped.
    pub fn process(&self) -> Option<&Process> {
        self.process.as_ref()
    }

    /// Where its output goes.
    pub fn log(&self) -> &PathBuf {
        &self.log
    }

    /// Runs its pending migrations. Blocks.
    pub fn migrate(&self) -> Result<()> {
        let output = self.command("migrate")?.output().context("could not start it")?;
        ensure!(
            output.status.success(),
            "rollcall-{} migrate failed:\n{}{}",
            self.name,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }

    /// Starts it and returns at once; with a socket that the stack holds, once it is ready.
    pub fn start(&mut self) -> Result<()> {
        ensure!(self.process.is_none(), "{} is running", self.name);
        if self.socket.is_some() {
            let process = self.start_on_socket(&binaries::program(&self.name)?, READY_WITHIN)?;
            self.process = Some(process);
            return Ok(());
        }
        let command = self.command("serve")?;
        let process = Process::spawn(&self.name, command, &self.log, &self.guard, Signal::SIGTERM, Level::Service)?;
        self.process = Some(process);
        Ok(())
    }

    /// Waits until it says that it is ready. Blocks.
    pub fn wait_until_ready(&self) -> Result<()> {
        let process = self.process.as_ref().with_context(|| format!("{} was not started", self.name))?;
        let start = Instant::now();
        loop {
            let ready = answers_ok(self.port, "/readyz");
            // Asked after, so that an answer by somebody else on the port is not taken for its own.
            if let Some(status) = process.exited() {
                return Err(process.failure(&format!("ended while it started ({status})")));
            }
            if ready {
                return Ok(());
            }
            if start.elapsed() > READY_WITHIN {
                return Err(process.failure("was not ready in time"));
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Asks it to stop, in order, and returns at once.
    pub fn ask_to_stop(&self) {
        if let Some(process) = &self.process {
            process.ask_to_stop();
        }
    }

    /// Stops it in order. Blocks.
    pub fn stop(&mut self) {
        if let Some(process) = self.process.take() {
            process.stop(STOP_WITHIN);
        }
    }

    /// Ends it with SIGKILL, as a crash would.
    pub fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            process.kill();
        }
    }

    /// Holds it still with SIGSTOP: its connections stay open and nothing answers.
    pub fn pause(&self) -> Result<()> {
        self.signal(Signal::SIGSTOP)
    }

    /// Lets it go on after [`Self::pause`].
    pub fn resume(&self) -> Result<()> {
        self.signal(Signal::SIGCONT)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let process = self.process.as_ref().with_context(|| format!("{} is not running", self.name))?;
        process.signal(signal)
    }

    fn command(&self, subcommand: &str) -> Result<Command> {
        let mut command = self.surroundings.command(&binaries::program(&self.name)?);
        command.arg(subcommand).arg("--config").arg(&self.settings).current_dir("/").envs(&self.environment);
        Ok(command)
    }
}

/// Whether a GET is answered with 200. HTTP by hand: this runs before anything else does, and blocks.
fn answers_ok(port: u16, path: &str) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut status = [0; 12];
        stream.read_exact(&mut status)?;
        Ok(status.ends_with(b" 200"))
    };
    ask().unwrap_or(false)
}
