//! What an operator asks: how everything is, and whether a release breaks what runs.

use crate::company::eventually;
use crate::start;
use anyhow::{Context as _, Result, ensure};
use rollcall_ops::compat::release::{Release, Verdict};
use rollcall_ops::migrations::Version;
use rollcall_ops::render::settings::set;
use rollcall_ops::{http, status};
use rollcall_stack::Stack;
use rollcall_stack::binaries::{directory, repository};
use rollcall_stack::topology::Topology;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// The topology of a stack on its free ports.
fn topology(stack: &Stack) -> Result<Topology> {
    let topology = Topology::built_in()?;
    let port = |url: &str| url.rsplit(':').next().context("a port")?.parse::<u16>().context(url.to_owned());
    let ports = topology.services.keys().map(|name| Ok((name.clone(), port(&stack.service_url(name)?)?)));
    let ports = ports.collect::<Result<_>>()?;
    Ok(topology.on_ports(port(&stack.base_url())?, &ports))
}

#[tokio::test(flavor = "multi_thread")]
async fn status_says_how_every_instance_is_and_what_is_wrong() -> Result<()> {
    let (mut stack, _place) = start().await?;
    let topology = topology(&stack)?;
    // Each number is told for the first time within some seconds of a start.
    let well = eventually("every instance tells its numbers", || async {
        let status = status::ask(&topology, Some("localhost")).await.ok()?;
        let load = |at: usize| status.instances[at].load.as_ref();
        let all = (0..4).all(|at| load(at).is_some_and(|load| load.in_flight_limit.is_some()));
        (all && load(1)?.events.len() == 2 && load(3)?.streams.is_some()).then_some(status)
    })
    .await?;
    ensure!(well.well && well.problems.is_empty(), "{well}");
    ensure!(well.generation.as_deref() == Some("stack"), "{well}");
    let names: Vec<&str> = well.instances.iter().map(|instance| instance.service.as_str()).collect();
    ensure!(names == ["user", "org", "attendance", "notification"], "{names:?}");
    for instance in &well.instances {
        let load = instance.load.as_ref().context("its metrics are read")?;
        ensure!(instance.ready && instance.database.as_deref() == Some("ok"), "{instance:?}");
        ensure!(load.in_flight_limit.is_some_and(|limit| limit >= 256), "{load:?}");
        ensure!(load.streams.is_some() == (instance.service == "notification"), "{load:?}");
    }
    let org = well.instances[1].load.as_ref().context("as above")?;
    let told: Vec<&str> = org.events.iter().map(|backlog| backlog.subscriber.as_str()).collect();
    ensure!(told == ["attendance", "notification"], "{told:?}");

    stack.stop_service("org").await?;
    let ill = status::ask(&topology, Some("localhost")).await?;
    // Whoever asked it meanwhile may leave it alone, and says so too.
    let away = ill.problems.iter().any(|one| one.starts_with("org (127.0.0.1:") && one.contains("does not answer"));
    ensure!(!ill.well && away, "{ill}");
    ensure!(ill.instances[1].version.is_none() && ill.instances[0].ready, "{ill}");

    // The same by the program, for programs.
    let mut table: toml::Table = toml::from_str(Topology::built_in_text())?;
    set(&mut table, "nginx.port", i64::from(topology.nginx.port));
    for (name, service) in &topology.services {
        set(&mut table, &format!("services.{name}.port"), i64::from(service.port));
    }
    let file = stack.run_dir().join("topology.toml");
    fs::write(&file, toml::to_string(&table)?)?;
    let program = directory()?.join("rollcall");
    let output = std::process::Command::new(program).args(["status", "--json", "--topology"]).arg(&file).output()?;
    let said: Value = serde_json::from_slice(&output.stdout)?;
    ensure!(output.status.code() == Some(1) && said["well"] == false, "{said:#}");
    ensure!(said["instances"][1]["version"].is_null() && said["instances"][0]["ready"] == true, "{said:#}");

    stack.kill_postgres().await?;
    // What was seen of a database is believed for half a second.
    eventually("the three that are left are not ready", || async {
        let ill = status::ask(&topology, Some("localhost")).await.ok()?;
        let not = ill.problems.iter().filter(|problem| problem.contains("is not ready: database: unavailable"));
        (not.count() == 3).then_some(())
    })
    .await?;
    Ok(())
}

/// What the package of a service brings.
fn brought(service: &str, directory: &Path) -> Result<()> {
    let root = repository();
    let of = |name: &str| root.join("services").join(name).join("openapi");
    for file in ["internal.json", "v1.json"] {
        let name = if file == "v1.json" { "openapi.json" } else { file };
        fs::copy(of(service).join(file), directory.join(name))?;
    }
    fs::create_dir_all(directory.join("peers"))?;
    for peer in ["user", "org", "attendance", "notification"] {
        fs::copy(of(peer).join("internal.json"), directory.join("peers").join(format!("{peer}.json")))?;
    }
    for folder in [root.join("crates/common/migrations"), root.join("services").join(service).join("migrations")] {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let to = directory.join("migrations").join(entry.file_name());
            fs::create_dir_all(&to)?;
            fs::copy(entry.path().join("up.sql"), to.join("up.sql"))?;
        }
    }
    Ok(())
}

/// Changes a document in a file.
fn change(file: &Path, change: impl FnOnce(&mut Value)) -> Result<()> {
    let mut document = serde_json::from_str(&fs::read_to_string(file)?)?;
    change(&mut document);
    Ok(fs::write(file, document.to_string())?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_breaks_what_runs_is_found() -> Result<()> {
    let (stack, _place) = start().await?;
    let topology = topology(&stack)?;
    let directory = tempfile::tempdir()?;
    let brings = directory.path();
    brought("org", brings)?;
    let release = || async {
        let running = Version::parse("0.3.0");
        Release { topology: &topology, service: "org", brought: brings, running }.judge().await
    };
    let same: Verdict = release().await?;
    ensure!(same.breaks.is_empty(), "{same:?}");
    ensure!(same.notes.iter().any(|note| note.starts_with("what it needs of user, against user at ")), "{same:?}");

    // What attendance asks of it is gone, and an event has lost a field.
    change(&brings.join("internal.json"), |document| {
        let paths = document["paths"].as_object_mut().map(|paths| paths.remove("/internal/v1/orgs/{org_id}/snapshot"));
        let fields = document["components"]["schemas"]["UnitFact"]["properties"].as_object_mut();
        assert!(paths.flatten().is_some() && fields.is_some_and(|fields| fields.remove("name").is_some()));
    })?;
    let broken = release().await?;
    let finds = |verdict: &Verdict, text: &str| verdict.breaks.iter().any(|line| line.contains(text));
    ensure!(finds(&broken, "/internal/v1/orgs/{org_id}/snapshot: it is gone (path-removed"), "{broken:#?}");
    ensure!(finds(&broken, ".name: it is gone (output-field-removed"), "{broken:#?}");

    // The same, meant.
    let meant = "[[accepted]]\nplace = \"/internal/v1/orgs/{org_id}/snapshot\"\nrule = \"path-removed\"\nreason = \"nobody asks\"\n";
    fs::write(brings.join("accepted.toml"), meant)?;
    let broken = release().await?;
    ensure!(!finds(&broken, "/snapshot: it is gone") && finds(&broken, ".name: it is gone"), "{broken:#?}");

    // It needs of user what the user that runs does not have.
    brought("org", brings)?;
    change(&brings.join("peers/user.json"), |document| {
        document["paths"]["/internal/v1/avatars"] = serde_json::json!({ "get": { "responses": {} } });
    })?;
    let early = release().await?;
    ensure!(early.breaks.len() == 1 && finds(&early, "org was built for another user than user at "), "{early:#?}");

    // A migration that takes away what the running version uses, and one that waits for its time.
    brought("org", brings)?;
    let step = brings.join("migrations/2027-01-01-000001_less");
    fs::create_dir(&step)?;
    fs::write(step.join("up.sql"), "ALTER TABLE units DROP COLUMN name;\n")?;
    ensure!(finds(&release().await?, "units.name (drop-column"), "unmarked");
    fs::write(step.join("up.sql"), "-- contract since 0.4.0: nothing reads it\nALTER TABLE units DROP COLUMN name;\n")?;
    ensure!(finds(&release().await?, "version 0.4.0 is the first that does without it, and 0.3.0 runs"), "too early");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_and_the_whole_description_are_for_watchers_alone() -> Result<()> {
    let _place = crate::PLACES.acquire().await?;
    let elsewhere = vec!["10.0.0.0/8".to_owned()];
    let stack = Stack::builder().setting("user", "telemetry.watchers", elsewhere).start().await?;
    let client = http::Client::new()?;
    let get = |url: String| {
        let client = client.clone();
        async move { client.get(&url).await }
    };
    let (org, user) = (stack.service_url("org")?, stack.service_url("user")?);
    let direct = get(format!("{org}/internal/openapi.json")).await?;
    let document: Value = serde_json::from_str(&direct.body)?;
    ensure!(direct.status == 200 && document["paths"].get("/internal/v1/events").is_some(), "{}", direct.status);
    ensure!(document["webhooks"].get("org.employee.changed.v1").is_some(), "events are described");
    for path in ["/internal/openapi.json", "/internal/metrics"] {
        ensure!(get(format!("{user}{path}")).await?.status == 404, "{path} is told to a stranger");
        ensure!(get(format!("{org}{path}")).await?.status == 200, "{path} is not told to the machine itself");
        ensure!(get(format!("{}{path}", stack.base_url())).await?.status == 404, "nginx passes {path}");
    }
    let status = status::ask(&topology(&stack)?, None).await?;
    ensure!(status.well && status.instances[0].load.is_none() && status.instances[1].load.is_some(), "{status}");
    Ok(())
}
