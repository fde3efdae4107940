//! Two instances of a service that tells and two of one that hears, at once, while those that tell are killed.

use crate::probe::NoSettings;
use crate::release::Manager;
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text, Uuid};
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use rollcall_common::events::{CloudEvent, EventConsumer};
use rollcall_common::fault::Fault;
use rollcall_common::server::{Core, Service};
use rollcall_common::tenant::Tenant;
use rollcall_stack::testing::{TestService, set};
use std::sync::Arc;
use std::time::{Duration, Instant};
use utoipa_actix_web::service_config::ServiceConfig;

/// Things that change, and how often each does.
const SUBJECTS: i64 = 100;
const VERSIONS: i64 = 40;
/// How often an instance is killed.
const KILLS: usize = 3;
/// A lease is eight seconds; a machine that is busy needs its time besides.
const PATIENCE: Duration = Duration::from_mins(1);

/// Hears, and keeps the newest state of each subject.
pub struct Listener {
    core: Core,
}

impl Service for Listener {
    const NAME: &'static str = "attendance";
    const DEFAULTS: &'static str = "";
    const MIGRATIONS: EmbeddedMigrations = embed_migrations!("tests/mechanism/migrations_listener");
    type Settings = NoSettings;

    async fn build(core: Core, _: NoSettings) -> anyhow::Result<Self> {
        Ok(Self { core })
    }

    fn core(&self) -> &Core {
        &self.core
    }

    fn routes(_: &mut ServiceConfig<'_>) {}

    fn describe() -> utoipa::openapi::OpenApi {
        utoipa::openapi::OpenApi::default()
    }

    fn consumer(self: &Arc<Self>) -> Option<Arc<dyn EventConsumer>> {
        Some(Arc::new(Copying))
    }
}

struct Copying;

impl EventConsumer for Copying {
    fn apply(&self, conn: &mut PgConnection, _: Option<&Tenant>, event: &CloudEvent) -> Result<(), Fault> {
        diesel::sql_query("INSERT INTO effects VALUES ($1)").bind::<Uuid, _>(event.id).execute(conn)?;
        diesel::sql_query(
            "INSERT INTO copies VALUES ($1, $2) ON CONFLICT (subject) DO UPDATE SET version = excluded.version
             WHERE copies.version < excluded.version",
        )
        .bind::<Text, _>(&event.subject)
        .bind::<BigInt, _>(event.aggregateversion.unwrap_or(0))
        .execute(conn)?;
        Ok(())
    }
}

/// All of this version change, in one transaction.
fn tell(admin: &mut PgConnection, version: i64) {
    let sql = format!(
        "WITH told AS (
             INSERT INTO outbox (event_id, kind, subject, aggregate_version, data, occurred_at)
             SELECT gen_random_uuid(), 'org.thing.changed.v1', subject, {version}, '{{}}', now()
             FROM generate_series(1, {SUBJECTS}) AS subject RETURNING event_id, position
         )
         INSERT INTO outbox_deliveries (subscriber, event_id, position, next_attempt_at)
         SELECT 'attendance', event_id, position, now() FROM told"
    );
    admin.batch_execute(&sql).unwrap();
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

fn count(conn: &mut PgConnection, sql: &str) -> i64 {
    diesel::sql_query(sql).get_result::<Count>(conn).unwrap().n
}

/// Waits until the count is as wanted.
async fn until(conn: &mut PgConnection, sql: &str, wanted: impl Fn(i64) -> bool) {
    let began = Instant::now();
    loop {
        let found = count(conn, sql);
        if wanted(found) {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "still {found}: {sql}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[actix_web::test]
async fn instances_that_are_killed_while_they_send_lose_nothing_and_double_nothing() {
    // The clock of those who hear stands still, and that of those who tell goes on: it is theirs that leases go by.
    let hearing = TestService::<Listener>::with(|_| {}).await;
    hearing.clock.set(rollcall_common::clock::Clock::system().now());
    let other = hearing.another_instance().await;
    let key = hearing.directory.join("org.pem");
    std::fs::write(&key, hearing.keys.service_key("org").unwrap().private_pem).unwrap();
    let urls = vec![hearing.base_url.clone(), format!("http://{}", other.address())];
    let mut telling = Manager::new(|settings| {
        set(settings, "identity.private_key_file", key.to_str().unwrap());
        set(settings, "events.poll_ms", 20);
        set(settings, "events.batch_size", 20);
        set(settings, "events.subscribers.attendance", "org.");
        set(settings, "peers.attendance.urls", urls);
        set(settings, "peers.attendance.public_key", hearing.keys.service_key("attendance").unwrap().public);
    });
    let mut outbox = PgConnection::establish(&telling.admin_url()).unwrap();
    let mut instances = vec![telling.ready(), telling.ready()];
    let mut versions = 1..=VERSIONS;
    for _ in 0..KILLS {
        for version in versions.by_ref().take(10) {
            tell(&mut outbox, version);
        }
        // One of them has some in hand.
        until(&mut outbox, "SELECT count(*) AS n FROM outbox_deliveries WHERE leased_until > now()", |n| n > 0).await;
        instances.remove(0).process.kill();
        instances.push(telling.ready());
    }
    for version in versions {
        tell(&mut outbox, version);
    }
    until(&mut outbox, "SELECT count(*) AS n FROM outbox_deliveries", |n| n == 0).await;

    let mut heard = PgConnection::establish(&hearing.admin_url).unwrap();
    let told = SUBJECTS * VERSIONS;
    assert_eq!(count(&mut heard, "SELECT count(*) AS n FROM effects"), told, "each has had its effect");
    assert_eq!(count(&mut heard, "SELECT count(DISTINCT event_id) AS n FROM effects"), told, "and none had two");
    let newest = format!("SELECT count(*) AS n FROM copies WHERE version = {VERSIONS}");
    assert_eq!(count(&mut heard, &newest), SUBJECTS, "in whichever order they came");
    for instance in instances {
        instance.process.ask_to_stop();
        assert!(instance.process.wait(PATIENCE).unwrap().success());
    }
    other.stop().await.unwrap();
}
