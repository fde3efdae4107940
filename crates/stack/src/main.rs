//! `rollcall-stack`: brings Rollcall up on this machine and checks what is generated.

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use rollcall_stack::commands;
use std::path::PathBuf;
use std::process::ExitCode;

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

fn run(arguments: Arguments) -> Result<()> {
    let run_dir = arguments.run_dir;
    match arguments.command {
        Command::Up { port } => block_on(commands::up(&run_dir, port)),
        Command::Demo { port } => block_on(commands::demo(&run_dir, port)),
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
