//! `rollcall status`.

use super::{REFUSED, complain, say};
use anyhow::Result;
use clap::Args;
use rollcall_ops::topology::Topology;
use rollcall_ops::{apply, http, status};
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct Status {
    /// Who runs where.
    #[arg(long, value_name = "FILE", default_value = "/etc/rollcall/topology/topology.toml")]
    topology: PathBuf,
    /// Which of the hosts in it this machine is, whose nginx is asked.
    #[arg(long, value_name = "NAME")]
    host: Option<String>,
    /// For programs: one JSON object.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Status) -> u8 {
    match tell(arguments) {
        Ok(well) => u8::from(!well),
        Err(error) => {
            complain(&format_args!("{error:#}"));
            REFUSED
        }
    }
}

fn tell(arguments: &Status) -> Result<bool> {
    let topology = Topology::read(&arguments.topology)?;
    // Another machine may look on: it has no nginx to be asked.
    let host = match &arguments.host {
        Some(said) => Some(apply::host_of(&topology, Some(said))?),
        None => apply::host_of(&topology, None).ok(),
    };
    let status = http::block_on(status::ask(&topology, host.as_deref()))??;
    let text = if arguments.json { serde_json::to_string_pretty(&status)? } else { status.to_string() };
    say(&text);
    Ok(status.well)
}
