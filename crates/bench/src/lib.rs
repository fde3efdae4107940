//! Measures the whole: PostgreSQL, services as their release programs, nginx and the load generator of
//! `rollcall_stack::load`, all on one machine. Everything is in `benches/`; the Makefile says how to run it. Here is what
//! several of them need.

pub mod pgbench;

use anyhow::{Context as _, Result, ensure};
use diesel::dsl::sql;
use diesel::sql_types::Text;
use diesel::{Connection as _, PgConnection, RunQueryDsl as _};
use rollcall_stack::Stack;
use std::str::FromStr;

/// The size of a benchmark, from the environment.
#[expect(clippy::disallowed_methods, reason = "the size of a benchmark is no setting of a service")]
pub fn number<T: FromStr<Err: std::error::Error + Send + Sync + 'static>>(name: &str, default: T) -> Result<T> {
    match std::env::var(name) {
        Ok(text) => text.parse().with_context(|| name.to_owned()),
        Err(_) => Ok(default),
    }
}

/// The time of its processors that neighbours of a virtual machine have had, of all time, both in ticks since it started
/// (Linux, `/proc/stat`: the field "steal"); none where no system says it. What a figure was measured beside is half of it.
pub fn taken_by_neighbours() -> Option<(u64, u64)> {
    let stat = std::fs::read_to_string("/proc/stat").ok()?;
    let fields = stat.lines().next()?.split_whitespace().skip(1);
    // The last two, of guests, are in the first two already.
    let ticks: Vec<u64> = fields.take(8).map(str::parse).collect::<Result<_, _>>().ok()?;
    Some((*ticks.get(7)?, ticks.iter().sum()))
}

/// What the figures depend on, asked of the server itself. An error where commits are not flushed.
pub fn conditions(stack: &Stack, service: &str) -> Result<String> {
    let settings = "SELECT string_agg(name || '=' || setting, ', ' ORDER BY name) FROM pg_settings \
                    WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes', 'server_version')";
    let said: String = sql::<Text>(settings).get_result(&mut PgConnection::establish(&stack.database(service)?)?)?;
    ensure!(said.contains("fsync=on") && said.contains("synchronous_commit=on"), "commits are not flushed: {said}");
    Ok(format!("{} cores; PostgreSQL: {said}", std::thread::available_parallelism()?))
}
