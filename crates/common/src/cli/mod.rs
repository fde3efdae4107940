//! The command line that every service has, `serve | migrate | openapi | check-config | events | restored`,
//! and what one has besides.

pub mod events;

use crate::server::{self, Environment, Service};
use crate::settings::{self, Credentials, Loaded, Sources};
use crate::{db, restored, telemetry};
use anyhow::Context as _;
use clap::{Arg, ArgAction, ArgMatches, Command};
use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// Where a packaged installation has the secrets of its services, for root to read: a unit is told where systemd has put
/// its own, and an operator's command finds them here.
const CREDENTIALS: &str = "/etc/rollcall/credentials";
/// How long threads that are still busy after the stop are waited for.
const LAST_WAIT: Duration = Duration::from_secs(2);

/// Runs the command that the process was given. Errors go to standard error, one cause a line.
pub fn main<S: Service>() -> ExitCode {
    run::<S>(std::env::args_os())
}

/// Runs the command in `arguments`, which begin with the program's name.
pub fn run<S: Service>(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let matches = command::<S>().get_matches_from(arguments);
    let done = match matches.subcommand() {
        Some(("serve", options)) => load::<S>(options).and_then(serve::<S>),
        Some(("migrate", options)) => load::<S>(options).and_then(|loaded| migrate::<S>(&loaded)),
        Some(("openapi", options)) => openapi::<S>(options.get_flag("internal")),
        Some(("check-config", options)) => load::<S>(options).and_then(|loaded| check_config(&loaded)),
        Some((restored::NAME, options)) => load::<S>(options).and_then(|loaded| restored::run::<S>(&loaded, options)),
        Some((events::NAME, options)) => load::<S>(options).and_then(|loaded| events::run::<S>(&loaded.base, options)),
        Some((name, options)) => load::<S>(options).and_then(|loaded| own_command::<S>(loaded, name, options)),
        None => Err(anyhow::anyhow!("no such command")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("rollcall-{}: {error:#}", S::NAME);
            ExitCode::FAILURE
        }
    }
}

fn command<S: Service>() -> Command {
    let config = Arg::new("config")
        .long("config")
        .value_name("FILE")
        .value_parser(clap::value_parser!(PathBuf))
        .help(format!("settings file, instead of /etc/rollcall/topology/{0}.toml and /etc/rollcall/{0}.toml", S::NAME));
    let internal = Arg::new("internal").long("internal").action(ArgAction::SetTrue);
    let internal = internal.help("with what only other services may ask, and the events that they are told");
    Command::new("rollcall")
        .name(format!("rollcall-{}", S::NAME))
        .version(env!("CARGO_PKG_VERSION"))
        .subcommand_required(true)
        .subcommand(Command::new("serve").about("Serve until SIGTERM").arg(config.clone()))
        .subcommand(Command::new("migrate").about("Bring the database up to this binary").arg(config.clone()))
        .subcommand(Command::new("openapi").about("Print the OpenAPI description").arg(internal))
        .subcommand(Command::new("check-config").about("Check the settings and print them").arg(config.clone()))
        .subcommand(restored::command().arg(config.clone()))
        .subcommand(events::command().arg(config.clone().global(true)))
        .subcommands(S::commands().into_iter().map(|command| command.arg(config.clone().global(true))))
}

fn load<S: Service>(options: &ArgMatches) -> anyhow::Result<Loaded<S::Settings>> {
    let given = options.get_one::<PathBuf>("config").cloned();
    let installed = |folder: &str| {
        let file = PathBuf::from(format!("/etc/rollcall/{folder}{}.toml", S::NAME));
        (given.is_none() && file.exists()).then_some(file)
    };
    let (topology, file) = (installed("topology/"), installed(""));
    let sources = Sources {
        service: S::NAME,
        defaults: S::DEFAULTS,
        topology: topology.as_deref(),
        file: given.as_deref().or(file.as_deref()),
        environment: None,
    };
    // Only with the settings of this machine: a file that was named says itself where its secrets are.
    if file.is_none() {
        return Ok(settings::load(&sources)?);
    }
    let credentials = Credentials { directory: &Path::new(CREDENTIALS).join(S::NAME), own: S::CREDENTIALS };
    Ok(settings::load_installed(&sources, &credentials)?)
}

fn serve<S: Service>(loaded: Loaded<S::Settings>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(2).build()?;
    let traces = {
        let _entered = runtime.enter();
        telemetry::init(S::NAME, &loaded.base.telemetry.log)?
    };
    let served = runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let told_to_stop = async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        tokio::pin!(told_to_stop);
        // The start may wait long for a database, and has not answered anybody yet.
        let running = tokio::select! {
            running = server::start::<S>(loaded, Environment::real()) => running?,
            () = &mut told_to_stop => return Ok(()),
        };
        told_to_stop.await;
        running.stop().await
    });
    runtime.block_on(traces.flush());
    // A thread that still waits for a database that has vanished is not waited for.
    runtime.shutdown_timeout(LAST_WAIT);
    served
}

/// A command of the service's own. What it notices goes to standard error, what it answers to standard output.
fn own_command<S: Service>(loaded: Loaded<S::Settings>, name: &str, options: &ArgMatches) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(1).build()?;
    let answer = runtime.block_on(async {
        let service = server::prepare::<S>(loaded, Environment::real()).await?;
        service.command(name, options).await
    })?;
    writeln!(std::io::stdout().lock(), "{answer}")?;
    Ok(())
}

fn migrate<S: Service>(loaded: &Loaded<S::Settings>) -> anyhow::Result<()> {
    let url = loaded.base.database.owner_url.as_ref().context("setting `database.owner_url` is needed to migrate")?;
    let applied = db::migrate(url.expose(), S::MIGRATIONS)?;
    let mut out = std::io::stdout().lock();
    for name in &applied {
        writeln!(out, "applied {name}")?;
    }
    writeln!(out, "{} migrations applied", applied.len())?;
    Ok(())
}

fn openapi<S: Service>(internal: bool) -> anyhow::Result<()> {
    let document = if internal { server::openapi_with_internal::<S>() } else { server::openapi::<S>() };
    let document = serde_json::to_string_pretty(&document)?;
    writeln!(std::io::stdout().lock(), "{document}")?;
    Ok(())
}

fn check_config<T: serde::Serialize>(loaded: &Loaded<T>) -> anyhow::Result<()> {
    let text = toml::to_string_pretty(loaded).context("cannot print the settings")?;
    write!(std::io::stdout().lock(), "{text}")?;
    Ok(())
}
