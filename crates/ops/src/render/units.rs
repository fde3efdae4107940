//! What the packaged systemd units do not know: addresses of other machines.
//!
//! The units that are shipped listen on the loopback address, on the ports of the compiled-in topology, and let nothing
//! out. Where the topology says otherwise, drop-ins do.

use crate::topology::Topology;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};

/// The drop-ins of the units of `service` on `host`: name of the unit and text.
pub fn drop_ins(topology: &Topology, service: &str, host: &str) -> Result<BTreeMap<String, String>> {
    let mut all = BTreeMap::new();
    let instances = topology.instances(service)?;
    let here = instances.iter().find(|at| at.host == host);
    let here = here.with_context(|| format!("{service} does not run on {host}"))?.address;
    if Some(here) != packaged(service) {
        // The first line takes the packaged address away.
        let text = format!("[Socket]\nListenStream=\nListenStream={here}\n");
        all.insert(format!("rollcall-{service}.socket"), text);
    }
    if topology.hosts.len() > 1 {
        let mut text = "[Service]\n".to_owned();
        for (name, host) in &topology.hosts {
            writeln!(text, "# {name}\nIPAddressAllow={}", host.address)?;
        }
        // Not the migration, which talks to the database alone.
        all.insert(format!("rollcall-{service}@.service"), text);
    }
    Ok(all)
}

/// Where the packaged socket listens; none where the topology that was built in has no such service.
fn packaged(service: &str) -> Option<SocketAddr> {
    let port = Topology::built_in().ok()?.service(service).ok()?.port;
    Some((Ipv4Addr::LOCALHOST, port).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packaged_units_are_enough_for_one_host_with_the_usual_ports() {
        let topology = Topology::built_in().unwrap();
        assert_eq!(drop_ins(&topology, "org", "localhost").unwrap(), BTreeMap::new());
        let moved = topology.on_ports(8080, &BTreeMap::from([("org".to_owned(), 9102)]));
        let expected = "[Socket]\nListenStream=\nListenStream=127.0.0.1:9102\n".to_owned();
        let expected = BTreeMap::from([("rollcall-org.socket".to_owned(), expected)]);
        assert_eq!(drop_ins(&moved, "org", "localhost").unwrap(), expected);
    }

    #[test]
    fn on_several_hosts_a_service_listens_on_its_address_and_may_reach_the_others() {
        let topology = Topology::parse("two.toml", include_str!("../topology/two_hosts.toml")).unwrap();
        let units = drop_ins(&topology, "attendance", "b").unwrap();
        assert!(units["rollcall-attendance.socket"].ends_with("\nListenStream=10.1.2.4:9103\n"));
        let service = &units["rollcall-attendance@.service"];
        assert!(service.contains("\nIPAddressAllow=10.1.2.3\n") && service.contains("\nIPAddressAllow=10.1.2.4\n"));
    }
}
