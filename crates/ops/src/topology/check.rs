//! The rules of a topology. All that is wrong is said at once, each with its key and its value.

use super::{Service, Topology};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

/// What nginx passes paths to that are not below `/api/<service>/`.
const NEEDED: [(&str, &str); 2] = [("user", "/.well-known/"), ("notification", "/s/ and streams")];
/// Names that a file beside the settings of the services has, or a word of the commands.
const RESERVED: [&str; 4] = ["topology", "nginx", "edge", "deploy"];
/// The packaged unit has room for 64 tasks, and while nginx takes over a configuration there are twice as many workers.
const MOST_WORKERS: u16 = 24;
/// Names become those of files, accounts, databases and upstreams.
const NAME_LENGTH: usize = 32;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Dotted path of the key.
    pub key: String,
    /// What it says there, as TOML.
    pub value: String,
    /// What is wrong with it.
    pub why: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` = {}: {}", self.key, self.value, self.why)
    }
}

/// A file that breaks rules.
#[derive(Debug, thiserror::Error)]
#[error("{}", lines(.file, .findings))]
pub struct Refused {
    /// Its name.
    pub file: String,
    /// What is wrong, in the order of the file's keys.
    pub findings: Vec<Finding>,
}

fn lines(file: &str, findings: &[Finding]) -> String {
    findings.iter().map(|finding| format!("{file}: {finding}")).collect::<Vec<_>>().join("\n")
}

impl Topology {
    /// Everything that is wrong with it.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let mut all = Vec::new();
        self.check_hosts(&mut all);
        self.check_nginx(&mut all);
        for (name, service) in &self.services {
            check_name(name, service, &mut all);
            self.check_instances(name, service, &mut all);
            self.check_knowledge(name, service, &mut all);
        }
        self.check_ports(&mut all);
        self.check_databases(&mut all);
        for (name, paths) in NEEDED {
            if !self.services.contains_key(name) {
                all.push(finding("services", "…", &format!("there is no {name}, to which nginx passes {paths}")));
            }
        }
        if let (true, Err(circle)) = (all.is_empty(), self.deployment_order()) {
            all.push(finding("services.*.calls", "…", &circle.to_string()));
        }
        all
    }

    fn check_hosts(&self, all: &mut Vec<Finding>) {
        let mut seen = BTreeMap::new();
        if self.hosts.is_empty() {
            all.push(finding("hosts", "{}", "leave it out, or name one"));
        }
        for (name, host) in &self.hosts {
            let key = format!("hosts.{name}");
            if !is_word(name, |byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-') {
                all.push(finding(&key, "…", "a host's name has small letters, digits and hyphens"));
            }
            let (key, value) = (format!("{key}.address"), quoted(&host.address.to_string()));
            if host.address.is_unspecified() || host.address.is_multicast() {
                all.push(finding(&key, &value, "nobody can be reached there"));
            }
            if host.address.is_loopback() && self.hosts.len() > 1 {
                all.push(finding(&key, &value, "the other hosts cannot reach it there"));
            }
            if let Some(other) = seen.insert(host.address, name) {
                all.push(finding(&key, &value, &format!("it is the address of host {other} too")));
            }
        }
    }

    fn check_nginx(&self, all: &mut Vec<Finding>) {
        let value = list(&self.nginx.hosts);
        let mut seen = BTreeSet::new();
        for host in &self.nginx.hosts {
            if !self.hosts.contains_key(host) {
                all.push(finding("nginx.hosts", &value, &format!("no host is called {host:?}")));
            }
            if !seen.insert(host) {
                all.push(finding("nginx.hosts", &value, &format!("{host} is named twice")));
            }
        }
        // The rest of its syntax is for nginx to judge; what would end the directive is not let through.
        let rate = &self.nginx.sign_in_rate;
        if !is_word(rate, |byte| byte.is_ascii_alphanumeric() || byte == b'/') {
            all.push(finding("nginx.sign_in_rate", &quoted(rate), "it is a number and r/s or r/m"));
        }
        let value = list(&self.nginx.proxies);
        for proxy in &self.nginx.proxies {
            if let Some(why) = no_proxy(proxy) {
                all.push(finding("nginx.proxies", &value, &format!("{proxy:?} {why}")));
            }
        }
        if !(1..=MOST_WORKERS).contains(&self.nginx.workers) {
            let why = format!("it is one for each processor that nginx may use, {MOST_WORKERS} at most");
            all.push(finding("nginx.workers", &self.nginx.workers.to_string(), &why));
        }
    }

    fn check_instances(&self, name: &str, service: &Service, all: &mut Vec<Finding>) {
        let key = format!("services.{name}.instances");
        let hosts: Vec<&str> = service.instances.iter().map(|one| one.host.as_str()).collect();
        let value = list(&hosts);
        if hosts.is_empty() && self.hosts.len() > 1 {
            all.push(finding(&key, "[]", "there are several hosts, so it has to be said on which it runs"));
        }
        let mut seen = BTreeSet::new();
        for host in hosts {
            if !self.hosts.contains_key(host) {
                all.push(finding(&key, &value, &format!("no host is called {host:?}")));
            }
            if !seen.insert(host) {
                let why =
                    format!("{host} is named twice: a service has one socket on a host, which its programs share");
                all.push(finding(&key, &value, &why));
            }
        }
        if let Some(public) = &service.public_key
            && URL_SAFE_NO_PAD.decode(public).map_or(0, |bytes| bytes.len()) != 32
        {
            let key = format!("services.{name}.public_key");
            all.push(finding(&key, &quoted(public), "no Ed25519 public key in base64url, of 43 signs"));
        }
    }

    fn check_knowledge(&self, name: &str, service: &Service, all: &mut Vec<Finding>) {
        let calls = format!("services.{name}.calls");
        for called in &service.calls {
            if let Some(why) = self.stranger(name, called) {
                all.push(finding(&calls, &list(&service.calls), &why));
            }
        }
        for (emitter, prefixes) in &service.hears {
            let key = format!("services.{name}.hears.{emitter}");
            let value = list(prefixes);
            if let Some(why) = self.stranger(name, emitter) {
                all.push(finding(&key, &value, &why));
            }
            if prefixes.is_empty() {
                all.push(finding(&key, &value, "nothing is heard: leave it out"));
            }
            if prefixes.iter().any(|prefix| !prefix.starts_with(&format!("{emitter}."))) {
                all.push(finding(&key, &value, &format!("events of {emitter} start with \"{emitter}.\"")));
            }
        }
    }

    fn stranger(&self, name: &str, other: &str) -> Option<String> {
        if other == name {
            return Some("it names itself".to_owned());
        }
        (!self.services.contains_key(other)).then(|| format!("no service is called {other:?}"))
    }

    fn check_ports(&self, all: &mut Vec<Finding>) {
        let mut taken: BTreeMap<(&str, u16), &str> = BTreeMap::new();
        for host in self.doors() {
            taken.insert((host, self.nginx.port), "nginx");
        }
        let zero = |key: &str| finding(key, "0", "a port that changes with every start cannot be told to anybody");
        if self.nginx.port == 0 {
            all.push(zero("nginx.port"));
        }
        for (name, service) in &self.services {
            for (host, port) in self.places(service) {
                let key = format!("services.{name}.port");
                if port == 0 {
                    all.push(zero(&key));
                } else if let Some(other) = taken.insert((host, port), name)
                    && other != name
                {
                    all.push(finding(&key, &port.to_string(), &format!("{other} has this port on {host}")));
                }
            }
        }
    }

    fn check_databases(&self, all: &mut Vec<Finding>) {
        let mut databases: BTreeMap<&str, &str> = BTreeMap::new();
        let mut roles: BTreeMap<&str, String> = BTreeMap::new();
        for (name, service) in &self.services {
            let identifiers = [("database", &service.database), ("owner", &service.owner), ("role", &service.role)];
            for (what, identifier) in identifiers {
                let key = format!("services.{name}.{what}");
                if !is_plain(identifier) {
                    let why = "no plain SQL name: small letters, digits and _, at most 63";
                    all.push(finding(&key, &quoted(identifier), why));
                }
                if what == "database" {
                    if let Some(other) = databases.insert(identifier, name) {
                        all.push(finding(&key, &quoted(identifier), &format!("it is {other}'s database too")));
                    }
                } else if let Some(other) = roles.insert(identifier, key.clone()) {
                    // The role that serves must not own the tables, and nobody else's.
                    all.push(finding(&key, &quoted(identifier), &format!("`{other}` is the same role")));
                }
            }
        }
    }
}

fn check_name(name: &str, service: &Service, all: &mut Vec<Finding>) {
    let key = format!("services.{name}");
    if !is_word(name, |byte| byte.is_ascii_lowercase()) || name.len() > NAME_LENGTH {
        all.push(finding(&key, "…", "a service's name has at most 32 small letters, and nothing else"));
    }
    if RESERVED.contains(&name) {
        all.push(finding(&key, "…", "the name means something else already"));
    }
    let mut seen = BTreeSet::new();
    if let Some(twice) = service.calls.iter().find(|called| !seen.insert(*called)) {
        all.push(finding(&format!("{key}.calls"), &list(&service.calls), &format!("{twice} is named twice")));
    }
}

/// Why something is no address or network of proxies.
fn no_proxy(text: &str) -> Option<&'static str> {
    let (address, length) = text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
    let Ok(address) = address.parse::<IpAddr>() else { return Some("is no address or network") };
    let longest = if address.is_ipv4() { 32 } else { 128 };
    match length.map(str::parse::<u8>) {
        Some(Ok(0)) => Some("is everybody, who could then say to be anybody"),
        Some(Ok(length)) if length <= longest => None,
        Some(_) => Some("is no address or network"),
        None => None,
    }
}

fn finding(key: &str, value: &str, why: &str) -> Finding {
    Finding { key: key.to_owned(), value: value.to_owned(), why: why.to_owned() }
}

fn quoted(text: &str) -> String {
    format!("{text:?}")
}

fn list(names: &[impl AsRef<str>]) -> String {
    let names: Vec<String> = names.iter().map(|name| quoted(name.as_ref())).collect();
    format!("[{}]", names.join(", "))
}

fn is_word(text: &str, may: impl Fn(u8) -> bool) -> bool {
    !text.is_empty() && text.bytes().all(may)
}

/// Identifiers go into SQL and shell commands unquoted; nothing else is let through.
fn is_plain(identifier: &str) -> bool {
    identifier.len() <= 63 && is_word(identifier, |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use toml::{Table, Value};

    fn refused(text: &str, change: impl FnOnce(&mut Table)) -> String {
        let mut table: Table = toml::from_str(text).unwrap();
        change(&mut table);
        format!("{:#}", Topology::parse("t.toml", &toml::to_string(&table).unwrap()).unwrap_err())
    }

    fn one(change: impl FnOnce(&mut Table)) -> String {
        refused(Topology::built_in_text(), change)
    }

    fn two(change: impl FnOnce(&mut Table)) -> String {
        refused(include_str!("two_hosts.toml"), change)
    }

    fn value(text: &str) -> Value {
        toml::from_str::<Table>(&format!("x = {text}")).unwrap()["x"].clone()
    }

    /// Each rule, by a file that breaks it and no other.
    #[test]
    fn what_breaks_a_rule_is_refused_with_file_key_and_value() {
        let set = |path: &'static str, new: &'static str| {
            move |table: &mut Table| crate::render::settings::set(table, path, value(new))
        };
        for (said, expected) in [
            (
                one(set("services.org.calls", "['users']")),
                "t.toml: `services.org.calls` = [\"users\"]: no service is called \"users\"",
            ),
            (one(set("services.org.calls", "['org']")), "it names itself"),
            (one(set("services.org.calls", "['user', 'user']")), "user is named twice"),
            (
                one(set("services.user.calls", "['attendance']")),
                "calls form a circle among [\"attendance\", \"notification\", \"org\", \"user\"]",
            ),
            (
                one(set("services.org.port", "8101")),
                "t.toml: `services.user.port` = 8101: org has this port on localhost",
            ),
            (one(set("services.org.port", "8080")), "nginx has this port on localhost"),
            (one(set("services.org.port", "0")), "a port that changes"),
            (
                one(set("services.org.hears.users", "['users.']")),
                "`services.org.hears.users` = [\"users.\"]: no service",
            ),
            (one(set("services.org.hears.user", "['session.']")), "events of user start with \"user.\""),
            (one(set("services.org.hears.user", "[]")), "nothing is heard"),
            (one(set("services.org.database", "'rollcall_user'")), "it is org's database too"),
            (one(set("services.org.role", "'rollcall_org_owner'")), "`services.org.owner` is the same role"),
            (one(set("services.org.role", "'a; DROP'")), "no plain SQL name"),
            (one(set("services.org.public_key", "'abc'")), "`services.org.public_key` = \"abc\": no Ed25519"),
            (one(set("nginx.sign_in_rate", "'1r/s; x'")), "`nginx.sign_in_rate`"),
            (
                one(set("nginx.proxies", "['10.0.0.1', 'proxy']")),
                "t.toml: `nginx.proxies` = [\"10.0.0.1\", \"proxy\"]: \"proxy\" is no address or network",
            ),
            (one(set("nginx.proxies", "['10.0.0.0/33']")), "\"10.0.0.0/33\" is no address or network"),
            (one(set("nginx.proxies", "['0.0.0.0/0']")), "\"0.0.0.0/0\" is everybody"),
            (one(set("nginx.workers", "0")), "`nginx.workers` = 0: it is one for each processor"),
            (one(set("hosts.a.address", "'0.0.0.0'")), "nobody can be reached there"),
            (two(set("hosts.a.address", "'10.1.2.4'")), "it is the address of host a too"),
            (two(set("hosts.a.address", "'127.0.0.1'")), "the other hosts cannot reach it"),
            (two(set("hosts.A_", "{ address = '10.1.2.9' }")), "`hosts.A_`"),
            (two(set("nginx.hosts", "['c']")), "no host is called \"c\""),
            (two(set("nginx.hosts", "['a', 'a']")), "a is named twice"),
            (two(set("services.user.instances", "[]")), "there are several hosts"),
            (two(set("services.user.instances", "[{ host = 'c' }]")), "no host is called \"c\""),
            (two(set("services.user.instances", "[{ host = 'a' }, { host = 'a', port = 1 }]")), "one socket on a host"),
            (
                two(set("services.notification.port", "9103")),
                "`services.notification.port` = 9103: attendance has this port on b",
            ),
            (
                one(|table| drop(table["services"].as_table_mut().unwrap().remove("user"))),
                "no service is called \"user\"",
            ),
        ] {
            assert!(said.contains(expected), "{expected}: {said}");
        }
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once() {
        let said = one(|table| {
            crate::render::settings::set(table, "services.org.port", value("8101"));
            crate::render::settings::set(table, "services.org.calls", value("['users']"));
        });
        assert_eq!(said.lines().count(), 2, "{said}");
    }

    #[test]
    fn an_unknown_key_a_wrong_type_and_what_is_no_toml_are_refused_with_their_line() {
        let said = one(|table| drop(table.insert("prot".to_owned(), 1.into())));
        assert!(said.contains("t.toml") && said.contains("prot"), "{said}");
        let said = one(|table| crate::render::settings::set(table, "services.org.port", value("'x'")));
        assert!(said.contains("t.toml") && said.contains("port"), "{said}");
        let said = format!("{:#}", Topology::parse("t.toml", "[nginx\nport = 1").unwrap_err());
        assert!(said.contains("t.toml") && said.contains("line 1"), "{said}");
    }

    #[test]
    fn two_hosts_may_use_the_same_port() {
        let mut table: Table = toml::from_str(include_str!("two_hosts.toml")).unwrap();
        crate::render::settings::set(&mut table, "services.notification.port", value("8101"));
        Topology::parse("t.toml", &toml::to_string(&table).unwrap()).unwrap();
    }

    proptest! {
        #[test]
        fn any_ports_that_differ_are_taken_and_any_two_alike_refused(ports in prop::collection::vec(1..4_u16, 5)) {
            let mut topology = Topology::built_in().unwrap();
            topology.nginx.port = ports[0];
            for (service, port) in topology.services.values_mut().zip(&ports[1..]) {
                service.port = *port;
            }
            // Five ports of three numbers: some are always alike.
            prop_assert!(!topology.findings().is_empty());
            for (at, service) in topology.services.values_mut().enumerate() {
                service.port = ports[0] + u16::try_from(at).unwrap() + 1;
            }
            prop_assert_eq!(topology.findings(), Vec::new());
        }
    }
}
