//! `deploy/topology.toml`: who runs where, who calls whom, who hears which events.
//!
//! It is compiled in, so that a binary and the file it was built with cannot disagree; an installation has its own in
//! `/etc/rollcall/topology.toml`. It is checked in full before anything starts or changes: a misspelt peer would
//! otherwise show as a 503 an hour later.

mod check;

pub use check::{Finding, Refused};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

/// Where the compiled-in file is, for messages.
const FILE: &str = "deploy/topology.toml";
const TEXT: &str = include_str!("../../../../deploy/topology.toml");
/// The host that there is where the file names none.
const ONLY_HOST: &str = "localhost";

/// The whole of the file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topology {
    /// The machines by name. None named: everything runs on one, and nothing leaves its loopback address.
    #[serde(default = "only_host")]
    pub hosts: BTreeMap<String, Host>,
    /// The only door.
    pub nginx: Nginx,
    /// Every service by name.
    pub services: BTreeMap<String, Service>,
}

/// A machine.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Host {
    /// Where its services listen, and from where they call.
    pub address: IpAddr,
}

/// Where nginx listens, and how it rations sign-in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nginx {
    /// TCP port, on every address of its hosts.
    pub port: u16,
    /// On which hosts there is one; on all of them if it is not said.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Requests per address on sign-in paths, in nginx's notation. An office behind one address may sign in together.
    #[serde(default = "sign_in_rate")]
    pub sign_in_rate: String,
    /// How many of them may come at once above the rate.
    #[serde(default = "sign_in_burst")]
    pub sign_in_burst: u32,
    /// Addresses and networks of what stands before it and ends TLS, whose `X-Forwarded-For` is believed.
    #[serde(default)]
    pub proxies: Vec<String>,
    /// Worker processes.
    #[serde(default = "workers")]
    pub workers: u16,
}

/// One service.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// TCP port, where an instance does not say another.
    pub port: u16,
    /// Its database.
    pub database: String,
    /// Role that owns the database and runs migrations.
    pub owner: String,
    /// Role that serves requests.
    pub role: String,
    /// Where it runs; on the one host if it is not said.
    #[serde(default)]
    pub instances: Vec<Instance>,
    /// Its Ed25519 public key, base64url, for hosts that do not have its private one.
    #[serde(default)]
    pub public_key: Option<String>,
    /// Services it calls.
    pub calls: Vec<String>,
    /// Event type prefixes it is sent, by the service that emits them.
    #[serde(default)]
    pub hears: BTreeMap<String, Vec<String>>,
}

/// One of the places where a service runs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instance {
    /// Name of the machine.
    pub host: String,
    /// TCP port there, where it is not the service's.
    #[serde(default)]
    pub port: Option<u16>,
}

/// Where an instance listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At<'a> {
    /// Name of the machine.
    pub host: &'a str,
    /// Its address and the port there.
    pub address: SocketAddr,
}

fn only_host() -> BTreeMap<String, Host> {
    BTreeMap::from([(ONLY_HOST.to_owned(), Host { address: IpAddr::V4(Ipv4Addr::LOCALHOST) })])
}

fn sign_in_rate() -> String {
    "10r/s".to_owned()
}

const fn sign_in_burst() -> u32 {
    60
}

const fn workers() -> u16 {
    2
}

impl Topology {
    /// The topology this program was built with.
    pub fn built_in() -> Result<Self> {
        Self::parse(FILE, TEXT)
    }

    /// What the compiled-in file says, for an installation that begins with it.
    pub const fn built_in_text() -> &'static str {
        TEXT
    }

    /// Reads and checks a file.
    pub fn read(file: &Path) -> Result<Self> {
        let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
        Self::parse(&file.display().to_string(), &text)
    }

    /// Reads and checks a topology; `file` is its name in messages.
    pub fn parse(file: &str, text: &str) -> Result<Self> {
        let topology: Self = toml::from_str(text).with_context(|| file.to_owned())?;
        let findings = topology.findings();
        if findings.is_empty() { Ok(topology) } else { Err(Refused { file: file.to_owned(), findings }.into()) }
    }

    /// The same on other ports, all on the one host: where several stacks share a machine.
    #[must_use]
    pub fn on_ports(&self, nginx: u16, ports: &BTreeMap<String, u16>) -> Self {
        let mut moved = self.clone();
        moved.nginx.port = nginx;
        for (name, port) in ports {
            if let Some(service) = moved.services.get_mut(name) {
                service.port = *port;
            }
        }
        moved
    }

    /// One service by name.
    pub fn service(&self, name: &str) -> Result<&Service> {
        self.services.get(name).with_context(|| format!("no service is called {name:?}"))
    }

    /// Where the instances of a service listen, in the order of the file.
    pub fn instances(&self, name: &str) -> Result<Vec<At<'_>>> {
        let service = self.service(name)?;
        Ok(self.places(service).filter_map(|(host, port)| self.at(host, port)).collect())
    }

    /// Names of the hosts that have an nginx.
    pub fn doors(&self) -> Vec<&str> {
        if self.nginx.hosts.is_empty() {
            return self.hosts.keys().map(String::as_str).collect();
        }
        self.nginx.hosts.iter().map(String::as_str).collect()
    }

    /// Names of the services that run on `host`.
    pub fn services_on(&self, host: &str) -> Vec<&str> {
        let here = |service: &Service| self.places(service).any(|(place, _)| place == host);
        self.services.iter().filter(|(_, service)| here(service)).map(|(name, _)| name.as_str()).collect()
    }

    /// Host and port of each instance, known or not.
    fn places<'a>(&'a self, service: &'a Service) -> impl Iterator<Item = (&'a str, u16)> {
        let own = service.instances.iter().map(|one| (one.host.as_str(), one.port.unwrap_or(service.port)));
        let only = self.hosts.keys().filter(|_| service.instances.is_empty() && self.hosts.len() == 1);
        own.chain(only.map(|host| (host.as_str(), service.port)))
    }

    fn at<'a>(&self, host: &'a str, port: u16) -> Option<At<'a>> {
        let address = self.hosts.get(host)?.address;
        Some(At { host, address: SocketAddr::new(address, port) })
    }

    /// Names in the order of deployment: who is called comes before who calls, alphabetical otherwise.
    pub fn deployment_order(&self) -> Result<Vec<&str>> {
        let mut order: Vec<&str> = Vec::new();
        while order.len() < self.services.len() {
            let next = self.services.iter().find(|(name, service)| {
                !order.contains(&name.as_str()) && service.calls.iter().all(|called| order.contains(&called.as_str()))
            });
            let Some((name, _)) = next else {
                let circle: Vec<_> = self.services.keys().filter(|name| !order.contains(&name.as_str())).collect();
                bail!("calls form a circle among {circle:?}");
            };
            order.push(name);
        }
        Ok(order)
    }

    /// Who is sent events by `emitter`, with the prefixes of their types.
    pub fn subscribers(&self, emitter: &str) -> BTreeMap<&str, &[String]> {
        self.services
            .iter()
            .filter_map(|(name, service)| {
                service.hears.get(emitter).map(|prefixes| (name.as_str(), prefixes.as_slice()))
            })
            .collect()
    }

    /// Every service whose address or key `name` needs: who it calls, whose events it is sent, to whom it sends
    /// events, who calls it.
    pub fn acquaintances(&self, name: &str) -> Result<BTreeSet<&str>> {
        let service = self.service(name)?;
        let own = service.calls.iter().chain(service.hears.keys());
        let others = self.services.iter().filter_map(|(other, theirs)| {
            let knows = theirs.calls.iter().chain(theirs.hears.keys());
            knows.into_iter().any(|known| known == name).then_some(other)
        });
        Ok(own.chain(others).map(String::as_str).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_file_holds_and_deploys_callees_first() {
        let topology = Topology::built_in().unwrap();
        let order = topology.deployment_order().unwrap();
        assert_eq!(order, ["user", "org", "attendance", "notification"]);
        assert_eq!(topology.subscribers("org").into_keys().collect::<Vec<_>>(), ["attendance", "notification"]);
    }

    #[test]
    fn a_service_knows_the_keys_of_those_who_call_it_or_send_it_events() {
        let topology = Topology::built_in().unwrap();
        let of_user = topology.acquaintances("user").unwrap();
        assert_eq!(of_user.into_iter().collect::<Vec<_>>(), ["attendance", "notification", "org"]);
    }

    #[test]
    fn a_file_that_names_no_host_means_one_and_its_loopback_address() {
        let topology = Topology::built_in().unwrap();
        let at = topology.instances("user").unwrap();
        assert_eq!(at, [At { host: "localhost", address: ([127, 0, 0, 1], 8101).into() }]);
        assert_eq!(topology.doors(), ["localhost"]);
        assert_eq!(topology.services_on("localhost"), ["attendance", "notification", "org", "user"]);
    }

    #[test]
    fn instances_are_where_the_file_says_on_the_port_of_their_service_or_their_own() {
        let topology = Topology::parse("two.toml", include_str!("two_hosts.toml")).unwrap();
        let at: Vec<_> = topology.instances("attendance").unwrap().iter().map(|at| at.address.to_string()).collect();
        assert_eq!(at, ["10.1.2.3:8103", "10.1.2.4:9103"]);
        assert_eq!(topology.doors(), ["a"]);
        assert_eq!(topology.services_on("b"), ["attendance", "notification"]);
    }
}
