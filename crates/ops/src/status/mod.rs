//! `rollcall status`: how every instance is, by what it says itself.

pub mod metrics;
mod table;

use crate::http::{Answer, Client};
use crate::render::nginx::GENERATION;
use crate::topology::Topology;
use anyhow::Result;
use futures_util::future::join_all;
use metrics::Metrics;
use serde::Serialize;
use serde_json::Value;
use std::net::SocketAddr;

/// Events that wait longer than this are told of: a subscriber that is released is away for seconds.
const LAG_SECONDS: f64 = 60.0;

/// How everything is.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// Whether nothing is wrong.
    pub well: bool,
    /// Which configuration the nginx of this machine has; none where there is no nginx or it does not answer.
    pub generation: Option<String>,
    /// Each instance, in the order of deployment.
    pub instances: Vec<Instance>,
    /// What is wrong, a sentence each.
    pub problems: Vec<String>,
}

/// How one instance is.
#[derive(Clone, Debug, Serialize)]
pub struct Instance {
    /// Its service.
    pub service: String,
    /// The machine.
    pub host: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// What it says its version is; none: it does not answer.
    pub version: Option<String>,
    /// Whether it takes requests.
    pub ready: bool,
    /// What it says of its database.
    pub database: Option<String>,
    /// What its metrics say; none: they cannot be read from here.
    pub load: Option<Load>,
}

/// What the metrics of an instance say.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Load {
    /// Requests under way.
    pub in_flight: Option<u64>,
    /// So many it would take.
    pub in_flight_limit: Option<u64>,
    /// Streams that are open; none: it has no streams.
    pub streams: Option<u64>,
    /// Events that others have not taken.
    pub events: Vec<Backlog>,
    /// Instances of peers that are left alone.
    pub left_alone: Vec<String>,
}

/// Events that one subscriber has not taken.
#[derive(Clone, Debug, Serialize)]
pub struct Backlog {
    /// Who.
    pub subscriber: String,
    /// So many.
    pub pending: u64,
    /// So many that nobody tries to send any more.
    pub dead: u64,
    /// How long the oldest has waited.
    pub lag_seconds: f64,
}

/// Asks every instance, all at once. `host` is this machine, whose nginx is asked too.
pub async fn ask(topology: &Topology, host: Option<&str>) -> Result<Status> {
    let client = Client::new()?;
    let mut wanted = Vec::new();
    for service in topology.deployment_order()? {
        wanted.extend(topology.instances(service)?.into_iter().map(|at| (service, at)));
    }
    let asked = wanted.iter().map(|(service, at)| instance(&client, service, at.host, at.address));
    let found = join_all(asked).await;
    let (instances, problems): (Vec<_>, Vec<_>) = found.into_iter().unzip();
    let mut problems: Vec<String> = problems.into_iter().flatten().collect();
    let has_door = host.is_some_and(|host| topology.doors().contains(&host));
    let mut generation = None;
    if has_door {
        let url = format!("http://127.0.0.1:{}{GENERATION}", topology.nginx.port);
        match client.get(&url).await {
            Ok(Answer { status: 200, body }) => generation = Some(body),
            Ok(answer) => problems.push(format!("nginx answers {} at {url}", answer.status)),
            Err(error) => problems.push(format!("nginx does not answer: {error:#}")),
        }
    }
    Ok(Status { well: problems.is_empty(), generation, instances, problems })
}

/// One instance, and what is wrong with it.
async fn instance(client: &Client, service: &str, host: &str, address: SocketAddr) -> (Instance, Vec<String>) {
    let get = |path: &str| {
        let url = format!("http://{address}{path}");
        async move { client.get(&url).await }
    };
    let name = format!("{service} ({address})");
    let mut found = Instance {
        service: service.to_owned(),
        host: host.to_owned(),
        address,
        version: None,
        ready: false,
        database: None,
        load: None,
    };
    let health = match get("/health").await {
        Ok(answer) => answer,
        Err(error) => return (found, vec![format!("{name} does not answer: {error:#}")]),
    };
    let said: Value = serde_json::from_str(&health.body).unwrap_or_default();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    found.version = text(&said["version"]);
    found.database = text(&said["checks"]["database"]);
    let mut problems = Vec::new();
    match get("/readyz").await {
        Ok(answer) if answer.status == 200 => found.ready = true,
        Ok(answer) => problems.push(format!("{name} is not ready: {}", answer.body.trim())),
        Err(error) => problems.push(format!("{name} does not say whether it is ready: {error:#}")),
    }
    if text(&said["service"]).as_deref() != Some(service) {
        problems.push(format!("somebody else answers in the place of {name}"));
    }
    // From another machine metrics can be read only where the topology is the same on both.
    if let Ok(Answer { status: 200, body }) = get("/internal/metrics").await {
        let load = load(&Metrics::parse(&body));
        problems.extend(load.left_alone.iter().map(|peer| format!("{name} leaves {peer} alone, which failed")));
        for backlog in &load.events {
            let Backlog { subscriber, pending, dead, lag_seconds } = backlog;
            if *dead > 0 {
                problems.push(format!(
                    "{name}: {dead} events to {subscriber} are given up; rollcall-{service} events list"
                ));
            }
            if *lag_seconds > LAG_SECONDS {
                problems.push(format!("{name}: {pending} events wait for {subscriber}, the oldest {lag_seconds:.0} s"));
            }
        }
        found.load = Some(load);
    }
    (found, problems)
}

fn load(metrics: &Metrics) -> Load {
    let mut events: Vec<Backlog> = Vec::new();
    for sample in metrics.all("event_deliveries_pending") {
        let subscriber = sample.labels.get("subscriber").cloned().unwrap_or_default();
        let of = |name: &str| {
            let same = metrics.all(name).iter().find(|other| other.labels.get("subscriber") == Some(&subscriber));
            same.map_or(0.0, |sample| sample.value)
        };
        let (dead, lag_seconds) = (whole(of("event_deliveries_dead")), of("event_delivery_lag_seconds"));
        events.push(Backlog { pending: whole(sample.value), dead, lag_seconds, subscriber });
    }
    events.sort_by(|one, other| one.subscriber.cmp(&other.subscriber));
    // 0 is closed, 1 a probe under way, 2 open.
    let open = metrics.all("call_breaker_state").iter().filter(|sample| sample.value > 1.5);
    let peer = |sample: &metrics::Sample| {
        let of = |name: &str| sample.labels.get(name).map_or("?", String::as_str);
        format!("{} ({})", of("peer"), of("instance"))
    };
    let mut left_alone: Vec<String> = open.map(peer).collect();
    left_alone.sort();
    Load {
        in_flight: metrics.one("http_requests_in_flight").map(whole),
        in_flight_limit: metrics.one("http_requests_in_flight_limit").map(whole),
        streams: metrics.one("streams_open").map(whole),
        events,
        left_alone,
    }
}

/// A gauge that counts.
fn whole(value: f64) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts are small and not negative")]
    let whole = value.max(0.0) as u64;
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_metrics_say_of_events_streams_and_peers() {
        let text = "event_deliveries_pending{subscriber=\"org\"} 4\nevent_deliveries_dead{subscriber=\"org\"} 1\n\
                    event_delivery_lag_seconds{subscriber=\"org\"} 90.5\nevent_deliveries_pending{subscriber=\"x\"} 0\n\
                    call_breaker_state{peer=\"user\",instance=\"a:1\"} 2\ncall_breaker_state{peer=\"org\",instance=\"b:1\"} 1\n\
                    streams_open 7\nhttp_requests_in_flight 2\nhttp_requests_in_flight_limit 4096\n";
        let load = load(&Metrics::parse(text));
        assert_eq!((load.in_flight, load.in_flight_limit, load.streams), (Some(2), Some(4096), Some(7)));
        assert_eq!(load.left_alone, ["user (a:1)"]);
        let seen: Vec<_> = load.events.iter().map(|one| (one.subscriber.as_str(), one.pending, one.dead)).collect();
        assert_eq!(seen, [("org", 4, 1), ("x", 0, 0)]);
    }
}
