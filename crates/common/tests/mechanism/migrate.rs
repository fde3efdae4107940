//! Migrations beside a service that serves and a backup that reads.

use crate::{Stage, eventually};
use diesel::connection::SimpleConnection as _;
use diesel::sql_types::Bool;
use diesel::{Connection as _, PgConnection, QueryableByName, RunQueryDsl as _};
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use rollcall_common::db;
use std::time::{Duration, Instant};

/// A column, and an index outside a transaction.
const LATER: EmbeddedMigrations = embed_migrations!("tests/mechanism/migrations_later");
const BOTH: [&str; 2] = ["2026-11-30-000001_column", "2026-11-30-000002_index"];
/// What a service lets a request wait for a lock (`database.lock_timeout_ms`).
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

fn asked(connection: &mut PgConnection, question: &str) -> bool {
    diesel::sql_query(format!("SELECT {question} AS yes")).get_result::<Answer>(connection).unwrap().yes
}

#[actix_web::test]
async fn a_step_that_does_not_get_its_lock_lets_requests_pass_and_is_tried_again() {
    let stage = Stage::set().await;
    stage.add("a", "key-1").await;
    // As a backup has it, for as long as it reads.
    let mut reader = PgConnection::establish(&stage.service.admin_url).unwrap();
    reader.batch_execute("BEGIN; SELECT FROM notes").unwrap();
    let url = stage.service.database_url.clone();
    let migration = tokio::task::spawn_blocking(move || db::migrate(&url, LATER));
    let mut admin = PgConnection::establish(&stage.service.admin_url).unwrap();
    let mut longest = Duration::ZERO;
    let mut waited = false;
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE * 2 {
        waited |= asked(&mut admin, "EXISTS (SELECT FROM pg_locks WHERE NOT granted)");
        let since = Instant::now();
        assert_eq!(stage.listed().await, ["a"]);
        longest = longest.max(since.elapsed());
    }
    assert!(waited, "the step asks for its lock");
    assert!(longest < PATIENCE / 2, "a request waited {longest:?}");
    reader.batch_execute("COMMIT").unwrap();
    assert_eq!(migration.await.unwrap().unwrap(), BOTH);
    assert_eq!(stage.listed().await, ["a"]);
}

#[actix_web::test]
async fn an_index_waits_for_an_old_snapshot_and_one_that_was_left_unfinished_is_built_anew() {
    let stage = Stage::set().await;
    let mut backup = PgConnection::establish(&stage.service.admin_url).unwrap();
    // A snapshot, and no lock that the first step would want.
    let snapshot = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1";
    backup.batch_execute(snapshot).unwrap();
    let mut owner = PgConnection::establish(&stage.service.database_url).unwrap();
    owner.batch_execute("SET lock_timeout = '100ms'").unwrap();
    let error = owner.batch_execute("CREATE INDEX CONCURRENTLY notes_by_text ON notes (text)").unwrap_err();
    assert!(error.to_string().contains("lock timeout"), "{error}");
    let valid = "EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass('notes_by_text') AND indisvalid)";
    assert!(!asked(&mut owner, valid), "what was left is there and not used");
    backup.batch_execute("COMMIT").unwrap();
    backup.batch_execute(snapshot).unwrap();

    let url = stage.service.database_url.clone();
    let migration = tokio::task::spawn_blocking(move || db::migrate(&url, LATER));
    let waits = "EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%CONCURRENTLY%')";
    let mut admin = PgConnection::establish(&stage.service.admin_url).unwrap();
    eventually("it waits for the snapshot", || std::future::ready(asked(&mut admin, waits).then_some(()))).await;
    // Longer than any lock is waited for.
    tokio::time::sleep(PATIENCE * 2).await;
    assert!(!migration.is_finished());
    backup.batch_execute("COMMIT").unwrap();
    assert_eq!(migration.await.unwrap().unwrap(), BOTH);
    assert!(asked(&mut owner, valid));
}
