//! Migrations: one-shot, before the new binary serves, under a lock that is tried and not waited for (a session that
//! waits for a lock holds a snapshot, and `CREATE INDEX CONCURRENTLY` of the holder would wait for that).
//!
//! Requests go on meanwhile. A step that waits for the lock of a table makes every request for the table wait behind it,
//! so it waits shorter than requests do (`database.lock_timeout_ms`), lets them pass, and tries again. A step outside a
//! transaction builds an index beside those who read and write, and waits for older snapshots (those of a backup) as long
//! as they last, which holds nobody up.

use anyhow::{Context as _, anyhow, bail};
use diesel::connection::SimpleConnection as _;
use diesel::migration::{Migration, MigrationSource, MigrationVersion};
use diesel::pg::{Pg, PgConnection};
use diesel::result::Error as DieselError;
use diesel::sql_types::{BigInt, Bool, Text};
use diesel::{Connection as _, QueryResult, QueryableByName, RunQueryDsl as _};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness as _, embed_migrations};
use std::time::Duration;

/// The tables of the mechanism; they come before a service's own.
const MECHANISM: EmbeddedMigrations = embed_migrations!();
/// Any number that no other program uses for an advisory lock in this database.
const LOCK: i64 = 0x526f_6c6c_6361_6c6c;
/// One minute in all: a migration is short, and two releases of one service at a time are a mistake.
const TRIES: u32 = 120;
const PAUSE: Duration = Duration::from_millis(500);
/// How long a step waits for the locks of tables, each time that it is tried.
const LOCKS_WITHIN: &str = "SET lock_timeout = '300ms'";
/// A minute in all. A backup holds its locks for longer, and ends.
const STEP_TRIES: u32 = 75;

/// The mechanism's migrations and a service's, as one sequence.
struct Both(EmbeddedMigrations);

impl MigrationSource<Pg> for Both {
    fn migrations(&self) -> diesel::migration::Result<Vec<Box<dyn Migration<Pg>>>> {
        let mut all = MigrationSource::<Pg>::migrations(&MECHANISM)?;
        all.extend(MigrationSource::<Pg>::migrations(&self.0)?);
        all.sort_unstable_by_key(|migration| migration.name().to_string());
        Ok(all)
    }
}

#[derive(QueryableByName)]
struct Locked {
    #[diesel(sql_type = Bool)]
    locked: bool,
}

/// Applies what is pending; answers the names of what it applied.
pub fn migrate(owner_url: &str, own: EmbeddedMigrations) -> anyhow::Result<Vec<String>> {
    with_lock(owner_url, |connection| {
        let told = |error| anyhow!("a migration failed: {error}");
        let pending = connection.pending_migrations(Both(own)).map_err(told)?;
        for migration in &pending {
            apply(connection, &**migration).map_err(told)?;
        }
        Ok(pending.iter().map(|migration| migration.name().to_string()).collect())
    })
}

fn apply(connection: &mut PgConnection, migration: &dyn Migration<Pg>) -> diesel::migration::Result<()> {
    if !migration.metadata().run_in_transaction() {
        connection.batch_execute("SET lock_timeout = 0")?;
        drop_unfinished_indexes(connection)?;
        return connection.run_migration(migration).map(drop);
    }
    connection.batch_execute(LOCKS_WITHIN)?;
    for _ in 1..STEP_TRIES {
        match connection.run_migration(migration) {
            // diesel does not hand out the code, which is 55P03; the owner's role has `lc_messages` C.
            Err(error) if error.to_string().contains("due to lock timeout") => std::thread::sleep(PAUSE),
            done => return done.map(drop),
        }
    }
    connection.run_migration(migration).map(drop).map_err(|error| format!("{error} (as for a minute before)").into())
}

/// Drops what building an index left behind where it did not come to its end: an index that nobody uses, whose name
/// nobody else could have.
fn drop_unfinished_indexes(connection: &mut PgConnection) -> QueryResult<()> {
    let unfinished: Vec<Statement> = diesel::sql_query(
        "SELECT format('DROP INDEX CONCURRENTLY %s', indexrelid::regclass) AS statement FROM pg_index \
         JOIN pg_class ON pg_class.oid = indexrelid \
         WHERE NOT indisvalid AND relkind = 'i' AND relowner = current_user::regrole",
    )
    .load(connection)?;
    unfinished.iter().try_for_each(|Statement { statement }| connection.batch_execute(statement))
}

#[derive(QueryableByName)]
struct Statement {
    #[diesel(sql_type = Text)]
    statement: String,
}

/// Takes everything back, newest first; for the check that every step down works.
pub fn revert_all(owner_url: &str, own: EmbeddedMigrations) -> anyhow::Result<usize> {
    with_lock(owner_url, |connection| {
        let reverted =
            connection.revert_all_migrations(Both(own)).map_err(|error| anyhow!("a step down failed: {error}"))?;
        Ok(reverted.len())
    })
}

/// The migrations that this binary has and the database has not. One that the database has and this binary does
/// not know is fine: the binary was rolled back, the data was not. Asks diesel's table itself, because diesel's own
/// question would first create it, which the service's role may not.
pub(crate) fn pending_on(connection: &mut PgConnection, own: EmbeddedMigrations) -> Result<Vec<String>, DieselError> {
    let applied: Vec<Applied> = diesel::sql_query("SELECT version FROM __diesel_schema_migrations").load(connection)?;
    let known = Both(own).migrations().map_err(DieselError::QueryBuilderError)?;
    Ok(known
        .iter()
        .filter(|migration| {
            let version = migration.name().version();
            !applied.iter().any(|applied| MigrationVersion::from(applied.version.as_str()) == version)
        })
        .map(|migration| migration.name().to_string())
        .collect())
}

#[derive(QueryableByName)]
struct Applied {
    #[diesel(sql_type = Text)]
    version: String,
}

/// Like `pending_on`, on a connection of its own.
pub fn pending(url: &str, own: EmbeddedMigrations) -> anyhow::Result<Vec<String>> {
    let mut connection = PgConnection::establish(url).context("cannot connect to the database")?;
    pending_on(&mut connection, own).context("cannot read which migrations are applied")
}

/// Runs `work` on a connection of the owner, while nobody else migrates.
pub(crate) fn with_lock<T>(
    owner_url: &str,
    work: impl FnOnce(&mut PgConnection) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let mut connection = PgConnection::establish(owner_url).context("cannot connect to the database as its owner")?;
    // Whoever waits for a lock makes everybody after it wait too.
    connection.batch_execute("SET lock_timeout = '3s'").context("cannot set lock_timeout")?;
    for _ in 0..TRIES {
        let Locked { locked } = diesel::sql_query("SELECT pg_try_advisory_lock($1) AS locked")
            .bind::<BigInt, _>(LOCK)
            .get_result(&mut connection)
            .context("cannot ask for the migration lock")?;
        if locked {
            // The lock ends with the connection, which ends with this function.
            return work(&mut connection);
        }
        std::thread::sleep(PAUSE);
    }
    bail!("another migration of this database has been running for over a minute")
}
