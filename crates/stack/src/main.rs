//! `rollcall-stack`: brings Rollcall up on this machine and checks what is generated.

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use rollcall_stack::commands;
use std::path::PathBuf;
use std::process::ExitCode;
use url::Url;

#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    /// Where data, logs, mail and secrets of the running stack are.
    #[arg(long, global = true, default_value = ".run")]
    run_dir: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Brings everything up, with a demo company the first time, until Ctrl-C.
    Up {
        /// Port of nginx on this machine.
        #[arg(long, default_value_t = 8080)]
        port: u16,
    },
    /// Loads the demo company into the stack that runs.
    Demo {
        /// Port of nginx on this machine.
        #[arg(long, default_value_t = 8080)]
        port: u16,
    },
    /// Small companies at work on an installation, for as long as a release or a fault is tried; fails when a request
    /// failed or a punch was lost.
    Load(Load),
    /// Starts the private PostgreSQL alone and prints its address: to look at data, to run diesel or psql.
    Database,
    /// Compares the committed OpenAPI documents with the code.
    Openapi(Mode),
    /// Runs all migrations up, down and up, and compares the committed tables with the database.
    Schema(Mode),
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct Mode {
    /// Fails when a committed file is stale.
    #[arg(long)]
    check: bool,
    /// Writes the files.
    #[arg(long)]
    write: bool,
}

#[derive(Args)]
struct Load {
    /// The address of nginx.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    url: Url,
    /// Requests a second.
    #[arg(long, default_value_t = 300.0)]
    rate: f64,
    /// Open streams.
    #[arg(long, default_value_t = 200)]
    streams: usize,
    /// People at work. Each signs up and in, which nginx limits.
    #[arg(long, default_value_t = 20)]
    people: usize,
    /// At most so long.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// A file that is made when work begins; work ends when somebody removes it.
    #[arg(long)]
    flag: Option<PathBuf>,
    /// Punches may go unanswered, reads may not.
    #[arg(long)]
    forgive_punches: bool,
}

impl From<Load> for commands::LoadPlan {
    fn from(load: Load) -> Self {
        let Load { url, rate, streams, people, seconds, flag, forgive_punches } = load;
        Self { url, rate, streams, people, seconds, flag, forgive_punches }
    }
}

fn run(arguments: Arguments) -> Result<()> {
    let run_dir = arguments.run_dir;
    match arguments.command {
        Command::Up { port } => block_on(commands::up(&run_dir, port)),
        Command::Demo { port } => block_on(commands::demo(&run_dir, port)),
        Command::Load(load) => block_on(commands::load(load.into())),
        Command::Database => commands::database(&run_dir),
        Command::Openapi(mode) => commands::openapi(mode.write),
        Command::Schema(mode) => commands::schema(mode.write),
    }
}

/// Does not wait for threads that still block, e.g. on a service that is starting when Ctrl-C comes: when this
/// process has ended, its reaper stops what it started.
fn block_on(work: impl Future<Output = Result<()>>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let outcome = runtime.block_on(work);
    runtime.shutdown_background();
    outcome
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
