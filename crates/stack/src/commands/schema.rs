//! `rollcall-stack schema`: migrations up, down and up again, and `src/schema.rs` against the database they make.

use crate::binaries;
use crate::testing::{Cluster, TestDatabase};
use crate::topology::Topology;
use anyhow::{Context, Result, anyhow, bail, ensure};
use diesel::migration::{Migration, MigrationSource};
use diesel::pg::Pg;
use diesel::{Connection, PgConnection};
use diesel_migrations::{FileBasedMigrations, MigrationHarness};
use std::fs;
use std::process::Command;

/// The mechanism's migrations and a service's, in the order in which `migrate` runs them.
struct Both(FileBasedMigrations, FileBasedMigrations);

impl MigrationSource<Pg> for Both {
    fn migrations(&self) -> diesel::migration::Result<Vec<Box<dyn Migration<Pg>>>> {
        let mut all = self.0.migrations()?;
        all.extend(MigrationSource::<Pg>::migrations(&self.1)?);
        all.sort_unstable_by_key(|migration| migration.name().to_string());
        Ok(all)
    }
}

/// Compares `services/*/src/schema.rs` with the migrations, or writes it; the migrations are run up, down and up
/// again either way.
pub fn schema(write: bool) -> Result<()> {
    let cluster = Cluster::of_this_process()?;
    let mut wrong = Vec::new();
    for service in Topology::built_in()?.services.keys() {
        let database = cluster.database(service, |_| Ok(()))?;
        let dump = |what: &str| dump(cluster, &database).with_context(|| format!("{service}, {what}"));
        let mut owner = PgConnection::establish(&database.owner_url)?;
        // Makes diesel's own table, which stays.
        owner.applied_migrations().map_err(|error| anyhow!("{service}: {error}"))?;
        let empty = dump("empty")?;
        let steps = up(&mut owner, service)?;
        let first = dump("after the first way up")?;
        down(&mut owner, service)?;
        if let Some(line) = difference(&empty, &dump("after the way down")?) {
            wrong.push(format!("{service}: the way down leaves something behind: {line}"));
        }
        up(&mut owner, service)?;
        if let Some(line) = difference(&first, &dump("after the second way up")?) {
            wrong.push(format!("{service}: the second way up makes something else: {line}"));
        }
        if let Some(stale) = print_schema(service, &database, write)? {
            wrong.push(stale);
        }
        eprintln!("{service}: {steps} migrations up, down, up");
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

fn up(owner: &mut PgConnection, service: &str) -> Result<usize> {
    let done = owner.run_pending_migrations(migrations_of(service)?);
    Ok(done.map_err(|error| anyhow!("{service}, up: {error}"))?.len())
}

fn down(owner: &mut PgConnection, service: &str) -> Result<()> {
    let done = owner.revert_all_migrations(migrations_of(service)?);
    done.map(drop).map_err(|error| anyhow!("{service}, down: {error}"))
}

fn migrations_of(service: &str) -> Result<Both> {
    let root = binaries::repository();
    let own = root.join("services").join(service).join("migrations");
    Ok(Both(
        FileBasedMigrations::from_path(root.join("crates/common/migrations"))?,
        FileBasedMigrations::from_path(own)?,
    ))
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
