//! `rollcall`: topology, compatibility and state of an installation.

mod commands;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "rollcall", version, about = "Topology, compatibility and state of an installation of Rollcall")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Who runs where: check, render and apply it.
    #[command(subcommand)]
    Topology(commands::topology::Command),
    /// Whether the installed release of a service breaks what runs. 0: nothing breaks, 1: something does, 2: not known.
    Compat(commands::compat::Compat),
    /// Whether migrations break the version that runs. 0: none does, 1: one does, 2: not known.
    Migrations(commands::compat::Migrations),
    /// How every instance is. 0: well, 1: something is not.
    Status(commands::status::Status),
}

fn main() -> ExitCode {
    let code = match Arguments::parse().command {
        Command::Topology(command) => commands::topology::run(command),
        Command::Compat(arguments) => commands::compat::compat(&arguments),
        Command::Migrations(arguments) => commands::compat::migrations(&arguments),
        Command::Status(arguments) => commands::status::run(&arguments),
    };
    ExitCode::from(code)
}
