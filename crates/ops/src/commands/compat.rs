//! `rollcall compat SERVICE` and `rollcall migrations DIRECTORY…`.

use super::{REFUSED, complain, say};
use anyhow::{Context, Result, anyhow};
use clap::Args;
use rollcall_ops::compat::release::Release;
use rollcall_ops::http;
use rollcall_ops::migrations::{self, Version};
use rollcall_ops::topology::Topology;
use std::path::{Path, PathBuf};

#[derive(Args)]
pub(crate) struct Compat {
    /// The service that is to be released.
    service: String,
    /// Who runs where.
    #[arg(long, value_name = "FILE", default_value = "/etc/rollcall/topology/topology.toml")]
    topology: PathBuf,
    /// What the package of the service brings; /usr/share/rollcall/SERVICE if it is not said.
    #[arg(long, value_name = "DIRECTORY")]
    brought: Option<PathBuf>,
    /// The version that runs; what it says of itself if it is not said.
    #[arg(long, value_name = "VERSION")]
    running: Option<String>,
}

#[derive(Args)]
pub(crate) struct Migrations {
    /// Directories with a folder for each migration.
    #[arg(required = true, value_name = "DIRECTORY")]
    directories: Vec<PathBuf>,
    /// The version that runs, to which marked steps are held.
    #[arg(long, value_name = "VERSION")]
    running: Option<String>,
}

pub(crate) fn compat(arguments: &Compat) -> u8 {
    code(judge(arguments))
}

fn judge(arguments: &Compat) -> Result<bool> {
    let Compat { service, topology, brought, running } = arguments;
    let topology = Topology::read(topology)?;
    topology.service(service)?;
    let brought = brought.clone().unwrap_or_else(|| Path::new("/usr/share/rollcall").join(service));
    let release = Release { topology: &topology, service, brought: &brought, running: version(running.as_deref())? };
    let verdict = http::block_on(release.judge())??;
    for note in &verdict.notes {
        say(&format!("  {note}"));
    }
    for broken in &verdict.breaks {
        say(&format!("! {broken}"));
    }
    let well = verdict.breaks.is_empty();
    say(&format!("{service}: {}", if well { "nothing breaks" } else { "it breaks what runs" }));
    Ok(well)
}

pub(crate) fn migrations(arguments: &Migrations) -> u8 {
    code(look(arguments))
}

fn look(arguments: &Migrations) -> Result<bool> {
    let running = version(arguments.running.as_deref())?;
    let mut well = true;
    for directory in &arguments.directories {
        for finding in migrations::check_directory(directory, running)? {
            well = false;
            say(&format!("! {}/{finding}", directory.display()));
        }
    }
    Ok(well)
}

fn version(text: Option<&str>) -> Result<Option<Version>> {
    let parse =
        |text: &str| Version::parse(text).ok_or_else(|| anyhow!("no version, like 0.4.0")).context(text.to_owned());
    text.filter(|text| *text != "unknown").map(parse).transpose()
}

fn code(well: Result<bool>) -> u8 {
    match well {
        Ok(well) => u8::from(!well),
        Err(error) => {
            complain(&format_args!("{error:#}"));
            REFUSED
        }
    }
}
