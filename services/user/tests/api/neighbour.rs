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
use std::net::TcpListener;
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

impl Street {
    pub(crate) async fn build() -> Self {
        Self::with(|_| {}).await
    }

    /// With settings of the user service changed.
    pub(crate) async fn with(change: impl FnOnce(&mut toml::Table)) -> Self {
        let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (user_key, probe_key, probe_address) = (TestKey::generate().unwrap(), TestKey::generate().unwrap(), free());
        let (pem, public) = (user_key.private_pem.clone(), probe_key.public.clone());
        let user = Fixture::with(|settings| {
            replace_key(settings, &pem);
            set(settings, "peers.org.public_key", public);
            set(settings, "peers.org.url", format!("http://{probe_address}"));
            set(settings, "events.subscribers.org", "user.session.,user.api_token.,user.disabled.");
            set(settings, "events.poll_ms", 100);
            change(settings);
        })
        .await;
        let (pem, url) = (probe_key.private_pem.clone(), user.url());
        let probe = TestService::<Probe>::issuing_tokens(|settings| {
            replace_key(settings, &pem);
            set(settings, "peers.user.public_key", user_key.public.clone());
            set(settings, "peers.user.url", url.clone());
            set(settings, "auth.jwks_url", format!("{url}/.well-known/jwks.json"));
            set(settings, "auth.refresh_seconds", 1);
            set(settings, "server.listen", probe_address.to_string());
        })
        .await;
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

/// Puts another key into the file that the settings name: each of the two has to know the other's before it starts.
fn replace_key(settings: &toml::Table, pem: &str) {
    let file = settings["identity"]["private_key_file"].as_str().unwrap();
    std::fs::write(file, pem).unwrap();
}
