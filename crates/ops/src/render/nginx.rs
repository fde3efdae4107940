//! nginx's configuration, from `nginx/rollcall.conf.j2`.

use crate::topology::Topology;
use anyhow::{Context, Result, ensure};
use minijinja::{Environment, context};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

const TEMPLATE: &str = include_str!("../../../../nginx/rollcall.conf.j2");
/// Milliseconds a request may take, sent to the services whatever a client says.
const DEADLINE_MS: u32 = 10_000;
/// Connections that a worker of the packaged nginx has room for: with two for each stream, two workers hold 65,000 streams,
/// more than one address has ports for (28,000 unless the kernel is told otherwise). An idle worker takes 31 MB with them,
/// and 7 with an eighth.
const CONNECTIONS: u32 = 65_536;
/// The same where an installation or a stack is tried, with many of them beside each other.
pub const FEW_CONNECTIONS: u32 = 8_192;
/// Where nginx says which configuration it runs with, to its own machine alone.
pub const GENERATION: &str = "/_generation";

/// What the template is rendered with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// TCP port on which it listens.
    pub port: u16,
    /// Where the instances of each service are, by name.
    pub services: BTreeMap<String, Vec<SocketAddr>>,
    /// Requests per address on sign-in paths, in nginx's notation.
    pub sign_in_rate: String,
    /// How many may come at once above the rate.
    pub sign_in_burst: u32,
    /// Addresses and networks of the proxies before it, whose `X-Forwarded-For` is believed.
    pub proxies: Vec<String>,
    /// Worker processes.
    pub workers: u16,
    /// What it answers at [`GENERATION`].
    pub generation: String,
}

impl Settings {
    /// Those of a topology.
    pub fn of(topology: &Topology, generation: &str) -> Result<Self> {
        let addresses = |name: &String| -> Result<_> {
            Ok((name.clone(), topology.instances(name)?.iter().map(|at| at.address).collect()))
        };
        Ok(Self {
            port: topology.nginx.port,
            services: topology.services.keys().map(addresses).collect::<Result<_>>()?,
            sign_in_rate: topology.nginx.sign_in_rate.clone(),
            sign_in_burst: topology.nginx.sign_in_burst,
            proxies: topology.nginx.proxies.clone(),
            workers: topology.nginx.workers,
            generation: generation.to_owned(),
        })
    }
}

/// The packaged nginx's own directory.
pub const HOME: &str = "/run/rollcall-edge";
const STATIC_FILES: &str = "/usr/share/rollcall/edge";

/// An error that nginx itself answers, as a problem.
#[derive(Clone, Copy)]
struct Problem {
    from: u16,
    status: u16,
    code: &'static str,
    title: &'static str,
    detail: &'static str,
}

/// Codes and titles are those of the services where they mean the same.
const PROBLEMS: [Problem; 10] = [
    problem(
        400,
        400,
        "malformed_request",
        "The request cannot be understood",
        "Its syntax or its path is not one that is passed on.",
    ),
    problem(404, 404, "not_found", "Not found", "No service has this path."),
    problem(405, 405, "method_not_allowed", "The method is not allowed here", "This page can only be read."),
    problem(413, 413, "too_large", "The body is too large", "The endpoint takes no body of this size."),
    problem(414, 414, "uri_too_long", "The address is too long", "The request line has to be shorter."),
    problem(494, 431, "headers_too_large", "The headers are too large", "They have to fit into 8 KiB each."),
    problem(
        429,
        429,
        "too_many_requests",
        "Too many requests",
        "Sign-in is limited by address; try again in a second.",
    ),
    problem(
        502,
        502,
        "service_unreachable",
        "The service is not reachable",
        "It may be restarting; try again in a second.",
    ),
    problem(503, 503, "unavailable", "Something that is needed is not available right now", "Try again in a second."),
    problem(504, 504, "deadline_exceeded", "The time of the request ran out", "The service did not answer in time."),
];

const fn problem(from: u16, status: u16, code: &'static str, title: &'static str, detail: &'static str) -> Problem {
    Problem { from, status, code, title, detail }
}

/// Where nginx runs, in the words of its configuration.
#[derive(Clone, Debug)]
pub struct Place {
    /// Account of its workers; none where all of it runs as one.
    pub user: Option<String>,
    /// Where it listens.
    pub listen: String,
    /// Its own directory: process number, temporary files.
    pub home: String,
    /// Directory with `docs/`.
    pub static_files: String,
    /// Where requests are logged.
    pub access_log: String,
    /// Connections that a worker has room for.
    pub connections: u32,
}

impl Place {
    /// Where the package puts it (`deploy/units/edge.service`).
    pub fn packaged(port: u16) -> Self {
        Self {
            user: None,
            listen: port.to_string(),
            home: HOME.to_owned(),
            static_files: STATIC_FILES.to_owned(),
            access_log: "syslog:server=unix:/run/systemd/journal/dev-log,nohostname,tag=rollcall_edge".to_owned(),
            connections: CONNECTIONS,
        }
    }

    /// The same below another root directory, on the loopback address: where an installation is tried.
    pub fn below(root: &Path, port: u16) -> Result<Self> {
        let inside = |path: &str| plain(&root.join(path.trim_start_matches('/')));
        Ok(Self {
            user: None,
            listen: format!("127.0.0.1:{port}"),
            home: inside(HOME)?,
            static_files: inside(STATIC_FILES)?,
            access_log: inside(&format!("{HOME}/access.log"))?,
            connections: FEW_CONNECTIONS,
        })
    }

    /// nginx's configuration for `settings`.
    pub fn render(&self, settings: &Settings) -> Result<String> {
        let upstream = |(name, servers): (&String, &Vec<SocketAddr>)| {
            let servers: Vec<String> = servers.iter().map(ToString::to_string).collect();
            context! { name, servers }
        };
        let services: Vec<_> = settings.services.iter().map(upstream).collect();
        let problems: Vec<_> = PROBLEMS
            .iter()
            .map(|&Problem { from, status, code, title, detail }| {
                let early = [400, 414, 494].contains(&from);
                let page = format!("{}{code}", if early { "/_problem/" } else { "@problem_" });
                context! { from, status, code, title, detail, early, page }
            })
            .collect();
        let streams = settings.services.get("notification").context("no notification service")?;
        let streams: Vec<String> = streams.iter().map(ToString::to_string).collect();
        let mut environment = Environment::new();
        environment.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
        let context = context! {
            user => self.user.as_deref(),
            workers => settings.workers,
            connections => self.connections,
            files => self.connections * 2,
            proxies => settings.proxies.clone(),
            home => self.home.as_str(),
            static => self.static_files.as_str(),
            access_log => self.access_log.as_str(),
            listen => self.listen.as_str(),
            services,
            streams,
            generation => settings.generation.as_str(),
            generation_path => GENERATION,
            sign_in_rate => settings.sign_in_rate.as_str(),
            sign_in_burst => settings.sign_in_burst,
            deadline_ms => DEADLINE_MS,
            problems,
        };
        environment.render_str(TEMPLATE, context).context("nginx/rollcall.conf.j2")
    }
}

/// A path as nginx's configuration takes it without quotes.
pub fn plain(path: &Path) -> Result<String> {
    let text = path.to_str().context("a path that is not UTF-8")?;
    let harmless = |c: char| !c.is_whitespace() && !c.is_control() && !"\"'\\;{}$#".contains(c);
    ensure!(
        text.chars().all(harmless),
        "nginx cannot take the path {text:?}: move the project to one without spaces and signs"
    );
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packaged_unit_lets_a_worker_have_the_files_that_it_is_told_of() {
        let settings = Settings::of(&Topology::built_in().unwrap(), "1").unwrap();
        let text = Place::packaged(8080).render(&settings).unwrap();
        let files =
            text.lines().find_map(|line| line.strip_prefix("worker_rlimit_nofile ")?.strip_suffix(';')).unwrap();
        let unit = include_str!("../../../../deploy/units/edge.service");
        assert!(unit.lines().any(|line| line.strip_prefix("LimitNOFILE=") == Some(files)), "{files}");
        assert!(text.contains("worker_connections 65536;") && text.contains("worker_processes 2;"));
        assert!(!text.contains("real_ip"), "nobody is believed who is not named");
    }

    #[test]
    fn an_export_has_more_time_than_other_answers() {
        let settings = Settings::of(&Topology::built_in().unwrap(), "1").unwrap();
        let text = Place::packaged(8080).render(&settings).unwrap();
        let (_, exports) = text.split_once("location ~ ^/api/attendance/v1/orgs/[^/]+/exports$ {").unwrap();
        let (exports, _) = exports.split_once('}').unwrap();
        assert!(exports.contains("proxy_read_timeout 120s;") && exports.contains("proxy_pass http://attendance;"));
    }
}
