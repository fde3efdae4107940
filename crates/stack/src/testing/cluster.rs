//! One PostgreSQL per test process and a database per test, cloned from a template that is migrated once.

use crate::guard::Guard;
use crate::postgres::{Place, Postgres, Worth};
use crate::provision::{self, Passwords};
use crate::secrets;
use crate::topology::Topology;
use anyhow::{Context, Result, anyhow};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

static CLUSTER: OnceLock<Result<Cluster, String>> = OnceLock::new();

/// The server of this test process.
pub struct Cluster {
    postgres: Postgres,
    topology: Topology,
    templates: Mutex<BTreeMap<String, Template>>,
    clones: AtomicU32,
    directory: PathBuf,
    _guard: Guard,
}

#[derive(Clone)]
struct Template {
    database: String,
    passwords: Passwords,
}

/// A database of one test, with a URL for each of the two roles.
#[derive(Clone, Debug)]
pub struct TestDatabase {
    /// The role that serves requests.
    pub url: String,
    /// The role that owns the tables: for looking behind the service's back. Row-level security holds for it too.
    pub owner_url: String,
    /// The superuser, whom no policy stops: for arranging and asserting across tenants.
    pub admin_url: String,
}

impl Cluster {
    /// Started by the first test that asks. It ends with the process, however that ends, and nothing of it stays.
    pub fn of_this_process() -> Result<&'static Self> {
        let cluster = CLUSTER.get_or_init(|| Self::start().map_err(|error| format!("{error:#}")));
        cluster.as_ref().map_err(|error| anyhow!("{error}"))
    }

    fn start() -> Result<Self> {
        let guard = Guard::start(None)?;
        let directory = tempfile::Builder::new().prefix("rollcall-test-").tempdir()?.keep();
        guard.remove_at_end(&directory)?;
        // The server's account passes through it to its data.
        secrets::open_to_pass(&directory)?;
        let place =
            Place { log: directory.join("postgres.log"), directory: directory.join("postgres"), worth: Worth::None };
        let postgres = Postgres::start(&place, &guard)?;
        if let Some(outside) = postgres.data_outside(&place.directory) {
            guard.remove_at_end(outside)?;
        }
        Ok(Self {
            postgres,
            topology: Topology::built_in()?,
            templates: Mutex::default(),
            clones: AtomicU32::new(0),
            directory,
            _guard: guard,
        })
    }

    /// For files of tests; gone when the process ends.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The superuser's URL of the server itself: for what is done to databases rather than in them.
    pub fn admin_url(&self) -> String {
        self.postgres.admin_url("postgres")
    }

    /// A program of this server's version, e.g. `pg_dump`.
    pub fn program(&self, name: &str) -> PathBuf {
        self.postgres.binaries().program(name)
    }

    /// A new database for the tests of `service`. `migrate` is called once per process, with the owner's URL of the
    /// template; it must have closed its connections when it returns. Blocks.
    pub fn database(&self, service: &str, migrate: impl FnOnce(&str) -> Result<()>) -> Result<TestDatabase> {
        let template = self.template(service, migrate)?;
        let number = self.clones.fetch_add(1, Ordering::Relaxed);
        let database = format!("test_{service}_{number}");
        let roles = self.topology.service(service)?;
        let mut admin = self.postgres.admin("postgres")?;
        provision::clone_database(&mut admin, roles, &database, &template.database)?;
        let url = |role: &str, password: &str| self.postgres.url(role, password, &database);
        Ok(TestDatabase {
            url: url(&roles.role, &template.passwords.service),
            owner_url: url(&roles.owner, &template.passwords.owner),
            admin_url: self.postgres.admin_url(&database),
        })
    }

    fn template(&self, service: &str, migrate: impl FnOnce(&str) -> Result<()>) -> Result<Template> {
        // Held while the template is made: the other tests of the service need it too.
        let mut templates = self.templates.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = match templates.entry(service.to_owned()) {
            Entry::Occupied(made) => return Ok(made.get().clone()),
            Entry::Vacant(slot) => slot,
        };
        let roles = self.topology.service(service)?;
        let database = format!("template_{service}");
        let passwords = Passwords { owner: secrets::random_hex(16), service: secrets::random_hex(16) };
        let mut admin = self.postgres.admin("postgres")?;
        provision::roles(&mut admin, roles, &passwords)?;
        provision::database(&mut admin, roles, &database)?;
        migrate(&self.postgres.url(&roles.owner, &passwords.owner, &database))
            .with_context(|| format!("migrations of {service}"))?;
        Ok(slot.insert(Template { database, passwords }).clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use diesel::connection::SimpleConnection;
    use diesel::{Connection, PgConnection};

    #[test]
    fn every_test_gets_a_database_of_its_own_from_one_migration() {
        let cluster = Cluster::of_this_process().unwrap();
        let migrations = AtomicU32::new(0);
        let migrate = |url: &str| {
            migrations.fetch_add(1, Ordering::Relaxed);
            let sql = "CREATE TABLE people (name text); GRANT SELECT ON people TO rollcall_user";
            Ok(PgConnection::establish(url)?.batch_execute(sql)?)
        };
        let first = cluster.database("user", migrate).unwrap();
        let second = cluster.database("user", migrate).unwrap();
        assert_eq!(migrations.into_inner(), 1);

        let mut owner = PgConnection::establish(&first.owner_url).unwrap();
        owner.batch_execute("INSERT INTO people VALUES ('a')").unwrap();
        let empty = "DO $$ BEGIN ASSERT (SELECT count(*) FROM people) = 0; END $$";
        PgConnection::establish(&second.url).unwrap().batch_execute(empty).unwrap();
        PgConnection::establish(&first.url).unwrap().batch_execute(empty).unwrap_err();
        let mut service = PgConnection::establish(&first.url).unwrap();
        let refused = service.batch_execute("DELETE FROM people").unwrap_err();
        assert!(refused.to_string().contains("permission denied"), "{refused}");
    }

    #[test]
    fn a_role_of_one_service_does_not_reach_the_database_of_another() {
        let cluster = Cluster::of_this_process().unwrap();
        let org = cluster.database("org", |_| Ok(())).unwrap();
        let attendance = cluster.database("attendance", |_| Ok(())).unwrap();
        let name = attendance.url.rsplit('/').next().unwrap();
        let (server, _) = org.url.rsplit_once('/').unwrap();
        let refused = PgConnection::establish(&format!("{server}/{name}")).err().unwrap();
        assert!(refused.to_string().contains("permission denied for database"), "{refused}");
    }
}
