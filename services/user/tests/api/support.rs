//! The service in the test's own process, as a client sees it. People sign in for real: the service verifies tokens
//! with the keys that it publishes itself, fetched over HTTP like everybody else's.

use jiff::{SignedDuration, Timestamp};
use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder};
use rollcall_common::server::{self, Environment, Running, Service};
use rollcall_common::settings::{self, Sources};
use rollcall_common::testing::ManualClock;
use rollcall_stack::testing::{TestService, set};
use rollcall_user::App;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::net::TcpListener;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::process::{Child, Command};
use toml::Table;

/// A password that is taken.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// A person who signs up.
pub(crate) fn ada() -> Value {
    json!({
        "email": "Ada@example.org", "password": PASSWORD, "name": "Ada Lovelace",
        "locale": "en", "time_zone": "Europe/London",
    })
}

/// A client of one instance of the service.
pub(crate) struct Client {
    base_url: String,
    http: reqwest::Client,
}

/// A running service with a database of its own.
pub(crate) struct Fixture {
    client: Client,
    service: TestService<App>,
}

/// Another instance on the same database.
pub(crate) struct Instance {
    client: Client,
    _running: Running<App>,
}

/// A service that was stopped.
pub(crate) struct Stopped {
    pub(crate) clock: ManualClock,
    file: PathBuf,
    http: reqwest::Client,
}

impl Stopped {
    /// Starts it where it was.
    pub(crate) async fn start_again(&self) -> Instance {
        let loaded = settings::load(&Sources {
            service: "user",
            defaults: <App as Service>::DEFAULTS,
            topology: None,
            file: Some(&self.file),
            environment: Some(HashMap::new()),
        });
        let environment = Environment { clock: self.clock.clock(), keys: None };
        let running = server::start::<App>(loaded.unwrap(), environment).await.unwrap();
        let base_url = format!("http://{}", running.address());
        Instance { client: Client { base_url, http: self.http.clone() }, _running: running }
    }
}

/// The real binary on the same database, with the machine's clock. It is killed when it is dropped.
pub(crate) struct Process {
    client: Client,
    child: Child,
    log: PathBuf,
    file: PathBuf,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Deref for Fixture {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Deref for Process {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Deref for Instance {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Fixture {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// Starts with settings changed.
    pub(crate) async fn with(change: impl FnOnce(&mut Table)) -> Self {
        let service = TestService::issuing_tokens(change).await;
        let client = Client { base_url: service.base_url.clone(), http: service.http.clone() };
        Self { client, service }
    }

    /// Another instance on the same database, with settings changed.
    pub(crate) async fn another_instance(&self, change: impl FnOnce(&mut Table)) -> anyhow::Result<Instance> {
        // It verifies tokens with the keys that the first one publishes.
        let file = self.settings(|settings| {
            set(settings, "server.listen", "127.0.0.1:0");
            change(settings);
        });
        let loaded = settings::load(&Sources {
            service: "user",
            defaults: <App as Service>::DEFAULTS,
            topology: None,
            file: Some(&file),
            environment: Some(HashMap::new()),
        })?;
        let environment = Environment { clock: self.service.clock.clock(), keys: None };
        let running = server::start::<App>(loaded, environment).await?;
        let base_url = format!("http://{}", running.address());
        Ok(Instance { client: Client { base_url, http: self.service.http.clone() }, _running: running })
    }

    /// The real binary, ready to serve.
    pub(crate) async fn process(&self, change: impl FnOnce(&mut Table)) -> Process {
        let listen = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let file = self.settings(|settings| {
            set(settings, "server.listen", listen.to_string());
            set(settings, "auth.jwks_url", format!("http://{listen}/.well-known/jwks.json"));
            change(settings);
        });
        let log = self.service.directory.join("process.log");
        let output = File::create(&log).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_rollcall-user"))
            .args(["serve", "--config"])
            .arg(&file)
            .env_clear()
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let client = Client { base_url: format!("http://{listen}"), http: self.service.http.clone() };
        let process = Process { client, child, log, file };
        for _ in 0..200 {
            let answer = process.request("GET", "/readyz").send().await;
            if answer.is_ok_and(|answer| answer.status() == 200) {
                return process;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        unreachable!("it is not ready: {}", process.log());
    }

    /// A file with the settings that the service was started with, changed.
    fn settings(&self, change: impl FnOnce(&mut Table)) -> PathBuf {
        let text = std::fs::read_to_string(self.service.directory.join("settings.toml")).unwrap();
        let mut settings: Table = toml::from_str(&text).unwrap();
        change(&mut settings);
        PathBuf::from(self.write("another.toml", &toml::to_string(&settings).unwrap()))
    }

    /// Stops it; its settings, keys and database stay.
    pub(crate) async fn stop(self) -> Stopped {
        let (clock, file) = (self.service.clock.clone(), self.service.directory.join("settings.toml"));
        let http = self.service.http.clone();
        self.service.stop().await;
        Stopped { clock, file, http }
    }

    pub(crate) fn app(&self) -> &Arc<App> {
        self.service.app()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.service.clock.now()
    }

    pub(crate) fn advance(&self, by: SignedDuration) {
        self.service.clock.advance(by);
    }

    /// Connection URL of the role that owns the tables.
    pub(crate) fn owner_url(&self) -> String {
        self.service.database_url.clone()
    }

    /// Writes a file of this test alone; its path.
    pub(crate) fn write(&self, name: &str, content: &str) -> String {
        let path = self.service.directory.join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    }

    /// A token with which `from` may call this service.
    pub(crate) fn service_token(&self, from: &str) -> String {
        self.service_token_for(from, "user")
    }

    pub(crate) fn service_token_for(&self, from: &str, to: &str) -> String {
        self.service.keys.service_token(from, to).unwrap()
    }

    /// Runs statements as the superuser.
    pub(crate) fn execute(&self, statements: &str) {
        use diesel::Connection as _;
        use diesel::connection::SimpleConnection as _;
        diesel::PgConnection::establish(&self.service.admin_url).unwrap().batch_execute(statements).unwrap();
    }

    /// Until so many requests wait for a lock.
    pub(crate) async fn until_waiting(&self, requests: i64) {
        let waiting = "SELECT count(*)::text AS value FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let waited = tokio::time::timeout(Duration::from_secs(20), async {
            while self.sql(waiting).await != [requests.to_string()] {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        });
        assert!(waited.await.is_ok(), "not {requests} requests wait");
    }

    /// What a query of one text column called `value` finds, asked as the superuser.
    pub(crate) async fn sql(&self, query: &'static str) -> Vec<String> {
        use diesel::{Connection as _, RunQueryDsl as _};
        #[derive(diesel::QueryableByName)]
        struct Row {
            #[diesel(sql_type = diesel::sql_types::Text)]
            value: String,
        }
        let url = self.service.admin_url.clone();
        let ask = move || {
            let mut connection = diesel::PgConnection::establish(&url).unwrap();
            diesel::sql_query(query).load::<Row>(&mut connection).unwrap()
        };
        tokio::task::spawn_blocking(ask).await.unwrap().into_iter().map(|row| row.value).collect()
    }
}

impl Process {
    /// Runs a command of the binary beside it; whether that went well, and what it said.
    pub(crate) async fn command(&self, arguments: &[&str]) -> (bool, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_rollcall-user"))
            .args(arguments)
            .arg("--config")
            .arg(&self.file)
            .env_clear()
            .output()
            .await
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(said).unwrap())
    }

    /// Everything it has said.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Memory that it holds now.
    #[cfg(target_os = "linux")]
    pub(crate) fn resident_mib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id().unwrap())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1_024
    }

    /// Asks it to stop, as systemd does; whether it ended well.
    pub(crate) async fn terminate(&mut self) -> bool {
        let id = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().await.unwrap().success());
        self.child.wait().await.unwrap().success()
    }
}

impl Client {
    /// Where the instance listens.
    pub(crate) fn url(&self) -> String {
        self.base_url.clone()
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

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(self.request("GET", path)).await
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

    /// Makes an API token that is valid for thirty days.
    pub(crate) async fn make_api_token(&self, token: &str, scopes: &[&str]) -> Reply {
        let body = json!({"name": "Gate", "scopes": scopes, "expires_at": "2026-07-01T00:00:00Z"});
        let reply = self.send(self.request("POST", "/api/user/v1/api-tokens").bearer_auth(token).json(&body)).await;
        assert_eq!(reply.status, 201, "{reply:?}");
        reply
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
