//! `rollcall-stack schema`: migrations up, down and up again, and `src/schema.rs` against the database they make.

use crate::binaries;
use crate::testing::{Cluster, TestDatabase};
use crate::topology::Topology;
use anyhow::{Context, Result, bail, ensure};
use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// One step of the schema.
struct Migration {
    name: String,
    directory: PathBuf,
}

/// Compares `services/*/src/schema.rs` with the migrations, or writes it; the migrations are run up, down and up
/// again either way.
pub fn schema(write: bool) -> Result<()> {
    let cluster = Cluster::of_this_process()?;
    let mut wrong = Vec::new();
    for service in Topology::load()?.services.keys() {
        let database = cluster.database(service, |_| Ok(()))?;
        let dump = |what: &str| dump(cluster, &database).with_context(|| format!("{service}, {what}"));
        let migrations = migrations_of(service)?;
        let mut owner = PgConnection::establish(&database.owner_url)?;
        let empty = dump("empty")?;
        for migration in &migrations {
            migration.up(&mut owner)?;
        }
        let first = dump("after the first way up")?;
        for migration in migrations.iter().rev() {
            migration.down(&mut owner)?;
        }
        if let Some(line) = difference(&empty, &dump("after the way down")?) {
            wrong.push(format!("{service}: the way down leaves something behind: {line}"));
        }
        for migration in &migrations {
            migration.up(&mut owner)?;
        }
        if let Some(line) = difference(&first, &dump("after the second way up")?) {
            wrong.push(format!("{service}: the second way up makes something else: {line}"));
        }
        if let Some(stale) = print_schema(service, &database, write)? {
            wrong.push(stale);
        }
        eprintln!("{service}: {} migrations up, down, up", migrations.len());
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

impl Migration {
    fn up(&self, connection: &mut PgConnection) -> Result<()> {
        self.run("up.sql", connection)
    }

    fn down(&self, connection: &mut PgConnection) -> Result<()> {
        self.run("down.sql", connection)
    }

    fn run(&self, step: &str, connection: &mut PgConnection) -> Result<()> {
        let told = || format!("{}/{step}", self.name);
        let sql = fs::read_to_string(self.directory.join(step)).with_context(told)?;
        let metadata = fs::read_to_string(self.directory.join("metadata.toml")).unwrap_or_default();
        let metadata: toml::Table = toml::from_str(&metadata).with_context(told)?;
        let alone = metadata.get("run_in_transaction").and_then(toml::Value::as_bool) == Some(false);
        if alone {
            connection.batch_execute(&sql).with_context(told)
        } else {
            let done = connection.transaction(|connection| connection.batch_execute(&sql));
            done.with_context(told)
        }
    }
}

/// The mechanism's migrations and the service's, in the order in which `migrate` runs them.
fn migrations_of(service: &str) -> Result<Vec<Migration>> {
    let root = binaries::repository();
    let mut migrations = Vec::new();
    for parent in ["crates/common/migrations".to_owned(), format!("services/{service}/migrations")] {
        for entry in fs::read_dir(root.join(&parent)).context(parent)? {
            let directory = entry?.path();
            if directory.join("up.sql").is_file() {
                let name = directory.file_name().unwrap_or_default().to_string_lossy().into_owned();
                migrations.push(Migration { name, directory });
            }
        }
    }
    migrations.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(migrations)
}

fn dump(cluster: &Cluster, database: &TestDatabase) -> Result<String> {
    let output = Command::new(cluster.program("pg_dump"))
        .args(["--schema-only", "--dbname", &database.owner_url])
        .output()
        .context("could not run pg_dump")?;
    ensure!(output.status.success(), "pg_dump failed: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout)?;
    // Newer versions fence the dump with a random key.
    let lines = text.lines().filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"));
    Ok(lines.collect::<Vec<_>>().join("\n"))
}

/// The first line in which two dumps differ.
fn difference(expected: &str, found: &str) -> Option<String> {
    if expected == found {
        return None;
    }
    let mut pairs = expected.lines().zip(found.lines());
    let differing = pairs.find(|(expected, found)| expected != found);
    Some(differing.map_or_else(
        || "one is longer than the other".to_owned(),
        |(expected, found)| format!("{expected:?} became {found:?}"),
    ))
}

/// Says what is stale when the committed tables are not what diesel sees; writes them if asked to.
fn print_schema(service: &str, database: &TestDatabase, write: bool) -> Result<Option<String>> {
    let directory = binaries::repository().join("services").join(service);
    let output = Command::new("diesel")
        .args(["print-schema", "--database-url", &database.owner_url, "--config-file"])
        .arg(directory.join("diesel.toml"))
        .output()
        .context("could not run the diesel CLI; `make check` and `make schema` install it")?;
    if !output.status.success() {
        bail!("diesel print-schema failed for {service}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let file = directory.join("src/schema.rs");
    let fresh = rustfmt(&output.stdout)?;
    if write {
        fs::write(&file, fresh)?;
        return Ok(None);
    }
    let same = fs::read(&file).unwrap_or_default() == fresh;
    Ok((!same)
        .then(|| format!("services/{service}/src/schema.rs is not what the migrations make; `make schema` writes it")))
}

/// Formats as `make fmt` does, so that the two do not undo each other.
fn rustfmt(source: &[u8]) -> Result<Vec<u8>> {
    let file = tempfile::Builder::new().suffix(".rs").tempfile()?;
    fs::write(file.path(), source)?;
    let status = Command::new("rustfmt")
        .args(["--edition", "2024", "--config-path"])
        .arg(binaries::repository())
        .arg(file.path())
        .status()
        .context("could not run rustfmt")?;
    ensure!(status.success(), "rustfmt refuses what diesel prints");
    Ok(fs::read(file.path())?)
}
