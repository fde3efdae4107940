//! Two services on `common`, as small as they can be: org's place is taken by one that tells what it changes,
//! notification's by one that keeps a copy of what it is told. Both run in this program, each with a pool, a server and
//! a database of its own; between them is HTTP.

use crate::lags::Lags;
use anyhow::{Context as _, Result};
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Jsonb, Uuid};
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use rollcall_common::db;
use rollcall_common::events::{CloudEvent, EventConsumer};
use rollcall_common::fault::Fault;
use rollcall_common::server::{self, Core, Environment, Running, Service};
use rollcall_common::tenant::Tenant;
use rollcall_common::testing::{ManualClock, TestKeys};
use rollcall_ids::EmployeeId;
use rollcall_org_api::facts::EmployeeFact;
use rollcall_stack::Stack;
use rollcall_stack::crowd::Crowd;
use rollcall_stack::settings::set;
use rollcall_stack::testing::loaded;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use toml::Table;
use utoipa_actix_web::service_config::ServiceConfig;

/// What our subscriber hears; what is told to attendance is an event of org.
pub(crate) const COPY_CHANGED: &str = "org.copy.changed.v1";

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct NoSettings {}

/// Tells what it changes.
pub(crate) struct Emitter {
    core: Core,
}

impl Service for Emitter {
    const NAME: &'static str = "org";
    const DEFAULTS: &'static str = "";
    const MIGRATIONS: EmbeddedMigrations = embed_migrations!("benches/events/emitter");
    const CONSUMES_EVENTS: bool = false;
    type Settings = NoSettings;

    async fn build(core: Core, _: NoSettings) -> Result<Self> {
        Ok(Self { core })
    }

    fn core(&self) -> &Core {
        &self.core
    }

    fn routes(_: &mut ServiceConfig<'_>) {}

    fn describe() -> utoipa::openapi::OpenApi {
        utoipa::openapi::OpenApi::default()
    }
}

/// Keeps a copy.
pub(crate) struct Subscriber {
    core: Core,
    lags: Arc<OnceLock<Arc<Lags>>>,
}

impl Subscriber {
    /// Where it says how long each event took; before this nobody is told.
    pub(crate) fn measure(&self, lags: &Arc<Lags>) {
        // It is told once.
        let _ = self.lags.set(Arc::clone(lags));
    }
}

impl Service for Subscriber {
    const NAME: &'static str = "notification";
    const DEFAULTS: &'static str = "";
    const MIGRATIONS: EmbeddedMigrations = embed_migrations!("benches/events/subscriber");
    type Settings = NoSettings;

    async fn build(core: Core, _: NoSettings) -> Result<Self> {
        Ok(Self { core, lags: Arc::default() })
    }

    fn core(&self) -> &Core {
        &self.core
    }

    fn routes(_: &mut ServiceConfig<'_>) {}

    fn describe() -> utoipa::openapi::OpenApi {
        utoipa::openapi::OpenApi::default()
    }

    fn consumer(self: &Arc<Self>) -> Option<Arc<dyn EventConsumer>> {
        Some(Arc::new(Copying { lags: Arc::clone(&self.lags) }))
    }
}

struct Copying {
    lags: Arc<OnceLock<Arc<Lags>>>,
}

impl EventConsumer for Copying {
    fn apply(&self, conn: &mut PgConnection, tenant: Option<&Tenant>, event: &CloudEvent) -> Result<(), Fault> {
        self.apply_all(conn, tenant, &[event])
    }

    /// The upsert by version that every copy of a fact is, one statement for a batch as attendance has it.
    fn apply_all(&self, conn: &mut PgConnection, tenant: Option<&Tenant>, events: &[&CloudEvent]) -> Result<(), Fault> {
        let tenant = tenant.ok_or(Fault::NotFound)?;
        let mut newest: BTreeMap<EmployeeId, (i64, &Value)> = BTreeMap::new();
        for event in events {
            let fact: EmployeeFact = event.data()?;
            let kept = newest.entry(fact.employee_id).or_insert((fact.version, &event.data));
            if kept.0 < fact.version {
                *kept = (fact.version, &event.data);
            }
        }
        diesel::sql_query(
            "INSERT INTO copies (org_id, employee_id, fact, version)
             SELECT $1, new.* FROM unnest($2, $3, $4) AS new (employee_id, fact, version)
             ON CONFLICT (org_id, employee_id) DO UPDATE
             SET fact = excluded.fact, version = excluded.version, effects = copies.effects + 1
             WHERE copies.version < excluded.version",
        )
        .bind::<Uuid, _>(tenant.org_id())
        .bind::<Array<Uuid>, _>(newest.keys().copied().collect::<Vec<_>>())
        .bind::<Array<Jsonb>, _>(newest.values().map(|(_, fact)| *fact).collect::<Vec<_>>())
        .bind::<Array<BigInt>, _>(newest.values().map(|(version, _)| *version).collect::<Vec<_>>())
        .execute(conn)?;
        Ok(())
    }

    fn committed(&self, event: &CloudEvent) {
        if let Some(lags) = self.lags.get() {
            lags.arrived(event);
        }
    }
}

/// Starts our subscriber, which believes the crowd when it speaks as org.
pub(crate) async fn subscriber(crowd: &Crowd, stack: &Stack) -> Result<Running<Subscriber>> {
    start(stack, |settings| {
        set(settings, "peers.org.public_key", crowd.service_key("org")?.public);
        Ok(())
    })
    .await
}

/// Starts what tells both subscribers, as the crowd's org.
pub(crate) async fn emitter(
    crowd: &Crowd,
    stack: &Stack,
    subscriber: &Running<Subscriber>,
) -> Result<Running<Emitter>> {
    let keys = [("notification", format!("http://{}", subscriber.address()))];
    let peers = keys.into_iter().chain([("attendance", stack.service_url("attendance")?)]);
    start(stack, |settings| {
        for (name, url) in peers {
            set(settings, &format!("peers.{name}.url"), url);
            set(settings, &format!("peers.{name}.public_key"), crowd.service_key(name)?.public);
        }
        set(settings, "events.subscribers.notification", "org.copy.");
        set(settings, "events.subscribers.attendance", "org.employee.");
        let file = stack.run_dir().join("org.pem");
        std::fs::write(&file, crowd.service_key("org")?.private_pem)?;
        set(settings, "identity.private_key_file", file.to_str().context("a path")?);
        Ok(())
    })
    .await
}

/// Starts a service in this program, on its database in the stack.
async fn start<S: Service>(stack: &Stack, change: impl FnOnce(&mut Table) -> Result<()>) -> Result<Running<S>> {
    let admin = stack.database(S::NAME)?;
    let url = |role: &str| -> Result<String> {
        let (_, rest) = admin.split_once('@').context("a URL with a password")?;
        Ok(format!("postgres://{role}:measured@{rest}"))
    };
    let (role, owner) = (format!("rollcall_{}", S::NAME), format!("rollcall_{}_owner", S::NAME));
    let sql = format!("ALTER ROLE {role} PASSWORD 'measured'; ALTER ROLE {owner} PASSWORD 'measured'");
    PgConnection::establish(&admin)?.batch_execute(&sql)?;
    let owner_url = url(&owner)?;
    tokio::task::spawn_blocking(move || db::migrate(&owner_url, S::MIGRATIONS)).await??;

    let keys = TestKeys::generate(ManualClock::at(rollcall_common::clock::Clock::system().now()))?;
    let (mut settings, directory) = (Table::new(), stack.run_dir().join("measured"));
    std::fs::create_dir_all(&directory)?;
    let key = directory.join(format!("{}.pem", S::NAME));
    std::fs::write(&key, keys.service_key(S::NAME)?.private_pem)?;
    set(&mut settings, "identity.private_key_file", key.to_str().context("a path")?);
    set(&mut settings, "database.url", url(&role)?);
    set(&mut settings, "server.drain_ms", 0);
    change(&mut settings)?;
    let file = directory.join(format!("{}.toml", S::NAME));
    std::fs::write(&file, toml::to_string(&settings)?)?;
    let loaded = loaded::<S>(&file)?;
    server::start::<S>(loaded, Environment { keys: Some(keys.jwks()), ..Environment::real() }).await
}
