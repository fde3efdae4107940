//! `rollcall-stack`: brings Rollcall up on this machine and checks what is generated.

use anyhow::Result;
use clap::{Parser, Subcommand};
use rollcall_stack::commands;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    /// Where data, logs and secrets of the running stack are.
    #[arg(long, global = true, default_value = ".run")]
    run_dir: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Starts the private PostgreSQL alone and prints its address: to look at data, to run diesel or psql.
    Database,
}

fn run(arguments: Arguments) -> Result<()> {
    match arguments.command {
        Command::Database => commands::database(&arguments.run_dir),
    }
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
