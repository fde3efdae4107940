//! `rollcall-stack nginx`: the configuration that the package of the edge brings.

use crate::nginx::{Place, Settings};
use crate::topology::Topology;
use anyhow::Result;
use std::io::Write as _;

/// Prints it.
pub fn nginx() -> Result<()> {
    let topology = Topology::load()?;
    let ports = topology.services.iter().map(|(name, service)| (name.clone(), service.port)).collect();
    let settings = Settings::new(topology.nginx.port, ports);
    let text = Place::packaged(topology.nginx.port).render(&settings)?;
    Ok(writeln!(std::io::stdout().lock(), "{text}")?)
}
