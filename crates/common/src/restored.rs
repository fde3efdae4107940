//! What follows when databases were put back to a backup.
//!
//! A backup of all services is one consistent cut: at the points of the four databases no event has been taken that was
//! not yet written, and none is missing that its owner believes taken (`rollcall-backup` sees to that). So when all of
//! them are put back together, they agree with each other; what does not agree is the world outside: clients that hold
//! tokens, positions of streams and versions of a time that has not been, and people who have had their mail.
//!
//! When only some are put back, those that were not know more. Each service then does three things, and all of them are
//! here or in [`Service::restored`], run by `rollcall-<service> restored` for each service, restored or not:
//!
//! | who was put back | what this service does |
//! |---|---|
//! | itself | remembers for its full time again what it had taken and answered; sends at once what is due; raises the versions of what it owns, so that no version and no copy of the lost time passes for a newer one |
//! | a subscriber, but not itself | sends it everything again that is kept (`events.keep_days`), which is nothing that holds a secret; what it had is a duplicate there |
//! | an owner whose facts it copies, or itself alone | drops the copy, which is taken over anew |
//!
//! It is safe to repeat until a service serves again.

use crate::clock::Clock;
use crate::db;
use crate::describe::EventDescription;
use crate::events::letters;
use crate::server::Service;
use crate::settings::{BaseSettings, Loaded};
use anyhow::{Context as _, ensure};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use diesel::connection::SimpleConnection as _;
use diesel::pg::PgConnection;
use diesel::sql_types::Text;
use diesel::{Connection as _, QueryableByName, RunQueryDsl as _};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::io::Write as _;

/// Name of the command.
pub const NAME: &str = "restored";
/// By how much versions are raised: more than anything was changed in the time that is lost.
pub const STEP: i64 = 1_000_000;

/// What was put back.
#[derive(Clone, Debug)]
pub struct Restored {
    /// Whose databases.
    pub services: BTreeSet<String>,
    /// Up to when the databases that were lost had worked: what was due outside before may have been done.
    pub lost_at: Timestamp,
    /// Whether tokens of scripts and devices end too.
    pub end_api_tokens: bool,
    /// Now.
    pub now: Timestamp,
}

impl Restored {
    /// Whether this service was put back.
    pub fn is(&self, service: &str) -> bool {
        self.services.contains(service)
    }

    /// Whether the copy that `service` keeps of `owner`'s facts is of another time than the owner is.
    pub fn parted(&self, service: &str, owner: &str) -> bool {
        self.is(service) != self.is(owner)
    }
}

/// Raises the versions of all rows of these tables; answers the line that says so.
pub fn raise_versions(conn: &mut PgConnection, tables: &[&str]) -> anyhow::Result<String> {
    let mut rows = 0;
    for table in tables {
        rows += diesel::sql_query(format!("UPDATE {table} SET version = version + {STEP}")).execute(conn)?;
    }
    Ok(format!("versions of {rows} resources are raised by {STEP}"))
}

/// Deletes all rows of these tables; answers how many there were.
pub fn empty(conn: &mut PgConnection, tables: &[&str]) -> anyhow::Result<usize> {
    let mut rows = 0;
    for table in tables {
        rows += diesel::sql_query(format!("DELETE FROM {table}")).execute(conn)?;
    }
    Ok(rows)
}

/// The command.
pub(crate) fn command() -> Command {
    Command::new(NAME)
        .about("Do what follows when databases were put back to a backup; no instance may run (rollcall-restore(8))")
        .arg(
            Arg::new("lost-at")
                .long("lost-at")
                .value_name("TIME")
                .value_parser(value_parser!(Timestamp))
                .help("up to when the databases that were replaced had worked; now, unless said"),
        )
        .arg(
            Arg::new("end-api-tokens")
                .long("end-api-tokens")
                .action(ArgAction::SetTrue)
                .help("user: end the tokens of scripts and devices too"),
        )
        .arg(Arg::new("services").value_name("SERVICE").num_args(1..).required(true).help("whose databases they were"))
}

/// Runs the command and prints what was done.
pub(crate) fn run<S: Service>(loaded: &Loaded<S::Settings>, options: &ArgMatches) -> anyhow::Result<()> {
    let now = Clock::system().now();
    let restored = Restored {
        services: options.get_many::<String>("services").into_iter().flatten().cloned().collect(),
        lost_at: options.get_one::<Timestamp>("lost-at").copied().unwrap_or(now),
        end_api_tokens: options.get_flag("end-api-tokens"),
        now,
    };
    let mut out = std::io::stdout().lock();
    for line in apply::<S>(&loaded.base, &restored)? {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// Does what follows, as the owner of the tables and in one transaction; answers what was done, a line each.
pub fn apply<S: Service>(base: &BaseSettings, restored: &Restored) -> anyhow::Result<Vec<String>> {
    ensure!(restored.lost_at <= restored.now, "--lost-at {} is in the future", restored.lost_at);
    let url = base.database.owner_url.as_ref().context("setting `database.owner_url` is needed for this")?;
    db::with_lock(url.expose(), |conn| {
        conn.transaction(|conn| {
            let forced = forced(conn)?;
            switch(conn, &forced, "NO FORCE")?;
            let secret = EventDescription::secret_kinds(&S::events());
            let mut done = mechanism(conn, (S::NAME, &secret), base, restored)?;
            done.extend(S::restored(conn, restored)?);
            conn.batch_execute("SET CONSTRAINTS ALL IMMEDIATE")?;
            switch(conn, &forced, "FORCE")?;
            Ok(done)
        })
    })
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

/// Tables whose row-level security holds their owner too.
fn forced(conn: &mut PgConnection) -> anyhow::Result<Vec<Name>> {
    let statement = "SELECT quote_ident(relname) AS name FROM pg_class
        WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND relforcerowsecurity";
    Ok(diesel::sql_query(statement).load(conn)?)
}

/// Within the transaction, which nobody else sees.
fn switch(conn: &mut PgConnection, tables: &[Name], how: &str) -> anyhow::Result<()> {
    for table in tables {
        conn.batch_execute(&format!("ALTER TABLE {} {how} ROW LEVEL SECURITY", table.name))?;
    }
    Ok(())
}

/// What follows for the tables that all services have.
fn mechanism(
    conn: &mut PgConnection,
    (service, secret): (&str, &[&str]),
    base: &BaseSettings,
    restored: &Restored,
) -> anyhow::Result<Vec<String>> {
    let mut done = Vec::new();
    if restored.is("user") {
        // The keys that signed in the time that is lost are believed by nobody any more.
        conn.batch_execute("DELETE FROM jwks_cache")?;
    }
    if restored.is(service) {
        // However old the backup is: who asks or sends again is recognised for as long as ever.
        conn.batch_execute(
            "UPDATE consumed_events SET consumed_at = now();
             UPDATE idempotency_keys SET created_at = now();
             UPDATE outbox_deliveries SET leased_until = NULL, next_attempt_at = now() WHERE state = 'pending';",
        )?;
        return Ok(done);
    }
    for (subscriber, wants) in base.events.subscribers.iter().filter(|(name, _)| restored.is(name)) {
        let again = letters::resend(conn, (subscriber, wants), secret, restored.now)?;
        done.push(format!("{again} events are sent to {subscriber} again"));
    }
    Ok(done)
}
