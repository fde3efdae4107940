//! nginx, the only door: rendered by [`rollcall_ops::render::nginx`], checked with `nginx -t`, run in the foreground.

pub use rollcall_ops::render::nginx::{Place, Settings};

use crate::account::Account;
use crate::guard::{Guard, Level};
use crate::process::Process;
use anyhow::{Context, Result};
use nix::sys::signal::Signal;
use rollcall_ops::nginx::{check, command};
use rollcall_ops::render::nginx::{FEW_CONNECTIONS, plain};
use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// A running nginx.
#[derive(Debug)]
pub struct Nginx {
    process: Process,
    port: u16,
    /// Worth telling whoever started it.
    pub notice: Option<String>,
}

impl Nginx {
    /// Renders the configuration into `directory` and starts nginx with all its files there. Blocks.
    pub fn start(
        settings: &Settings,
        directory: &Path,
        logs: &Path,
        static_files: &Path,
        guard: &Guard,
    ) -> Result<Self> {
        let account = Account::choose("www-data")?;
        let (home, notice) = account.passage(directory)?;
        // A copy, because the workers' account may not reach the checkout.
        copy_files(&static_files.join("docs"), &home.join("static/docs"))?;
        let configuration = home.join("nginx.conf");
        let place = Place {
            user: account.name()?,
            listen: format!("127.0.0.1:{}", settings.port),
            static_files: plain(&home.join("static"))?,
            access_log: plain(&logs.join("nginx-access.log"))?,
            home: plain(&home)?,
            connections: FEW_CONNECTIONS,
        };
        fs::write(&configuration, place.render(settings)?)?;
        let log = logs.join("nginx.log");
        check(&home, &configuration)?;
        let process =
            Process::spawn("nginx", command(&home, &configuration), &log, guard, Signal::SIGTERM, Level::Door)?;
        let nginx = Self { process, port: settings.port, notice };
        nginx.wait_until_ready()?;
        Ok(nginx)
    }

    /// Its address.
    pub fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The process.
    pub fn process(&self) -> &Process {
        &self.process
    }

    fn wait_until_ready(&self) -> Result<()> {
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            if self.process.exited().is_some() {
                return Err(self.process.failure("ended while it started"));
            }
            if start.elapsed() > Duration::from_secs(10) {
                return Err(self.process.failure("did not listen in time"));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

fn copy_files(from: &Path, to: &Path) -> Result<()> {
    crate::secrets::readable(to)?;
    let told = || from.display().to_string();
    for entry in fs::read_dir(from).with_context(told)? {
        let entry = entry?;
        let target: PathBuf = to.join(entry.file_name());
        fs::copy(entry.path(), target).with_context(told)?;
    }
    Ok(())
}
