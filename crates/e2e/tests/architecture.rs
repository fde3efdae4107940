//! Who may know whom, held against the manifests: `deploy/topology.toml` says who calls whom and who hears whose
//! events, and a dependency that goes further does not pass.

#![expect(clippy::unwrap_used, reason = "a manifest that cannot be read fails the test")]

use rollcall_stack::topology::Topology;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The packages that may know several services.
const KNOW_SEVERAL: [&str; 2] = ["rollcall-stack", "rollcall-e2e"];

/// What each package of the workspace depends on: when it runs, and in its tests.
struct Manifest {
    name: String,
    runs_with: BTreeSet<String>,
    tested_with: BTreeSet<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn manifests() -> Vec<Manifest> {
    let mut found = Vec::new();
    for folder in ["crates", "services"] {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let file = entry.unwrap().path().join("Cargo.toml");
            let manifest: toml::Table = std::fs::read_to_string(file).unwrap().parse().unwrap();
            let names = |section: &str| {
                let table = manifest.get(section).and_then(toml::Value::as_table);
                table.map(|table| table.keys().cloned().collect()).unwrap_or_default()
            };
            let mut runs_with: BTreeSet<String> = names("dependencies");
            runs_with.extend(names("build-dependencies"));
            found.push(Manifest {
                name: manifest["package"]["name"].as_str().unwrap().to_owned(),
                runs_with,
                tested_with: names("dev-dependencies"),
            });
        }
    }
    assert_eq!(found.len(), 14, "a package came or went: say here what it may know");
    found
}

#[test]
fn a_service_knows_only_the_contracts_of_those_it_calls_or_hears() {
    let topology = Topology::built_in().unwrap();
    let manifests: BTreeMap<_, _> = manifests().into_iter().map(|manifest| (manifest.name.clone(), manifest)).collect();
    for (name, service) in &topology.services {
        let mut allowed: BTreeSet<String> = ["rollcall-common", "rollcall-ids"].map(str::to_owned).into();
        let known = service.calls.iter().chain(service.hears.keys()).chain([name]);
        allowed.extend(known.map(|known| format!("rollcall-{known}-api")));
        let manifest = &manifests[&format!("rollcall-{name}")];
        let ours = manifest.runs_with.iter().filter(|dependency| dependency.starts_with("rollcall-"));
        let excess: Vec<_> = ours.filter(|dependency| !allowed.contains(*dependency)).collect();
        assert!(excess.is_empty(), "{name} may not know {excess:?} (deploy/topology.toml)");
    }
}

#[test]
fn a_contract_stands_alone() {
    for manifest in manifests().iter().filter(|manifest| manifest.name.ends_with("-api")) {
        for banned in ["diesel", "actix-web", "rollcall-common", "reqwest"] {
            assert!(!manifest.runs_with.contains(banned), "{} depends on {banned}", manifest.name);
        }
        let others: Vec<_> = manifest.runs_with.iter().filter(|dependency| dependency.ends_with("-api")).collect();
        assert!(others.is_empty(), "{} depends on {others:?}", manifest.name);
    }
}

#[test]
fn no_package_but_stack_and_e2e_knows_a_service() {
    let topology = Topology::built_in().unwrap();
    let services: BTreeSet<String> = topology.services.keys().map(|name| format!("rollcall-{name}")).collect();
    for manifest in manifests().iter().filter(|manifest| !KNOW_SEVERAL.contains(&manifest.name.as_str())) {
        let known: Vec<_> =
            manifest.runs_with.union(&manifest.tested_with).filter(|name| services.contains(*name)).collect();
        assert!(known.is_empty(), "{} knows {known:?}", manifest.name);
    }
}

/// A path that a service names in a call is a path of somebody it may call: `peers.get("…")` in the sources.
#[test]
fn a_service_calls_only_whom_the_topology_lets_it() {
    let topology = Topology::built_in().unwrap();
    for (name, service) in &topology.services {
        for source in sources(&root().join("services").join(name).join("src")) {
            let text = std::fs::read_to_string(&source).unwrap();
            for call in text.split("peers.get(\"").skip(1) {
                let called = call.split('"').next().unwrap();
                assert!(
                    service.calls.iter().any(|known| known == called),
                    "{}: {name} calls {called}",
                    source.display()
                );
            }
        }
    }
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// What an event is may change only where a release is compared with what runs.
#[test]
fn every_event_that_a_service_tells_is_in_its_description() {
    for name in Topology::built_in().unwrap().services.keys() {
        let file = root().join("services").join(name).join("openapi/internal.json");
        let description: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        let mut told = 0;
        for source in sources(&root().join("crates").join(format!("{name}-api")).join("src")) {
            let text = std::fs::read_to_string(&source).unwrap();
            for line in text.lines().filter(|line| line.contains(": &str = \"") && line.contains(".v1\"")) {
                let kind = line.split('"').nth(1).unwrap();
                if !kind.starts_with(&format!("{name}.")) {
                    continue;
                }
                assert!(description["webhooks"].get(kind).is_some(), "{}: {kind}", source.display());
                told += 1;
            }
        }
        assert!(told > 0, "{name} tells nothing");
    }
}
