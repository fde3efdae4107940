//! What is compared when a service is released: what it says, what it hears, what it does to its database.
//!
//! The package of a service brings, in `/usr/share/rollcall/<service>/`:
//!
//! | file | what |
//! |---|---|
//! | `internal.json` | its whole description: public paths, those for services, events |
//! | `openapi.json` | the public part, for a running version that serves no other |
//! | `peers/<peer>.json` | the whole description of each peer, as it was when the service was built |
//! | `migrations/*/up.sql` | what it does to its database |
//! | `accepted.toml` | breaks that are meant, each with its reason; seldom there |
//!
//! Whoever uses the service was written against what runs: so the new description is held against that. What the
//! service itself uses of its peers has to run already: callees are released before callers.

use super::document::compare;
use super::rules::Break;
use crate::http::Client;
use crate::migrations::{self, Version};
use crate::topology::{Service, Topology};
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// A release that is looked at.
#[derive(Debug)]
pub struct Release<'a> {
    /// Who runs where.
    pub topology: &'a Topology,
    /// The service.
    pub service: &'a str,
    /// What its package brings; see above.
    pub brought: &'a Path,
    /// The version that runs, where it is known better than by what it says.
    pub running: Option<Version>,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// What breaks, a line each.
    pub breaks: Vec<String>,
    /// What was compared, what was not, and why.
    pub notes: Vec<String>,
}

/// A break that is meant.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Accepted {
    place: String,
    rule: String,
    /// For whoever reads the file.
    reason: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct AcceptedFile {
    #[serde(default)]
    accepted: Vec<Accepted>,
}

/// What an instance says of itself.
struct Said {
    name: String,
    document: Value,
    /// Whether it says what is between services.
    whole: bool,
    version: Option<Version>,
}

impl Release<'_> {
    /// Compares everything.
    pub async fn judge(&self) -> Result<Verdict> {
        let own = self.topology.service(self.service)?;
        let client = Client::new()?;
        let mut verdict = Verdict::default();
        let running = self.says(&client, &mut verdict).await?;
        for peer in own.calls.iter().chain(own.hears.keys().filter(|emitter| !own.calls.contains(emitter))) {
            self.hears(&client, own, peer, &mut verdict).await?;
        }
        self.migrates(self.running.or(running), &mut verdict)?;
        Ok(verdict)
    }

    /// The new description against those that run; answers the oldest version that does.
    async fn says(&self, client: &Client, verdict: &mut Verdict) -> Result<Option<Version>> {
        let accepted = self.accepted()?;
        let mut oldest: Option<Version> = None;
        let running = self.descriptions(client, self.service, verdict).await?;
        for Said { name, document, whole, version } in running {
            let new = self.read(if whole { "internal.json" } else { "openapi.json" })?;
            let breaks = compare(&document, &new);
            let meant = |found: &Break| {
                let is_it = |one: &Accepted| one.place == found.place && one.rule == found.rule.name();
                accepted.iter().any(is_it)
            };
            let (meant, broken): (Vec<Break>, Vec<Break>) = breaks.into_iter().partition(meant);
            verdict.notes.push(format!(
                "what it says, against {name}: {} breaks, {} accepted",
                broken.len(),
                meant.len()
            ));
            verdict.breaks.extend(broken.iter().map(|found| format!("{name} is used as it is: {found}")));
            oldest = [oldest, version].into_iter().flatten().min();
        }
        Ok(oldest)
    }

    /// What the service was built to ask and hear of a peer, against what the peer that runs says.
    async fn hears(&self, client: &Client, own: &Service, peer: &str, verdict: &mut Verdict) -> Result<()> {
        let called = own.calls.iter().any(|called| called == peer);
        let prefixes = own.hears.get(peer).map(Vec::as_slice).unwrap_or_default();
        let known = used_of(&self.read(&format!("peers/{peer}.json"))?, called, prefixes);
        for Said { name, document, whole, .. } in self.descriptions(client, peer, verdict).await? {
            if !whole {
                verdict.notes.push(format!("{name} does not say what is between services: not compared"));
                continue;
            }
            let breaks = compare(&known, &used_of(&document, called, prefixes));
            verdict.notes.push(format!("what it needs of {peer}, against {name}: {} breaks", breaks.len()));
            let needs = |found: &Break| format!("{} was built for another {peer} than {name}: {found}", self.service);
            verdict.breaks.extend(breaks.iter().map(needs));
        }
        Ok(())
    }

    fn migrates(&self, running: Option<Version>, verdict: &mut Verdict) -> Result<()> {
        let findings = migrations::check_directory(&self.brought.join("migrations"), running)?;
        let against = running.map_or_else(|| "nothing that runs".to_owned(), |version| format!("version {version}"));
        verdict.notes.push(format!("its migrations, against {against}: {} breaks", findings.len()));
        verdict.breaks.extend(findings.iter().map(ToString::to_string));
        Ok(())
    }

    /// What the instances of a service that answer say of themselves; a note for each that does not.
    async fn descriptions(&self, client: &Client, service: &str, verdict: &mut Verdict) -> Result<Vec<Said>> {
        let mut all = Vec::new();
        for at in self.topology.instances(service)? {
            let name = format!("{service} at {}", at.address);
            let url = |path: &str| format!("http://{}{path}", at.address);
            let (mut answer, mut whole) = (client.get(&url("/internal/openapi.json")).await, true);
            if answer.as_ref().is_ok_and(|answer| answer.status == 404) {
                (answer, whole) = (client.get(&url(&format!("/api/{service}/openapi.json"))).await, false);
            }
            let answer = match answer {
                Ok(answer) if answer.status == 200 => answer,
                Ok(answer) => {
                    verdict.notes.push(format!("{name} answers {}: not compared", answer.status));
                    continue;
                }
                Err(error) => {
                    verdict.notes.push(format!("{name} does not run: not compared ({error:#})"));
                    continue;
                }
            };
            let document = serde_json::from_str(&answer.body).with_context(|| format!("what {name} says"))?;
            let health = client.get(&url("/health")).await.ok();
            let health = health.and_then(|answer| serde_json::from_str::<Value>(&answer.body).ok());
            let version = health.and_then(|health| Version::parse(health["version"].as_str()?));
            all.push(Said { name, document, whole, version });
        }
        Ok(all)
    }

    fn read(&self, name: &str) -> Result<Value> {
        let file = self.brought.join(name);
        let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        serde_json::from_str(&text).with_context(|| file.display().to_string())
    }

    fn accepted(&self) -> Result<Vec<Accepted>> {
        let file = self.brought.join("accepted.toml");
        if !file.exists() {
            return Ok(Vec::new());
        }
        let told = || file.display().to_string();
        let text = fs::read_to_string(&file).with_context(told)?;
        let AcceptedFile { accepted } = toml::from_str(&text).with_context(told)?;
        for one in &accepted {
            ensure!(!one.reason.trim().is_empty(), "{}: {} has no reason", told(), one.place);
        }
        Ok(accepted)
    }
}

/// The part of a peer's description that a service uses: paths for services where it calls it, events that it hears.
fn used_of(document: &Value, called: bool, prefixes: &[String]) -> Value {
    let mut used = document.clone();
    if let Some(paths) = used["paths"].as_object_mut() {
        paths.retain(|path, _| called && (path.starts_with("/internal/") || path.starts_with("/.well-known/")));
    }
    if let Some(events) = used.get_mut("webhooks").and_then(Value::as_object_mut) {
        events.retain(|kind, _| prefixes.iter().any(|prefix| kind.starts_with(prefix.as_str())));
    }
    used
}
