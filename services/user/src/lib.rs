//! The user service of Rollcall: who somebody is, and how they prove it.
//!
//! It knows no organisation and calls nobody, so nothing can take it down but its own database; and because its tokens
//! are verified with published keys, nobody else needs it to be up while a token is valid.

pub mod accounts;
pub mod api_tokens;
pub mod app;
pub mod audit;
mod commands;
pub mod error;
pub mod keys;
pub mod mfa;
pub mod notices;
pub mod origin;
pub mod passwords;
pub mod resets;
mod responses;
mod restored;
mod routes;
mod schema;
pub mod sessions;
pub mod settings;
mod sweep;
pub mod throttle;
pub mod users;

pub use app::App;
pub use settings::Settings;

use api_tokens::authority::Own;
use diesel::pg::PgConnection;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use rollcall_common::auth::{API_TOKEN_REVOKED, ApiTokenAuthority, Revocation, SESSION_ENDED, USER_DISABLED};
use rollcall_common::describe::EventDescription;
use rollcall_common::problem::{FieldError, Problem};
use rollcall_common::restored::Restored;
use rollcall_common::server::{Core, Service, Tasks};
use rollcall_user_api::events;
use std::sync::Arc;
use utoipa::OpenApi as _;
use utoipa_actix_web::service_config::ServiceConfig;

/// Title and tags of the description.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Rollcall user service",
        version = "1",
        description = "Who somebody is, and how they prove it: accounts, sessions, and the keys with which everybody \
                       verifies access tokens. Refusals are `application/problem+json` with a stable `code`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    components(schemas(FieldError, Problem)),
    tags(
        (name = "users", description = "Accounts and profiles"),
        (name = "sessions", description = "Signing in, staying signed in, signing out"),
        (name = "api-tokens", description = "For scripts and devices, which cannot sign in"),
        (name = "keys", description = "Public keys of access tokens"),
        (name = "internal", description = "For services only, never proxied"),
    ),
)]
struct Description;

impl Service for App {
    const NAME: &'static str = "user";
    const DEFAULTS: &'static str = include_str!("../config/default.toml");
    const CREDENTIALS: &'static [(&'static str, &'static str)] = &[("keys.encryption_key_file", "encryption-key")];
    const MIGRATIONS: EmbeddedMigrations = embed_migrations!();
    const CONSUMES_EVENTS: bool = false;
    type Settings = Settings;

    async fn build(core: Core, settings: Settings) -> anyhow::Result<Self> {
        Self::new(core, settings).await
    }

    fn core(&self) -> &Core {
        &self.core
    }

    fn routes(config: &mut ServiceConfig<'_>) {
        routes::routes(config);
    }

    fn describe() -> utoipa::openapi::OpenApi {
        Description::openapi()
    }

    fn events() -> Vec<EventDescription> {
        vec![
            EventDescription::of::<Revocation>(SESSION_ENDED),
            EventDescription::of::<Revocation>(API_TOKEN_REVOKED),
            EventDescription::of::<Revocation>(USER_DISABLED),
            EventDescription::of::<events::PasswordResetRequested>(events::PASSWORD_RESET_REQUESTED).with_secret(),
            EventDescription::of::<events::NewDevice>(events::NEW_DEVICE),
            EventDescription::of::<events::CredentialsChanged>(events::CREDENTIALS_CHANGED),
        ]
    }

    fn api_tokens(self: &Arc<Self>) -> Option<Arc<dyn ApiTokenAuthority>> {
        Some(Arc::new(Own(self.core.clone())))
    }

    fn commands() -> Vec<clap::Command> {
        commands::commands()
    }

    async fn command(self, name: &str, options: &clap::ArgMatches) -> anyhow::Result<String> {
        commands::run(&self, name, options).await
    }

    fn restored(conn: &mut PgConnection, restored: &Restored) -> anyhow::Result<Vec<String>> {
        restored::apply(conn, restored)
    }

    fn tasks(self: &Arc<Self>, tasks: &mut Tasks) {
        tasks.spawn("read signing keys", Arc::clone(self).keep_reading_keys());
        tasks.spawn("sweep sessions", Arc::clone(self).keep_sweeping());
    }
}
