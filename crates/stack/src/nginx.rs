//! nginx, the only door: rendered from `nginx/rollcall.conf.j2`, checked with `nginx -t`, run in the foreground.

use crate::account::Account;
use crate::guard::{Guard, Level};
use crate::process::Process;
use anyhow::{Context, Result, ensure};
use minijinja::{Environment, context};
use nix::sys::signal::Signal;
use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

const TEMPLATE: &str = include_str!("../../../nginx/rollcall.conf.j2");
/// Milliseconds a request may take, sent to the services whatever a client says.
const DEADLINE_MS: u32 = 10_000;

/// What the template is rendered with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where it listens on the loopback address.
    pub port: u16,
    /// Port of each service by name.
    pub services: BTreeMap<String, u16>,
    /// Requests per address on sign-in paths, in nginx's notation.
    pub sign_in_rate: String,
    /// How many may come at once above the rate.
    pub sign_in_burst: u32,
}

impl Settings {
    /// The rates of a real installation: an office behind one address may sign in together.
    pub fn new(port: u16, services: BTreeMap<String, u16>) -> Self {
        Self { port, services, sign_in_rate: "10r/s".to_owned(), sign_in_burst: 60 }
    }
}

/// A running nginx.
#[derive(Debug)]
pub struct Nginx {
    process: Process,
    port: u16,
    /// Worth telling whoever started it.
    pub notice: Option<String>,
}

/// An error that nginx itself answers, as a problem.
#[derive(Clone, Copy)]
struct Problem {
    from: u16,
    status: u16,
    code: &'static str,
    title: &'static str,
    detail: &'static str,
}

/// Codes and titles are those of the services where they mean the same.
const PROBLEMS: [Problem; 10] = [
    problem(
        400,
        400,
        "malformed_request",
        "The request cannot be understood",
        "Its syntax or its path is not one that is passed on.",
    ),
    problem(404, 404, "not_found", "Not found", "No service has this path."),
    problem(405, 405, "method_not_allowed", "The method is not allowed here", "This page can only be read."),
    problem(413, 413, "too_large", "The body is too large", "No endpoint takes a body of this size."),
    problem(414, 414, "uri_too_long", "The address is too long", "The request line has to be shorter."),
    problem(494, 431, "headers_too_large", "The headers are too large", "They have to fit into 8 KiB each."),
    problem(
        429,
        429,
        "too_many_requests",
        "Too many requests",
        "Sign-in is limited by address; try again in a second.",
    ),
    problem(
        502,
        502,
        "service_unreachable",
        "The service is not reachable",
        "It may be restarting; try again in a second.",
    ),
    problem(503, 503, "unavailable", "Something that is needed is not available right now", "Try again in a second."),
    problem(504, 504, "deadline_exceeded", "The time of the request ran out", "The service did not answer in time."),
];

const fn problem(from: u16, status: u16, code: &'static str, title: &'static str, detail: &'static str) -> Problem {
    Problem { from, status, code, title, detail }
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

/// Where nginx runs, in the words of its configuration.
#[derive(Clone, Debug)]
pub struct Place {
    /// Account of its workers; none where all of it runs as one.
    pub user: Option<String>,
    /// Where it listens.
    pub listen: String,
    /// Its own directory: process number, temporary files.
    pub home: String,
    /// Directory with `docs/`.
    pub static_files: String,
    /// Where requests are logged.
    pub access_log: String,
}

impl Place {
    /// Where the package puts it (`deploy/units/edge.service`).
    pub fn packaged(port: u16) -> Self {
        Self {
            user: None,
            listen: port.to_string(),
            home: "/run/rollcall-edge".to_owned(),
            static_files: "/usr/share/rollcall/edge".to_owned(),
            access_log: "syslog:server=unix:/run/systemd/journal/dev-log,nohostname,tag=rollcall_edge".to_owned(),
        }
    }

    /// nginx's configuration for `settings`.
    pub fn render(&self, settings: &Settings) -> Result<String> {
        let services: Vec<_> = settings.services.iter().map(|(name, port)| context! { name, port }).collect();
        let problems: Vec<_> = PROBLEMS
            .iter()
            .map(|&Problem { from, status, code, title, detail }| {
                let early = [400, 414, 494].contains(&from);
                let page = format!("{}{code}", if early { "/_problem/" } else { "@problem_" });
                context! { from, status, code, title, detail, early, page }
            })
            .collect();
        let notification = settings.services.get("notification");
        let mut environment = Environment::new();
        environment.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
        let context = context! {
            user => self.user.as_deref(),
            workers => 2,
            home => self.home.as_str(),
            static => self.static_files.as_str(),
            access_log => self.access_log.as_str(),
            listen => self.listen.as_str(),
            services,
            notification_port => notification.context("no notification service")?,
            sign_in_rate => settings.sign_in_rate.as_str(),
            sign_in_burst => settings.sign_in_burst,
            deadline_ms => DEADLINE_MS,
            problems,
        };
        environment.render_str(TEMPLATE, context).context("nginx/rollcall.conf.j2")
    }
}

/// A path as nginx's configuration takes it without quotes.
fn plain(path: &Path) -> Result<String> {
    let text = path.to_str().context("a path that is not UTF-8")?;
    let harmless = |c: char| !c.is_whitespace() && !c.is_control() && !"\"'\\;{}$#".contains(c);
    ensure!(
        text.chars().all(harmless),
        "nginx cannot take the path {text:?}: move the project to one without spaces and signs"
    );
    Ok(text.to_owned())
}

fn command(home: &Path, configuration: &Path) -> Command {
    let mut command = Command::new(program());
    // Standard error from the first line on: the packaged default is a file that only root may write.
    command.args(["-e", "stderr", "-p"]).arg(home).arg("-c").arg(configuration).current_dir(home);
    command
}

/// Debian keeps it out of the PATH of ordinary users.
fn program() -> PathBuf {
    let mut directories: Vec<PathBuf> =
        env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default();
    directories.extend(["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin", "/usr/local/bin"].map(PathBuf::from));
    let found = directories.into_iter().map(|directory| directory.join("nginx")).find(|program| program.is_file());
    found.unwrap_or_else(|| "nginx".into())
}

fn check(home: &Path, configuration: &Path) -> Result<()> {
    let output = command(home, configuration)
        .args(["-t", "-q"])
        .output()
        .context("could not run nginx; scripts/bootstrap installs it")?;
    ensure!(
        output.status.success(),
        "nginx refuses {}:\n{}",
        configuration.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
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
