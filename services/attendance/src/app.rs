//! What lives as long as the process, and how it is put together.

use crate::events::Consumer;
use crate::facts::Facts;
use crate::punches::writer::Writer;
use crate::routes;
use crate::settings::{PunchSettings, Settings};
use actix_web::web;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use rollcall_common::events::EventConsumer;
use rollcall_common::server::{Core, Service};
use std::sync::Arc;
use utoipa_actix_web::service_config::ServiceConfig;

/// The attendance service.
pub struct App {
    /// What every service has.
    pub core: Core,
    pub(crate) facts: Arc<Facts>,
    pub(crate) writer: Writer,
    pub(crate) accepts: PunchSettings,
}

impl Service for App {
    const NAME: &'static str = "attendance";
    const DEFAULTS: &'static str = include_str!("../config/default.toml");
    const MIGRATIONS: EmbeddedMigrations = embed_migrations!();
    const CONSUMES_EVENTS: bool = true;
    type Settings = Settings;

    async fn build(core: Core, settings: Settings) -> anyhow::Result<Self> {
        let facts = Arc::new(Facts::new(core.db.clone(), core.peers.get("org")?));
        let writer = Writer::new(core.db.clone(), core.outbox.clone());
        Ok(Self { core, facts, writer, accepts: settings.punches })
    }

    fn core(&self) -> &Core {
        &self.core
    }

    fn routes(config: &mut ServiceConfig<'_>) {
        routes::routes(config);
    }

    fn describe() -> utoipa::openapi::OpenApi {
        routes::describe()
    }

    fn data(self: &Arc<Self>, config: &mut web::ServiceConfig) {
        config.app_data(web::Data::from(Arc::clone(&self.facts)));
    }

    fn consumer(self: &Arc<Self>) -> Option<Arc<dyn EventConsumer>> {
        Some(Arc::new(Consumer { facts: Arc::clone(&self.facts) }))
    }
}
