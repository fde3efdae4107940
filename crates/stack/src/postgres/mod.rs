//! A private PostgreSQL server: its own data directory, its own port, nothing of the system's touched.
//!
//! It listens on the loopback address only and asks for SCRAM passwords, because other users of the machine can
//! reach that address too. There is no Unix socket: its path may not be longer than 107 bytes, which a run
//! directory deep in somebody's home exceeds.

mod binaries;
mod standby;

pub use binaries::{Binaries, OLDEST};

use crate::account::Account;
use crate::guard::{Guard, Level};
use crate::process::Process;
use crate::{ports, secrets};
use anyhow::{Context, Result, ensure};
use diesel::{Connection, PgConnection};
use nix::sys::signal::{self, Signal};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

const SUPERUSER: &str = "postgres";
/// Four services with their pools; or the pools of the services of all tests of a process.
const MAX_CONNECTIONS: u32 = 400;
const START_WITHIN: Duration = Duration::from_secs(30);
/// A port that was free may be taken a moment later.
const PORT_TRIES: u32 = 4;

/// Where it is and how much its data is worth.
#[derive(Clone, Debug)]
pub struct Place {
    /// Holds `server/data/` and the superuser's password.
    pub directory: PathBuf,
    /// Its log file.
    pub log: PathBuf,
    /// What its data is worth.
    pub worth: Worth,
}

/// What data is worth, and so what is flushed to disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worth {
    /// It is there the next time.
    Kept,
    /// It goes with the run, in which every commit is flushed as in earnest.
    Temporary,
    /// Nothing is flushed, and the server stops without a checkpoint.
    None,
}

/// A running server.
#[derive(Debug)]
pub struct Postgres {
    process: Process,
    binaries: Binaries,
    port: u16,
    password: String,
    home: PathBuf,
    account: Account,
    place: Place,
    guard: Guard,
    /// Worth telling whoever started it.
    pub notice: Option<String>,
}

impl Postgres {
    /// Makes the data directory if there is none, starts the server and waits until it answers. Blocks.
    pub fn start(place: &Place, guard: &Guard) -> Result<Self> {
        let account = Account::choose("postgres")?;
        // The directory itself stays the caller's, as the password in it does; the server's account only passes.
        secrets::passage(&place.directory)?;
        let (home, notice) = account.directory(&place.directory.join("server"))?;
        let data = home.join("data");
        let password_file = place.directory.join("superuser.password");
        let made_by = fs::read_to_string(data.join("PG_VERSION")).ok();
        let wanted = made_by.as_deref().map(|major| major.trim().parse()).transpose()?;
        let binaries = Binaries::find(wanted)
            .with_context(|| format!("data directory {} (remove it to start anew)", data.display()))?;
        let password = secrets::read_or_write(&password_file, || secrets::random_hex(24))?;
        if made_by.is_none() {
            initialise(&binaries, account, &home, &password, place)?;
        }
        let mut tries = 1;
        loop {
            let port = ports::free()?;
            let process = spawn(&binaries, account, &data, port, place, guard)?;
            let mut server = Self {
                process,
                binaries: binaries.clone(),
                port,
                password: password.clone(),
                home: home.clone(),
                account,
                place: place.clone(),
                guard: guard.clone(),
                notice: notice.clone(),
            };
            match server.wait_until_ready() {
                Ok(()) => return Ok(server),
                Err(_) if tries < PORT_TRIES && ports::is_taken(port) => tries += 1,
                Err(error) => {
                    server.process.stop(Duration::from_secs(5));
                    server.notice = None;
                    return Err(error);
                }
            }
        }
    }

    /// Connection URL of the superuser.
    pub fn admin_url(&self, database: &str) -> String {
        self.url(SUPERUSER, &self.password, database)
    }

    /// Connection URL of a role.
    pub fn url(&self, role: &str, password: &str, database: &str) -> String {
        self.url_by(self.port, role, password, database)
    }

    /// Connection URL of a role, by way of another port of this machine.
    pub fn url_by(&self, port: u16, role: &str, password: &str, database: &str) -> String {
        format!("postgres://{role}:{password}@127.0.0.1:{port}/{database}")
    }

    /// A superuser's connection.
    pub fn admin(&self, database: &str) -> Result<PgConnection> {
        // The error of a failed connection does not hold the URL, which holds the password.
        PgConnection::establish(&self.admin_url(database)).context("could not connect to PostgreSQL")
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The programs it was started with; `pg_dump` is among them.
    pub fn binaries(&self) -> &Binaries {
        &self.binaries
    }

    /// Where the data is when that is not inside `directory`.
    pub fn data_outside(&self, directory: &Path) -> Option<&Path> {
        (!self.home.starts_with(directory)).then_some(&self.home)
    }

    /// The process.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Stops it in order. Blocks.
    pub fn stop(&self) {
        self.process.stop(Duration::from_secs(20));
    }

    /// Ends the server and all of its processes with SIGKILL. Its processes are killed too because one that is left
    /// finishes its statement first. Blocks.
    pub fn kill(&mut self) -> Result<()> {
        let children = self.process.children();
        self.process.kill();
        for child in children {
            // Most have ended by themselves, because the server has.
            let _ = signal::kill(child, Signal::SIGKILL);
        }
        Ok(())
    }

    /// Starts the server again that has ended, with its data and on its port, and waits until it answers. Blocks.
    pub fn start_again(&mut self) -> Result<()> {
        let data = self.home.join("data");
        let start = Instant::now();
        loop {
            self.process = spawn(&self.binaries, self.account, &data, self.port, &self.place, &self.guard)?;
            match self.wait_until_ready() {
                // The last of the killed ones may still hold the memory that they shared.
                Err(_) if self.process.exited().is_some() && start.elapsed() < START_WITHIN => {
                    thread::sleep(Duration::from_millis(50));
                }
                outcome => return outcome,
            }
        }
    }

    fn wait_until_ready(&self) -> Result<()> {
        let start = Instant::now();
        loop {
            let Err(refused) = self.admin(SUPERUSER) else {
                return Ok(());
            };
            if self.process.exited().is_some() {
                return Err(self.process.failure("ended while it started"));
            }
            if start.elapsed() > START_WITHIN {
                return Err(self.process.failure(&format!("did not answer in time ({refused:#})")));
            }
            thread::sleep(Duration::from_millis(25));
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
    }
}

fn spawn(
    binaries: &Binaries,
    account: Account,
    data: &Path,
    port: u16,
    place: &Place,
    guard: &Guard,
) -> Result<Process> {
    let mut command = Command::new(binaries.program("postgres"));
    command.arg("-D").arg(data).current_dir(data).env("LC_ALL", "C");
    // What the caller's environment says about its own servers is not about this one.
    for variable in ["PGDATA", "PGPORT", "PGHOST", "PGUSER", "PGDATABASE", "PGOPTIONS"] {
        command.env_remove(variable);
    }
    let flush = if place.worth == Worth::None { "off" } else { "on" };
    let settings = [
        ("listen_addresses", "127.0.0.1".to_owned()),
        ("port", port.to_string()),
        ("unix_socket_directories", String::new()),
        ("max_connections", MAX_CONNECTIONS.to_string()),
        ("shared_buffers", "128MB".to_owned()),
        ("fsync", flush.to_owned()),
        ("synchronous_commit", flush.to_owned()),
        ("full_page_writes", flush.to_owned()),
        ("timezone", "UTC".to_owned()),
        ("log_timezone", "UTC".to_owned()),
    ];
    for (name, value) in settings {
        command.arg("-c").arg(format!("{name}={value}"));
    }
    let signal = if place.worth == Worth::None { Signal::SIGQUIT } else { Signal::SIGINT };
    Process::spawn("postgres", account.run(command), &place.log, guard, signal, Level::Database)
}

fn initialise(binaries: &Binaries, account: Account, home: &Path, password: &str, place: &Place) -> Result<()> {
    let password_file = home.join("initdb-password");
    secrets::write(&password_file, password.as_bytes())?;
    account.own(&password_file)?;
    // Letters outside ASCII have upper and lower case in this locale, and sorting does not depend on the machine.
    let locale = if cfg!(target_os = "macos") { "en_US.UTF-8" } else { "C.UTF-8" };
    let mut command = Command::new(binaries.program("initdb"));
    command
        .arg("-D")
        .arg(home.join("data"))
        .args(["--username", SUPERUSER, "--auth", "scram-sha-256", "--encoding", "UTF8"])
        .args(["--locale", locale, "--lc-messages", "C", "--no-instructions"])
        .arg(format!("--pwfile={}", password_file.display()))
        .current_dir(home)
        .env_remove("PGDATA");
    if place.worth != Worth::Kept {
        command.arg("--no-sync");
    }
    let output = account.run(command).output().context("could not run initdb");
    fs::remove_file(&password_file)?;
    let output = output?;
    ensure!(
        output.status.success(),
        "initdb failed in {}:\n{}{}",
        home.display(),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}
