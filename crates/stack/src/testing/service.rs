//! A service in the process of its test, on a free port and a database of its own.

use super::cluster::{Cluster, TestDatabase};
use crate::ports;
use crate::settings::{add_own, set, text};
use crate::topology::Topology;
use anyhow::{Context, Result};
use jiff::Timestamp;
use reqwest::{Method, RequestBuilder};
use rollcall_common::server::{self, Environment, Running, Service};
use rollcall_common::settings::{Loaded, Sources, load};
use rollcall_common::testing::{ManualClock, TestKeys};
use rollcall_common::{db, secret};
use rollcall_ids::UserId;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::task;
use toml::Table;

/// What the clock of a test shows at first: nine in the morning of a Monday, UTC.
pub const START: &str = "2026-06-01T09:00:00Z";
/// Nobody listens here: calls to a peer that a test has not arranged are refused at once.
const NOWHERE: &str = "http://127.0.0.1:9";

/// The methods of requests, on whatever has `request`.
macro_rules! verbs {
    ($how:literal) => {
        verbs!($how, get GET, post POST, put PUT, patch PATCH, delete DELETE);
    };
    ($how:literal, $($name:ident $method:ident),+) => {$(
        #[doc = concat!("`", stringify!($method), "` ", $how, ". `path` starts with a slash.")]
        pub fn $name(&self, path: &str) -> RequestBuilder {
            self.request(Method::$method, path)
        }
    )+};
}

/// A running service and everything a test needs to talk to it.
pub struct TestService<S: Service> {
    /// Its address, without a slash at the end.
    pub base_url: String,
    /// The time it is there; stands still unless moved.
    pub clock: ManualClock,
    /// Mint the tokens it believes.
    pub keys: TestKeys,
    /// For requests.
    pub http: reqwest::Client,
    /// Its database as the owner of the tables, for whom row-level security holds too.
    pub database_url: String,
    /// Its database as a superuser, whom no policy stops: for arranging and asserting across tenants.
    pub admin_url: String,
    /// Files of this test alone: keys, and mails in `mail/`.
    pub directory: PathBuf,
    running: Running<S>,
}

/// File in the directory of a test.
const SETTINGS: &str = "settings.toml";

/// Sends requests with one bearer token.
pub struct As<'a> {
    http: &'a reqwest::Client,
    base_url: &'a str,
    token: String,
}

/// Whose keys the service verifies access tokens with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Issuer {
    /// The test, with [`TestService::keys`].
    Test,
    /// The service itself, which publishes them: the user service.
    Itself,
}

impl<S: Service> TestService<S> {
    /// Starts it with its packaged defaults. Panics with the reason when it does not start.
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// Starts it with settings changed, e.g. `crate::testing::set(settings, "peers.org.url", mock.uri())`.
    pub async fn with(change: impl FnOnce(&mut Table)) -> Self {
        Self::started(Issuer::Test, change).await
    }

    /// Starts a service that issues access tokens itself and believes those; [`Self::keys`] mints only service
    /// tokens then.
    pub async fn issuing_tokens(change: impl FnOnce(&mut Table)) -> Self {
        Self::started(Issuer::Itself, change).await
    }

    #[expect(clippy::panic, reason = "a service that does not start fails its test, with the reason")]
    async fn started(issuer: Issuer, change: impl FnOnce(&mut Table)) -> Self {
        match Self::try_start(issuer, change).await {
            Ok(service) => service,
            Err(error) => panic!("{} did not start: {error:#}", S::NAME),
        }
    }

    async fn try_start(issuer: Issuer, change: impl FnOnce(&mut Table)) -> Result<Self> {
        log_failures();
        let (database, directory) = task::spawn_blocking(prepare::<S>).await??;
        let clock = ManualClock::at(START.parse::<Timestamp>()?);
        let keys = TestKeys::generate(clock.clone())?;
        let mut settings = settings::<S>(&keys, &database, &directory)?;
        if issuer == Issuer::Itself {
            let address = format!("127.0.0.1:{}", ports::free()?);
            set(&mut settings, "auth.jwks_url", format!("http://{address}/.well-known/jwks.json"));
            set(&mut settings, "server.listen", address);
        }
        change(&mut settings);
        let file = write(&settings, &directory)?;
        let loaded = loaded::<S>(&file)?;
        let environment = Environment { clock: clock.clock(), keys: (issuer == Issuer::Test).then(|| keys.jwks()) };
        let running = server::start::<S>(loaded, environment).await?;
        Ok(Self {
            base_url: format!("http://{}", running.address()),
            clock,
            keys,
            http: client()?,
            database_url: database.owner_url,
            admin_url: database.admin_url,
            directory,
            running,
        })
    }

    /// Another instance, on the same database and with the same settings and clock. Panics with the reason when it does
    /// not start.
    #[expect(clippy::panic, reason = "a service that does not start fails its test, with the reason")]
    pub async fn another_instance(&self) -> Running<S> {
        let started = start_again(&self.directory, &self.clock, &self.keys).await;
        started.unwrap_or_else(|error| panic!("another {} did not start: {error:#}", S::NAME))
    }

    /// Stops it in order and starts it again, on the same database and with the same settings and clock, after what happens
    /// meanwhile. Panics with the reason when that fails.
    #[expect(clippy::panic, reason = "a service that does not stop or start fails its test, with the reason")]
    pub async fn restarted(self, meanwhile: impl FnOnce()) -> Self {
        let Self { running, directory, clock, keys, .. } = self;
        let again = async {
            running.stop().await?;
            meanwhile();
            start_again(&directory, &clock, &keys).await
        };
        let running = again.await.unwrap_or_else(|error| panic!("{} is not back: {error:#}", S::NAME));
        let Self { http, database_url, admin_url, .. } = self;
        let base_url = format!("http://{}", running.address());
        Self { base_url, clock, keys, http, database_url, admin_url, directory, running }
    }

    /// The service itself, for what has no HTTP way.
    pub fn app(&self) -> &Arc<S> {
        self.running.service()
    }

    /// A request without a token. `path` starts with a slash.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base_url))
    }

    verbs!("without a token");

    /// Requests of a signed-in user, with a token that is valid for five minutes of the test's clock.
    #[expect(clippy::expect_used, reason = "a fresh key signs; anything else fails the test")]
    pub fn as_user(&self, user_id: UserId) -> As<'_> {
        self.with_token(self.keys.access_token(user_id).expect("a fresh key signs"))
    }

    /// Requests of another service, with a token of its own.
    #[expect(clippy::expect_used, reason = "a fresh key signs; anything else fails the test")]
    pub fn as_service(&self, name: &str) -> As<'_> {
        self.with_token(self.keys.service_token(name, S::NAME).expect("a fresh key signs"))
    }

    /// Requests with any token.
    pub fn with_token(&self, token: impl Into<String>) -> As<'_> {
        As { http: &self.http, base_url: &self.base_url, token: token.into() }
    }

    /// Stops it in order, as a release does.
    #[expect(clippy::panic, reason = "a service that does not stop fails its test, with the reason")]
    pub async fn stop(self) {
        if let Err(error) = self.running.stop().await {
            panic!("{} did not stop in order: {error:#}", S::NAME);
        }
    }
}

impl As<'_> {
    /// A request with the token. `path` starts with a slash.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base_url)).bearer_auth(&self.token)
    }

    verbs!("with the token");
}

/// An instance on the database of a test that has one.
async fn start_again<S: Service>(directory: &Path, clock: &ManualClock, keys: &TestKeys) -> Result<Running<S>> {
    let loaded = loaded::<S>(&directory.join(SETTINGS))?;
    server::start::<S>(loaded, Environment { clock: clock.clock(), keys: Some(keys.jwks()) }).await
}

/// The settings of a file over the packaged defaults, whatever stands in the environment.
pub fn loaded<S: Service>(file: &Path) -> Result<Loaded<S::Settings>> {
    Ok(load(&Sources {
        service: S::NAME,
        defaults: S::DEFAULTS,
        topology: None,
        file: Some(file),
        environment: Some(HashMap::new()),
    })?)
}

/// A service as a process of its own would be started: a migrated database and a settings file. Blocks.
pub fn settings_file<S: Service>(change: impl FnOnce(&mut Table)) -> Result<PathBuf> {
    let (database, directory) = prepare::<S>()?;
    let keys = TestKeys::generate(ManualClock::at(START.parse()?))?;
    let mut settings = settings::<S>(&keys, &database, &directory)?;
    change(&mut settings);
    write(&settings, &directory)
}

fn write(settings: &Table, directory: &Path) -> Result<PathBuf> {
    let file = directory.join(SETTINGS);
    fs::write(&file, toml::to_string(settings)?)?;
    Ok(file)
}

/// The database and the directory of one test. Blocks.
fn prepare<S: Service>() -> Result<(TestDatabase, PathBuf)> {
    let cluster = Cluster::of_this_process()?;
    let database = cluster.database(S::NAME, |owner_url| {
        db::migrate(owner_url, S::MIGRATIONS)?;
        Ok(())
    })?;
    let directory = cluster.directory().join(secret::random_token(9));
    fs::create_dir_all(directory.join("mail"))?;
    Ok((database, directory))
}

fn settings<S: Service>(keys: &TestKeys, database: &TestDatabase, directory: &Path) -> Result<Table> {
    let topology = Topology::built_in()?;
    let mut settings = Table::new();
    set(&mut settings, "server.listen", "127.0.0.1:0");
    set(&mut settings, "server.workers", 1);
    // Nobody holds connections that a stop would have to wait for.
    set(&mut settings, "server.drain_ms", 0);
    set(&mut settings, "database.url", database.url.as_str());
    set(&mut settings, "database.max_connections", 4);
    let key_file = directory.join("identity.pem");
    fs::write(&key_file, keys.service_key(S::NAME)?.private_pem)?;
    set(&mut settings, "identity.private_key_file", text(&key_file)?);
    for peer in topology.acquaintances(S::NAME)? {
        set(&mut settings, &format!("peers.{peer}.public_key"), keys.service_key(peer)?.public);
        set(&mut settings, &format!("peers.{peer}.url"), NOWHERE);
    }
    add_own(S::NAME, directory, &directory.join("mail"), "http://localhost:8080", &mut settings)
        .context("settings of its own")?;
    Ok(settings)
}

#[expect(clippy::disallowed_methods, reason = "tests are clients from outside: no retries, no service token")]
fn client() -> Result<reqwest::Client> {
    Ok(reqwest::Client::builder().timeout(Duration::from_secs(30)).no_proxy().build()?)
}

/// Shows the cause of a 500, which no answer tells, among the test's output.
fn log_failures() {
    // Every test but the first finds it done.
    let _ = tracing_subscriber::fmt().with_env_filter("error").with_test_writer().try_init();
}
