//! The settings of a service that follow from the topology.

use crate::topology::{At, Topology};
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use toml::{Table, Value};

/// Whose `X-Forwarded-For` is believed where nginx is on the same machine (`common/config/base.toml`).
const LOOPBACK: [&str; 2] = ["127.0.0.0/8", "::1/128"];

/// The settings of the instance of `service` on `host`: where it listens, whom it knows by which key, to whom its events
/// go. `keys` are the public keys of all.
pub fn settings(topology: &Topology, service: &str, host: &str, keys: &BTreeMap<String, String>) -> Result<Table> {
    let mut settings = Table::new();
    let instances = topology.instances(service)?;
    let here = instances.iter().find(|at| at.host == host);
    let here = here.with_context(|| format!("{service} does not run on {host}"))?;
    set(&mut settings, "server.listen", here.address.to_string());
    let others: Vec<&str> = topology.hosts.keys().map(String::as_str).filter(|name| *name != host).collect();
    if !others.is_empty() {
        let networks = topology.hosts.values().map(|host| network(host.address));
        let networks: Vec<String> = LOOPBACK.iter().map(|&own| own.to_owned()).chain(networks).collect();
        let doors = topology.doors().into_iter().filter_map(|door| topology.hosts.get(door));
        let proxies = LOOPBACK.iter().map(|&own| own.to_owned()).chain(doors.map(|door| network(door.address)));
        set(&mut settings, "limits.proxies", proxies.collect::<Vec<_>>());
        set(&mut settings, "telemetry.watchers", networks);
    }
    let keys_of_tokens = nearest(&topology.instances("user")?, host).context("user runs nowhere")?;
    set(&mut settings, "auth.jwks_url", format!("http://{keys_of_tokens}/.well-known/jwks.json"));
    for peer in topology.acquaintances(service)? {
        let key = keys.get(peer).with_context(|| format!("{service} needs the public key of {peer}"))?;
        set(&mut settings, &format!("peers.{peer}.public_key"), key.as_str());
        let urls: Vec<String> = topology.instances(peer)?.iter().map(|at| format!("http://{}", at.address)).collect();
        match urls.as_slice() {
            [url] => set(&mut settings, &format!("peers.{peer}.url"), url.as_str()),
            _ => set(&mut settings, &format!("peers.{peer}.urls"), urls),
        }
    }
    for (subscriber, prefixes) in topology.subscribers(service) {
        set(&mut settings, &format!("events.subscribers.{subscriber}"), prefixes.to_vec());
    }
    Ok(settings)
}

/// An instance on `host`, or the first: the keys of tokens are read seldom, and old ones stand in while it is away.
fn nearest(instances: &[At<'_>], host: &str) -> Option<SocketAddr> {
    let here = instances.iter().find(|at| at.host == host);
    here.or(instances.first()).map(|at| at.address)
}

fn network(address: std::net::IpAddr) -> String {
    format!("{address}/{}", if address.is_ipv4() { 32 } else { 128 })
}

/// Sets a value by its dotted path.
pub fn set(settings: &mut Table, path: &str, value: impl Into<Value>) {
    match path.split_once('.') {
        None => drop(settings.insert(path.to_owned(), value.into())),
        Some((section, rest)) => {
            let entry = settings.entry(section).or_insert_with(|| Value::Table(Table::new()));
            if !entry.is_table() {
                *entry = Value::Table(Table::new());
            }
            if let Value::Table(inner) = entry {
                set(inner, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> BTreeMap<String, String> {
        let names = ["user", "org", "attendance", "notification"];
        names.map(|name| (name.to_owned(), format!("key of {name}"))).into()
    }

    #[test]
    fn on_one_host_everybody_is_on_the_loopback_address() {
        let topology = Topology::built_in().unwrap();
        let org = settings(&topology, "org", "localhost", &keys()).unwrap();
        let expected: Table = toml::from_str(
            r#"
            server.listen = "127.0.0.1:8102"
            auth.jwks_url = "http://127.0.0.1:8101/.well-known/jwks.json"
            [peers]
            attendance = { public_key = "key of attendance", url = "http://127.0.0.1:8103" }
            notification = { public_key = "key of notification", url = "http://127.0.0.1:8104" }
            user = { public_key = "key of user", url = "http://127.0.0.1:8101" }
            [events.subscribers]
            attendance = ["org.org.", "org.unit.", "org.site.", "org.employee.", "org.holiday_calendar.", "org.delegation."]
            notification = ["org."]
            "#,
        )
        .unwrap();
        assert_eq!(org, expected);
    }

    #[test]
    fn a_peer_with_several_instances_is_told_with_all_of_them() {
        let topology = Topology::parse("two.toml", include_str!("../topology/two_hosts.toml")).unwrap();
        let notification = settings(&topology, "notification", "b", &keys()).unwrap();
        let urls = vec!["http://10.1.2.3:8103".to_owned(), "http://10.1.2.4:9103".to_owned()];
        assert_eq!(notification["peers"]["attendance"]["urls"], Value::from(urls));
        assert!(notification["peers"]["attendance"].get("url").is_none());
        assert_eq!(notification["server"]["listen"].as_str(), Some("10.1.2.4:8104"));
        let proxies = ["127.0.0.0/8", "::1/128", "10.1.2.3/32"].map(str::to_owned).to_vec();
        assert_eq!(notification["limits"]["proxies"], Value::from(proxies), "nginx is on a alone");
        assert!(settings(&topology, "notification", "a", &keys()).is_err(), "it does not run there");
    }
}
