//! How a service starts, serves and stops.

mod door;
mod health;
pub(crate) mod limits;
mod observe;
mod openapi;
mod routes;
mod socket;
mod streamed;
mod systemd;
mod tasks;

pub use limits::{LimitSettings, RateSettings};
pub use openapi::{openapi, openapi_with_internal};
pub use tasks::{Drain, Tasks};

use crate::auth::{
    AccessTokens, ApiTokenAuthority, ApiTokens, Identity, JwkSet, KeyCache, KeySource, Revocations, ServiceTokens,
};
use crate::client::{self, Peers};
use crate::clock::Clock;
use crate::db::Database;
use crate::describe::EventDescription;
use crate::events::letters::{self, FORGET};
use crate::events::{self, EventConsumer, Outbox};
use crate::extract::BodyLimit;
use crate::idempotency;
use crate::restored::Restored;
use crate::settings::{BaseSettings, Loaded};
use crate::telemetry;
use actix_web::dev::ServerHandle;
use actix_web::{App, middleware, web};
use diesel::pg::PgConnection;
use diesel_migrations::EmbeddedMigrations;
use jiff::SignedDuration;
use limits::{InFlight, Rates};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use utoipa_actix_web::AppExt as _;
use utoipa_actix_web::service_config::ServiceConfig;

/// Between two rounds of folding the samples of histograms, which nobody else does when nobody reads the metrics.
const UPKEEP: Duration = Duration::from_secs(5);
/// Between two rounds of forgetting old idempotency keys and event ids.
const HOUSEKEEPING: Duration = Duration::from_hours(1);

/// For a stop to be over, after the time that requests have: actix looks once a second whether they are done. With
/// `server.drain_ms` and `server.shutdown_seconds` it is less than the 40 s after which systemd kills.
const LAST_MOMENTS: Duration = Duration::from_secs(4);

/// A service: what it is called, what it serves, what it does besides.
pub trait Service: Sized + Send + Sync + 'static {
    /// Its name, which is in its paths, its environment variables and its tokens.
    const NAME: &'static str;
    /// `config/default.toml`.
    const DEFAULTS: &'static str;
    /// Settings of its own that name a file with a secret, and what the file is called among the credentials of an
    /// installation (`deploy/README.md`).
    const CREDENTIALS: &'static [(&'static str, &'static str)] = &[];
    /// Its migrations, besides those of the mechanism.
    const MIGRATIONS: EmbeddedMigrations;
    /// Its own sections of the settings.
    type Settings: Serialize + DeserializeOwned + Clone + Debug + Send + Sync + 'static;

    /// Prepares the state. Nothing is served before it returns.
    fn build(core: Core, settings: Self::Settings) -> impl Future<Output = anyhow::Result<Self>> + Send;
    /// What it was built on.
    fn core(&self) -> &Core;
    /// Its routes: handlers with `#[utoipa::path]` and their full path.
    fn routes(config: &mut ServiceConfig<'_>);
    /// Title, text and tags of its description.
    fn describe() -> utoipa::openapi::OpenApi;
    /// Paths whose answers to `GET` are streams that stay open for long: their connections cost a few hundred bytes
    /// each. Everything else about such a route is as for others.
    const STREAMS: &'static [&'static str] = &[];
    /// Application data besides `web::Data<Self>` and `web::Data<Core>`.
    fn data(self: &Arc<Self>, _config: &mut web::ServiceConfig) {}
    /// What it does with events of others; none: it takes none.
    fn consumer(self: &Arc<Self>) -> Option<Arc<dyn EventConsumer>> {
        None
    }
    /// What runs in the background; ended when the service drains.
    fn tasks(self: &Arc<Self>, _tasks: &mut Tasks) {}
    /// The events that it tells other services, for its description; and which of them hold a secret, for the outbox.
    fn events() -> Vec<EventDescription> {
        Vec::new()
    }
    /// Whether it takes events, for its description: there is no state to ask there. Every service does, because
    /// everybody hears when sessions end; only the one that ends them hears from nobody.
    const CONSUMES_EVENTS: bool = true;
    /// Who knows what API tokens are worth; none: the user service is asked.
    fn api_tokens(self: &Arc<Self>) -> Option<Arc<dyn ApiTokenAuthority>> {
        None
    }
    /// What follows here, besides what the mechanism does, when databases were put back to a backup: in the owner's
    /// transaction, in which no row-level security holds, with no instance running. Answers what was done, a line each.
    fn restored(_conn: &mut PgConnection, _restored: &Restored) -> anyhow::Result<Vec<String>> {
        Ok(Vec::new())
    }
    /// Subcommands besides those that every service has.
    fn commands() -> Vec<clap::Command> {
        Vec::new()
    }
    /// Runs one of those commands on the prepared service, without serving; what it answers is printed.
    fn command(self, name: &str, _options: &clap::ArgMatches) -> impl Future<Output = anyhow::Result<String>> + Send {
        let unknown = anyhow::anyhow!("no such command: {name}");
        async move { Err(unknown) }
    }
}

/// What every service is built on. Cheap to clone.
#[derive(Clone)]
pub struct Core {
    /// Name of the service.
    pub name: &'static str,
    /// Its settings.
    pub base: Arc<BaseSettings>,
    /// Its database.
    pub db: Database,
    /// Its clock.
    pub clock: Clock,
    /// Where it writes events.
    pub outbox: Outbox,
    /// Whom it may call.
    pub peers: Peers,
    /// Tells when it is about to stop.
    pub drain: Drain,
    /// Sessions that ended before their tokens did.
    pub revocations: Revocations,
    pub(crate) access_tokens: Arc<AccessTokens>,
    pub(crate) service_tokens: Arc<ServiceTokens>,
    pub(crate) rates: Arc<Rates>,
    pub(crate) in_flight: InFlight,
    keys: Arc<KeyCache>,
    pub(crate) readiness: Arc<health::Readiness>,
}

/// What surrounds a service: tests put their own here.
#[derive(Clone, Debug)]
pub struct Environment {
    /// The time.
    pub clock: Clock,
    /// Keys of access tokens, instead of those published at `auth.jwks_url`.
    pub keys: Option<JwkSet>,
}

impl Environment {
    /// The machine's clock and the published keys.
    pub fn real() -> Self {
        Self { clock: Clock::system(), keys: None }
    }
}

/// A service that runs.
pub struct Running<S> {
    address: SocketAddr,
    service: Arc<S>,
    handle: ServerHandle,
    server: tokio::task::JoinHandle<std::io::Result<()>>,
    tasks: Tasks,
    drain: Drain,
    drain_time: Duration,
    shutdown_time: Duration,
}

/// Starts a service and answers once it accepts connections. Refuses to start behind its own migrations; a
/// database that is away is waited for: with `/readyz` saying so, or, when the socket was handed over and another
/// instance may serve it, without taking a connection.
pub async fn start<S: Service>(loaded: Loaded<S::Settings>, environment: Environment) -> anyhow::Result<Running<S>> {
    let Loaded { base, own } = loaded;
    telemetry::metrics();
    telemetry::describe_process(environment.clock.now());
    let handed_over = socket::handed_over(&base.server)?;
    let core = core::<S>(base, environment)?;
    if handed_over.is_some() {
        systemd::wait_for_database::<S>(&core).await;
    }
    health::refuse_old_schema(&core, S::MIGRATIONS).await?;
    let service = Arc::new(S::build(core.clone(), own).await?);
    if let Some(authority) = service.api_tokens() {
        core.access_tokens.api_tokens.ask(authority);
    }
    catch_up(&core).await;
    let mut tasks = Tasks::new(core.drain.clone());
    background(&core, &service, &mut tasks)?;

    let settings = core.base.server.clone();
    let listener = handed_over.map_or_else(|| socket::own(&settings), Ok)?;
    let address = listener.local_addr()?;
    let shared = Arc::clone(&service);
    let server_core = core.clone();
    let description = web::Data::new(health::Description::of::<S>()?);
    let known = web::Data::new(routes::Routes::of::<S>());
    let pulse = systemd::Pulse::new();
    tasks.spawn("tell the service manager", systemd::report::<S>(core.clone(), pulse.clone()));
    let server = door::serve(&settings, listener, S::STREAMS, move || {
        let core = server_core.clone();
        let service = Arc::clone(&shared);
        let limit = core.base.server.body_limit_bytes;
        pulse.beat_here();
        core.in_flight.watch_here();
        App::new()
            .wrap(middleware::from_fn(observe::observe))
            .app_data(web::Data::new(core))
            .app_data(web::Data::from(Arc::clone(&service)))
            .app_data(description.clone())
            .app_data(known.clone())
            .app_data(BodyLimit(limit))
            .configure(|config| {
                if let Some(consumer) = service.consumer() {
                    config.app_data(web::Data::from(consumer));
                }
                service.data(config);
                health::routes::<S>(config);
            })
            .into_utoipa_app()
            .configure(routes::<S>)
            .into_app()
    })?;
    let handle = server.handle();
    let server = tokio::spawn(server);
    tracing::info!(service = S::NAME, %address, "serving");
    let drain_time = Duration::from_millis(settings.drain_ms);
    let shutdown_time = Duration::from_secs(settings.shutdown_seconds);
    Ok(Running { address, service, handle, server, tasks, drain: core.drain, drain_time, shutdown_time })
}

/// A service that does not serve: what a command works on. Refuses a database that is behind, as [`start`] does.
pub(crate) async fn prepare<S: Service>(loaded: Loaded<S::Settings>, environment: Environment) -> anyhow::Result<S> {
    let core = core::<S>(loaded.base, environment)?;
    health::refuse_old_schema(&core, S::MIGRATIONS).await?;
    S::build(core, loaded.own).await
}

/// Knows which sessions have ended before the first request asks: by the service's own database, and by user for
/// the time that this service was down. When the database is away the first request reads it.
async fn catch_up(core: &Core) {
    if let Err(error) = core.revocations.read_news().await {
        tracing::warn!(error = crate::problem::chain(&error), "cannot read yet which sessions have ended");
    }
    if let (Ok(user), false) = (core.peers.get("user"), core.keys.is_fixed()) {
        core.revocations.catch_up(&user).await;
    }
}

/// All routes that have a description.
fn routes<S: Service>(config: &mut ServiceConfig<'_>) {
    if S::CONSUMES_EVENTS {
        config.service(events::intake::intake);
    }
    S::routes(config);
}

fn core<S: Service>(base: BaseSettings, environment: Environment) -> anyhow::Result<Core> {
    let Environment { clock, keys } = environment;
    anyhow::ensure!(
        base.events.keep_days <= 21,
        "events.keep_days = {}: no more than 21, or a subscriber has forgotten which events it had",
        base.events.keep_days
    );
    let identity = Identity::from_file(S::NAME, &base.identity.private_key_file, clock.clone())?;
    let http = client::http()?;
    let db = Database::new(&base.database);
    let source = keys.map_or_else(|| KeySource::Url(base.auth.jwks_url.clone()), KeySource::Fixed);
    let keys = Arc::new(KeyCache::new(source, http.clone(), db.clone(), clock.clone()));
    let peers = Peers::new(&base, &Arc::new(identity), &http);
    let revocations = Revocations::new(db.clone(), clock.clone());
    let api_tokens = ApiTokens::new(peers.clone(), clock.clone());
    let access_tokens =
        AccessTokens::new(Arc::clone(&keys), clock.clone(), &base.auth, revocations.clone(), api_tokens);
    let secret = EventDescription::secret_kinds(&S::events());
    Ok(Core {
        name: S::NAME,
        access_tokens: Arc::new(access_tokens),
        service_tokens: Arc::new(ServiceTokens::new(S::NAME, &base.peers, clock.clone())?),
        peers,
        revocations,
        outbox: Outbox::new(clock.clone(), base.events.subscribers.clone(), secret),
        drain: Drain::default(),
        rates: Arc::new(Rates::new(&base.limits)),
        in_flight: InFlight::new(&base.limits),
        readiness: Arc::default(),
        base: Arc::new(base),
        db,
        clock,
        keys,
    })
}

fn background<S: Service>(core: &Core, service: &Arc<S>, tasks: &mut Tasks) -> anyhow::Result<()> {
    for subscriber in core.base.events.subscribers.keys() {
        let peer = core.peers.get(subscriber)?;
        let dispatch = events::dispatch(core.clone(), subscriber.clone(), peer.patient());
        tasks.spawn_until_drained("dispatch events", |_| dispatch);
    }
    if !core.base.events.subscribers.is_empty() {
        tasks.spawn("tell how many events wait", letters::report(core.clone()));
    }
    let keys = Arc::clone(&core.keys);
    let every = Duration::from_secs(core.base.auth.refresh_seconds);
    tasks.spawn("refresh keys", async move {
        keys.warm().await;
        loop {
            tokio::time::sleep(every).await;
            keys.refresh_or_warn().await;
        }
    });
    tasks.spawn("keep metrics small", async {
        loop {
            tokio::time::sleep(UPKEEP).await;
            telemetry::metrics().run_upkeep();
        }
    });
    tasks.spawn("follow ended sessions", core.revocations.clone().follow(core.peers.get("user").ok()));
    let housekeeper = core.clone();
    tasks.spawn("forget old keys and ids", async move {
        loop {
            tokio::time::sleep(HOUSEKEEPING).await;
            housekeeper.forget_old().await;
        }
    });
    service.tasks(tasks);
    Ok(())
}

impl Core {
    /// Deletes rows of the mechanism that are over: answers of idempotency keys after a day, ids of taken events after
    /// thirty, ended sessions with their last token, taken events after `events.keep_days`. Each in portions of ten
    /// thousand rows. Runs every hour; a failure is in the log and the next round tries again.
    pub async fn forget_old(&self) {
        let (db, now) = (&self.db, self.clock.now());
        let kept = SignedDuration::from_hours(24 * i64::from(self.base.events.keep_days));
        let forgotten = [
            ("idempotency keys", letters::in_steps(db, move |conn| idempotency::forget_old(conn, now, FORGET)).await),
            ("event ids", letters::forget_old(db, now).await),
            ("ended sessions", self.revocations.forget_old().await),
            ("taken events", letters::forget_taken(db, now, kept, self.outbox.secret_kinds()).await),
        ];
        for (what, forgotten) in forgotten {
            match forgotten {
                Ok(rows) => tracing::info!(what, rows, "forgot old rows"),
                Err(error) => tracing::warn!(what, error = crate::problem::chain(&error), "cannot forget old rows"),
            }
        }
    }
}

impl<S: Service> Running<S> {
    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The service.
    pub const fn service(&self) -> &Arc<S> {
        &self.service
    }

    /// Stops as a release does: not ready, streams ended, nothing new accepted, connections let go of while what
    /// comes on them is still answered, the rest finished. Takes `server.drain_ms`, then at most
    /// `server.shutdown_seconds` and a moment; an error names what had not ended by then.
    pub async fn stop(self) -> anyhow::Result<()> {
        tracing::info!(service = S::NAME, "draining");
        let until = Instant::now() + self.drain_time + self.shutdown_time + LAST_MOMENTS;
        self.drain.start();
        self.handle.pause().await;
        // Not sooner: whoever hears it counts on the next connection being somebody else's.
        systemd::tell_stopping();
        tokio::time::sleep(self.drain_time).await;
        let served = async {
            self.handle.stop(true).await;
            self.server.await
        };
        let Ok(served) = timeout_at(until, served).await else {
            anyhow::bail!("the server did not end: a worker, or the thread that takes connections, is blocked");
        };
        served??;
        tracing::info!(service = S::NAME, "all requests answered");
        let left = self.tasks.join(until).await;
        anyhow::ensure!(left.is_empty(), "background tasks did not end: {}", left.join(", "));
        tracing::info!(service = S::NAME, "stopped");
        Ok(())
    }
}
