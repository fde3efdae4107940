//! Another service beside this one, in org's place: it verifies tokens with the keys that this one publishes, hears
//! its events and asks it about API tokens. What it shows, every service does: it is all in the shared library.

use crate::support::Fixture;
use actix_web::{get, post, web};
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use jiff::SignedDuration;
use rollcall_common::answer::Answer;
use rollcall_common::auth::Caller;
use rollcall_common::fault::Fault;
use rollcall_common::server::{Core, Service};
use rollcall_common::testing::TestKey;
use rollcall_stack::testing::{TestService, set};
use serde::{Deserialize, Serialize};
use std::net::{SocketAddr, TcpListener};
use utoipa_actix_web::service_config::ServiceConfig;

/// The neighbour itself.
pub(crate) struct Probe(Core);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct NoSettings {}

impl Service for Probe {
    const NAME: &'static str = "org";
    const DEFAULTS: &'static str = "";
    const MIGRATIONS: EmbeddedMigrations = embed_migrations!("tests/api/no_migrations");
    type Settings = NoSettings;

    async fn build(core: Core, _: NoSettings) -> anyhow::Result<Self> {
        Ok(Self(core))
    }

    fn core(&self) -> &Core {
        &self.0
    }

    fn routes(config: &mut ServiceConfig<'_>) {
        config.service(who).service(act);
    }

    fn describe() -> utoipa::openapi::OpenApi {
        utoipa::openapi::OpenApi::default()
    }
}

/// Who calls.
#[utoipa::path(responses((status = 200)))]
#[get("/who")]
async fn who(caller: Caller, _core: web::Data<Core>) -> Result<Answer, Fault> {
    Answer::ok(&caller.user_id)
}

/// Does something.
#[utoipa::path(responses((status = 204)))]
#[post("/act")]
async fn act(_caller: Caller) -> Answer {
    Answer::no_content()
}

/// The user service and its neighbour.
pub(crate) struct Street {
    pub(crate) user: Fixture,
    pub(crate) probe: TestService<Probe>,
}

/// What the two have to know of each other before either starts.
struct Acquaintance {
    user: TestKey,
    probe: TestKey,
    probe_address: SocketAddr,
}

impl Street {
    pub(crate) async fn build() -> Self {
        Self::build_after(async |_| {}).await
    }

    /// The neighbour comes when `before` is done: until then it is down.
    pub(crate) async fn build_after(before: impl AsyncFnOnce(&Fixture)) -> Self {
        let acquaintance = Acquaintance {
            user: TestKey::generate().unwrap(),
            probe: TestKey::generate().unwrap(),
            probe_address: TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap(),
        };
        let user = acquaintance.user().await;
        before(&user).await;
        let probe = acquaintance.probe(&user).await;
        Self { user, probe }
    }

    pub(crate) fn advance(&self, by: SignedDuration) {
        self.user.advance(by);
        self.probe.clock.advance(by);
    }

    /// How the neighbour answers a token.
    pub(crate) async fn status(&self, token: &str) -> u16 {
        self.probe.get("/who").bearer_auth(token).send().await.unwrap().status().as_u16()
    }

    /// The same for a request that changes something.
    pub(crate) async fn status_of_act(&self, token: &str) -> u16 {
        self.probe.post("/act").bearer_auth(token).send().await.unwrap().status().as_u16()
    }

    /// Waits until the neighbour refuses a token; fails after two seconds.
    pub(crate) async fn refused_within_two_seconds(&self, token: &str) {
        let since = std::time::Instant::now();
        while self.status(token).await != 401 {
            assert!(since.elapsed().as_secs_f64() < 2.0, "it is still believed");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
}

impl Acquaintance {
    async fn user(&self) -> Fixture {
        Fixture::with(|settings| {
            replace_key(settings, &self.user.private_pem);
            set(settings, "peers.org.public_key", self.probe.public.as_str());
            set(settings, "peers.org.url", format!("http://{}", self.probe_address));
            set(settings, "events.subscribers.org", "user.session.,user.api_token.,user.disabled.");
            set(settings, "events.poll_ms", 100);
        })
        .await
    }

    async fn probe(&self, user: &Fixture) -> TestService<Probe> {
        let url = user.url();
        TestService::<Probe>::issuing_tokens(|settings| {
            replace_key(settings, &self.probe.private_pem);
            set(settings, "peers.user.public_key", self.user.public.as_str());
            set(settings, "peers.user.url", url.as_str());
            set(settings, "auth.jwks_url", format!("{url}/.well-known/jwks.json"));
            set(settings, "auth.refresh_seconds", 1);
            set(settings, "server.listen", self.probe_address.to_string());
        })
        .await
    }
}

/// Puts another key into the file that the settings name: each of the two has to know the other's before it starts.
fn replace_key(settings: &toml::Table, pem: &str) {
    let file = settings["identity"]["private_key_file"].as_str().unwrap();
    std::fs::write(file, pem).unwrap();
}
