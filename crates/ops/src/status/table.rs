//! The state of all instances for people.

use super::{Instance, Load, Status};
use std::fmt;

const HEAD: [&str; 9] =
    ["SERVICE", "HOST", "ADDRESS", "VERSION", "STATE", "IN FLIGHT", "STREAMS", "EVENTS WAITING", "LEFT ALONE"];
/// What is not known or not there.
const NONE: &str = "-";

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows = vec![HEAD.map(str::to_owned)];
        rows.extend(self.instances.iter().map(row));
        let widths: Vec<usize> = (0..HEAD.len())
            .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default())
            .collect();
        for row in rows {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            writeln!(f, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
        }
        if let Some(generation) = &self.generation {
            writeln!(f, "nginx: generation {generation}")?;
        }
        for problem in &self.problems {
            writeln!(f, "! {problem}")?;
        }
        f.write_str(if self.well { "all is well" } else { "something is not well" })
    }
}

fn row(instance: &Instance) -> [String; 9] {
    let Instance { service, host, address, version, ready, database, load } = instance;
    let state = match (version, ready, database.as_deref()) {
        (None, ..) => "away",
        (_, true, _) => "ready",
        (_, false, Some("ok") | None) => "not ready",
        (_, false, Some(database)) => database,
    };
    let of = |say: fn(&Load) -> Option<String>| load.as_ref().and_then(say).unwrap_or_else(|| NONE.to_owned());
    [
        service.clone(),
        host.clone(),
        address.to_string(),
        version.clone().unwrap_or_else(|| NONE.to_owned()),
        state.to_owned(),
        of(|load| Some(format!("{}/{}", load.in_flight?, load.in_flight_limit?))),
        of(|load| Some(load.streams?.to_string())),
        of(waiting),
        of(|load| Some(if load.left_alone.is_empty() { NONE.to_owned() } else { load.left_alone.join(", ") })),
    ]
}

/// Subscribers with what waits for them; those for whom nothing waits are left out.
fn waiting(load: &Load) -> Option<String> {
    let behind = load.events.iter().filter(|backlog| backlog.pending + backlog.dead > 0);
    let said: Vec<String> = behind
        .map(|one| {
            let dead = if one.dead > 0 { format!(" + {} given up", one.dead) } else { String::new() };
            format!("{}: {}{dead} ({:.0} s)", one.subscriber, one.pending, one.lag_seconds)
        })
        .collect();
    (!load.events.is_empty()).then(|| if said.is_empty() { "0".to_owned() } else { said.join(", ") })
}

#[cfg(test)]
mod tests {
    use super::super::Backlog;
    use super::*;

    #[test]
    fn a_line_for_each_instance_and_what_is_wrong_below() {
        let instance = |service: &str, port: u16, load| Instance {
            service: service.to_owned(),
            host: "a".to_owned(),
            address: ([10, 1, 2, 3], port).into(),
            version: Some("0.1.0".to_owned()),
            ready: true,
            database: Some("ok".to_owned()),
            load,
        };
        let backlog = Backlog { subscriber: "org".to_owned(), pending: 4, dead: 1, lag_seconds: 90.5 };
        let load = Load { in_flight: Some(2), in_flight_limit: Some(4096), events: vec![backlog], ..Load::default() };
        let mut away = instance("org", 2, None);
        (away.version, away.ready) = (None, false);
        let status = Status {
            well: false,
            generation: Some("7".to_owned()),
            instances: vec![instance("user", 1, Some(load)), away],
            problems: vec!["org is away".to_owned()],
        };
        let expected = "\
SERVICE  HOST  ADDRESS     VERSION  STATE  IN FLIGHT  STREAMS  EVENTS WAITING              LEFT ALONE
user     a     10.1.2.3:1  0.1.0    ready  2/4096     -        org: 4 + 1 given up (90 s)  -
org      a     10.1.2.3:2  -        away   -          -        -                           -
nginx: generation 7
! org is away
something is not well";
        assert_eq!(status.to_string(), expected);
    }
}
