//! `deploy/topology.toml`: who runs where, who calls whom, who hears which events.
//!
//! It is compiled in, so that a binary and the file it was built with cannot disagree, and it is checked in
//! full before anything starts: a misspelt peer would otherwise show as a 503 an hour later.

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

const FILE: &str = include_str!("../../../deploy/topology.toml");

/// The whole of the file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topology {
    /// The only door.
    pub nginx: Nginx,
    /// Every service by name.
    pub services: BTreeMap<String, Service>,
}

/// Where nginx listens.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nginx {
    /// TCP port.
    pub port: u16,
}

/// One service.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// TCP port on the loopback address.
    pub port: u16,
    /// Its database.
    pub database: String,
    /// Role that owns the database and runs migrations.
    pub owner: String,
    /// Role that serves requests.
    pub role: String,
    /// Services it calls.
    pub calls: Vec<String>,
    /// Event type prefixes it is sent, by the service that emits them.
    #[serde(default)]
    pub hears: BTreeMap<String, Vec<String>>,
}

impl Topology {
    /// The topology this program was built with.
    pub fn load() -> Result<Self> {
        Self::parse(FILE).context("deploy/topology.toml")
    }

    /// Reads and checks a topology.
    pub fn parse(text: &str) -> Result<Self> {
        let topology: Self = toml::from_str(text)?;
        topology.check()?;
        Ok(topology)
    }

    /// One service by name.
    pub fn service(&self, name: &str) -> Result<&Service> {
        self.services.get(name).with_context(|| format!("no service is called {name:?}"))
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

    fn check(&self) -> Result<()> {
        let mut ports = BTreeMap::from([(self.nginx.port, "nginx")]);
        let mut names_in_postgres = BTreeSet::new();
        for (name, service) in &self.services {
            if let Some(other) = ports.insert(service.port, name) {
                bail!("port {} is given to both {other} and {name}", service.port);
            }
            for identifier in [&service.database, &service.owner, &service.role] {
                ensure!(is_plain(identifier), "{name}: {identifier:?} is no plain SQL name");
            }
            ensure!(names_in_postgres.insert(&service.database), "{name} shares a database");
            ensure!(service.owner != service.role, "{name}: the role that serves must not own the tables");
            for peer in service.calls.iter().chain(service.hears.keys()) {
                ensure!(self.services.contains_key(peer), "{name} names an unknown service {peer:?}");
                ensure!(peer != name, "{name} names itself");
            }
            for (emitter, prefixes) in &service.hears {
                let own_events = prefixes.iter().all(|p| p.starts_with(&format!("{emitter}.")));
                ensure!(own_events && !prefixes.is_empty(), "{name}: events of {emitter} start with \"{emitter}.\"");
            }
        }
        self.deployment_order().map(drop)
    }
}

/// Identifiers go into SQL and shell commands unquoted; nothing else is let through.
fn is_plain(identifier: &str) -> bool {
    !identifier.is_empty()
        && identifier.len() <= 63
        && identifier.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(change: impl FnOnce(&mut toml::Table)) -> String {
        let mut table: toml::Table = toml::from_str(FILE).unwrap();
        change(&mut table);
        let text = toml::to_string(&table).unwrap();
        format!("{:#}", Topology::parse(&text).unwrap_err())
    }

    #[test]
    fn the_committed_file_holds_and_deploys_callees_first() {
        let topology = Topology::load().unwrap();
        let order = topology.deployment_order().unwrap();
        assert_eq!(order, ["user", "org", "attendance", "notification"]);
        assert_eq!(topology.subscribers("org").into_keys().collect::<Vec<_>>(), ["attendance", "notification"]);
    }

    #[test]
    fn a_service_knows_the_keys_of_those_who_call_it_or_send_it_events() {
        let topology = Topology::load().unwrap();
        let of_user = topology.acquaintances("user").unwrap();
        assert_eq!(of_user.into_iter().collect::<Vec<_>>(), ["attendance", "notification", "org"]);
    }

    #[test]
    fn a_circle_of_calls_is_refused() {
        let said = with(|t| t["services"]["user"]["calls"] = vec!["attendance".to_owned()].into());
        assert!(said.contains("circle"), "{said}");
    }

    #[test]
    fn an_unknown_peer_a_shared_port_and_an_unknown_key_are_refused() {
        let said = with(|t| t["services"]["org"]["calls"] = vec!["users".to_owned()].into());
        assert!(said.contains("unknown service \"users\""), "{said}");
        let said = with(|t| t["services"]["org"]["port"] = 8101.into());
        assert!(said.contains("port 8101 is given to both"), "{said}");
        let said = with(|t| drop(t.insert("prot".to_owned(), 1.into())));
        assert!(said.contains("prot"), "{said}");
    }
}
