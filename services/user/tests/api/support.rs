//! The service in the test's own process, as a client sees it. People sign in for real: the service verifies tokens
//! with the keys that it publishes itself, fetched over HTTP like everybody else's.

use jiff::{SignedDuration, Timestamp};
use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder};
use rollcall_common::db;
use rollcall_common::server::{self, Environment, Running};
use rollcall_common::settings::{self, Loaded, Sources};
use rollcall_common::testing::{ManualClock, TestKeys};
use rollcall_stack::testing::{Cluster, TestDatabase};
use rollcall_user::{App, Settings};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::net::TcpListener;
use std::sync::Arc;
use tempfile::TempDir;

/// A password that is taken.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// A person who signs up.
pub(crate) fn ada() -> Value {
    json!({
        "email": "Ada@example.org", "password": PASSWORD, "name": "Ada Lovelace",
        "locale": "en", "time_zone": "Europe/London",
    })
}

/// A running service with a database of its own.
pub(crate) struct Fixture {
    pub(crate) clock: ManualClock,
    pub(crate) keys: TestKeys,
    pub(crate) database: TestDatabase,
    base_url: String,
    http: reqwest::Client,
    running: Running<App>,
    files: TempDir,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Fixture {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// Starts with other settings than the packaged ones.
    pub(crate) async fn with(change: impl FnOnce(&mut toml::Table)) -> Self {
        let database = database();
        let clock = ManualClock::at("2026-11-20T08:00:00Z".parse().unwrap());
        let keys = TestKeys::generate(clock.clone()).unwrap();
        let files = tempfile::tempdir().unwrap();
        let mut own = toml::Table::new();
        change(&mut own);
        let loaded = load(&database, &keys, &files, &own);
        Self::run(database, clock, keys, files, loaded).await.unwrap()
    }

    async fn run(
        database: TestDatabase,
        clock: ManualClock,
        keys: TestKeys,
        files: TempDir,
        loaded: Loaded<Settings>,
    ) -> anyhow::Result<Self> {
        let running = server::start::<App>(loaded, Environment { clock: clock.clock(), keys: None }).await?;
        let base_url = format!("http://{}", running.address());
        let http = http();
        Ok(Self { clock, keys, database, base_url, http, running, files })
    }

    /// Another instance on the same database, with the same key file or, when `key` says so, another one.
    pub(crate) async fn another_instance(&self, key: Option<&str>) -> anyhow::Result<Self> {
        let files = tempfile::tempdir()?;
        let loaded = load(&self.database, &self.keys, &files, &toml::Table::new());
        let content = match key {
            Some(key) => key.to_owned(),
            None => std::fs::read_to_string(self.files.path().join("keys"))?,
        };
        std::fs::write(files.path().join("keys"), content)?;
        Self::run(self.database.clone(), self.clock.clone(), self.keys.clone(), files, loaded).await
    }

    pub(crate) fn app(&self) -> &Arc<App> {
        self.running.service()
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        self.http.request(Method::from_bytes(method.as_bytes()).unwrap(), format!("{}{path}", self.base_url))
    }

    pub(crate) async fn send(&self, request: RequestBuilder) -> Reply {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() };
        Reply { status, headers, body }
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Reply {
        self.send(self.request("POST", path).json(body)).await
    }

    pub(crate) async fn get_as(&self, token: &str, path: &str) -> Reply {
        self.send(self.request("GET", path).bearer_auth(token)).await
    }

    /// Signs somebody up; the user.
    pub(crate) async fn sign_up(&self, email: &str) -> Value {
        let mut body = ada();
        body["email"] = email.into();
        let reply = self.post("/api/user/v1/users", &body).await;
        assert_eq!(reply.status, 201, "{reply:?}");
        reply.body
    }

    /// Signs somebody up and in.
    pub(crate) async fn log_in(&self, email: &str) -> Reply {
        self.sign_up(email).await;
        self.log_in_again(email).await
    }

    /// Signs somebody in.
    pub(crate) async fn log_in_again(&self, email: &str) -> Reply {
        let reply = self.post("/api/user/v1/sessions", &json!({"email": email, "password": PASSWORD})).await;
        assert_eq!(reply.status, 201, "{reply:?}");
        reply
    }

    pub(crate) async fn refresh(&self, token: &str) -> Reply {
        self.post("/api/user/v1/sessions/refresh", &json!({"refresh_token": token})).await
    }

    pub(crate) fn advance(&self, by: SignedDuration) {
        self.clock.advance(by);
    }

    /// A token with which `from` may call this service.
    pub(crate) fn service_token(&self, from: &str) -> String {
        self.service_token_for(from, "user")
    }

    pub(crate) fn service_token_for(&self, from: &str, to: &str) -> String {
        self.keys.service_token(from, to).unwrap()
    }

    /// What a query of one text column called `value` finds, asked as the superuser.
    pub(crate) async fn sql(&self, query: &'static str) -> Vec<String> {
        use diesel::{Connection as _, RunQueryDsl as _};
        #[derive(diesel::QueryableByName)]
        struct Row {
            #[diesel(sql_type = diesel::sql_types::Text)]
            value: String,
        }
        let url = self.database.admin_url.clone();
        let ask = move || {
            let mut connection = diesel::PgConnection::establish(&url).unwrap();
            diesel::sql_query(query).load::<Row>(&mut connection).unwrap()
        };
        tokio::task::spawn_blocking(ask).await.unwrap().into_iter().map(|row| row.value).collect()
    }

    pub(crate) async fn stop(self) {
        self.running.stop().await.unwrap();
    }
}

/// Every operation that the service describes, internal ones too.
pub(crate) fn described() -> BTreeMap<(String, String), Value> {
    let document = serde_json::to_value(server::openapi_with_internal::<App>()).unwrap();
    let paths = document["paths"].as_object().unwrap().clone();
    let operations = |(path, item): (String, Value)| {
        let item = item.as_object().unwrap().clone();
        item.into_iter().map(move |(method, operation)| ((method.to_uppercase(), path.clone()), operation))
    };
    paths.into_iter().flat_map(operations).collect()
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test is a client like any other, without retries or tokens of its own"
)]
fn http() -> reqwest::Client {
    reqwest::Client::new()
}

fn database() -> TestDatabase {
    let migrate = |owner_url: &str| db::migrate(owner_url, <App as server::Service>::MIGRATIONS).map(drop);
    Cluster::of_this_process().unwrap().database("user", migrate).unwrap()
}

/// Settings as an installation would give them: a file, and secrets in files of their own.
fn load(database: &TestDatabase, keys: &TestKeys, files: &TempDir, own: &toml::Table) -> Loaded<Settings> {
    let path = |name: &str| files.path().join(name);
    // The service asks itself for its keys, so its port has to be known before it listens.
    let listen = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    std::fs::write(path("identity.pem"), keys.service_key("user").unwrap().private_pem).unwrap();
    std::fs::write(path("keys"), "5e".repeat(32)).unwrap();
    std::fs::write(path("user.toml"), toml::to_string(own).unwrap()).unwrap();
    let variables = [
        ("DATABASE__URL", database.url.clone()),
        ("IDENTITY__PRIVATE_KEY_FILE", path("identity.pem").display().to_string()),
        ("KEYS__ENCRYPTION_KEY_FILE", path("keys").display().to_string()),
        ("PEERS__NOTIFICATION__PUBLIC_KEY", keys.service_key("notification").unwrap().public),
        ("SERVER__LISTEN", listen.to_string()),
        ("SERVER__DRAIN_MS", "0".to_owned()),
        ("AUTH__JWKS_URL", format!("http://{listen}/.well-known/jwks.json")),
    ];
    let environment: HashMap<_, _> =
        variables.into_iter().map(|(key, value)| (format!("ROLLCALL_USER__{key}"), value)).collect();
    settings::load(&Sources {
        service: "user",
        defaults: <App as server::Service>::DEFAULTS,
        file: Some(&path("user.toml")),
        environment: Some(environment),
    })
    .unwrap()
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// `code` of a problem.
    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or("")
    }

    /// A text of the body.
    pub(crate) fn text(&self, field: &str) -> &str {
        self.body[field].as_str().unwrap()
    }

    /// Pointer and code of every bad field.
    pub(crate) fn errors(&self) -> Vec<(String, String)> {
        let errors = self.body["errors"].as_array().cloned().unwrap_or_default();
        let text = |error: &Value, field| error[field].as_str().unwrap_or("").to_owned();
        errors.iter().map(|error| (text(error, "pointer"), text(error, "code"))).collect()
    }
}
