//! The notification service of Rollcall: telling people, at once and without loss.
//!
//! Others emit events; [`events`] takes them, [`rules`] turn them into messages in the reader's language, and these
//! are stored before anything is sent: in the [`inbox`], which the [`stream`] follows, and as [`mail`] and for [`webhooks`] that are owed it.
//! What the rules need of others is kept in local copies ([`facts`]), so intake needs nobody else to be up.

pub mod announcements;
pub mod app;
pub mod channels;
pub mod deliveries;
pub mod error;
pub mod events;
pub mod facts;
pub mod inbox;
pub mod links;
pub mod mail;
pub mod owed;
pub mod preferences;
mod responses;
mod restored;
mod routes;
pub mod rules;
mod schema;
pub mod settings;
pub mod stream;
pub mod webhooks;

pub use app::App;
pub use settings::Settings;

use diesel::pg::PgConnection;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use rollcall_common::backfill::take_over_all;
use rollcall_common::describe::EventDescription;
use rollcall_common::events::EventConsumer;
use rollcall_common::restored::Restored;
use rollcall_common::server::{Core, Service, Tasks};
use rollcall_notification_api::events::{WEBHOOK_SWITCHED_OFF, WebhookSwitchedOff};
use std::sync::Arc;
use utoipa::OpenApi as _;
use utoipa_actix_web::service_config::ServiceConfig;

impl Service for App {
    const NAME: &'static str = "notification";
    const DEFAULTS: &'static str = include_str!("../config/default.toml");
    const CREDENTIALS: &'static [(&'static str, &'static str)] = &[("secrets.encryption_key_file", "encryption-key")];
    const MIGRATIONS: EmbeddedMigrations = embed_migrations!();
    const CONSUMES_EVENTS: bool = true;
    const STREAMS: &'static [&'static str] = &[stream::PATH];
    type Settings = Settings;

    async fn build(core: Core, settings: Settings) -> anyhow::Result<Self> {
        Self::new(core, settings)
    }

    fn core(&self) -> &Core {
        &self.core
    }

    fn routes(config: &mut ServiceConfig<'_>) {
        routes::configure(config);
    }

    fn describe() -> utoipa::openapi::OpenApi {
        let mut document = routes::Description::openapi();
        webhooks::describe::add(&mut document);
        document
    }

    fn events() -> Vec<EventDescription> {
        vec![EventDescription::of::<WebhookSwitchedOff>(WEBHOOK_SWITCHED_OFF)]
    }

    fn commands() -> Vec<clap::Command> {
        let mut commands = deliveries::commands::commands();
        commands.push(clap::Command::new("backfill").about("Take over what org knows of every organisation, once"));
        commands
    }

    async fn command(self, name: &str, options: &clap::ArgMatches) -> anyhow::Result<String> {
        if name != "backfill" {
            return deliveries::commands::run(&self, name, options).await;
        }
        Ok(format!("{} organisations taken over", take_over_all(&self).await?))
    }

    fn consumer(self: &Arc<Self>) -> Option<Arc<dyn EventConsumer>> {
        Some(Arc::clone(self) as Arc<dyn EventConsumer>)
    }

    fn restored(conn: &mut PgConnection, restored: &Restored) -> anyhow::Result<Vec<String>> {
        restored::apply(conn, restored)
    }

    fn tasks(self: &Arc<Self>, tasks: &mut Tasks) {
        let app = Arc::clone(self);
        tasks.spawn("open streams", async move { app.openings.serve(&app.core.db).await });
        tasks.spawn("read for streams", stream::reader::read(Arc::clone(self)));
        tasks.spawn("compare streams", stream::reader::compare(Arc::clone(self)));
        tasks.spawn("tell other instances", stream::instances::tell(Arc::clone(self)));
        tasks.spawn("hear other instances", stream::instances::hear(Arc::clone(self)));
        tasks.spawn("keep time for streams", stream::watch::keep_time(Arc::clone(self)));
        let ended = self.core.revocations.subscribe();
        tasks.spawn("end streams with their sessions", stream::watch::end_revoked(Arc::clone(self), ended));
        tasks.spawn("drop old stream entries", stream::reader::prune(Arc::clone(self)));
        tasks.spawn("drop old deliveries", deliveries::jobs::prune(Arc::clone(self)));
        tasks.spawn("measure queues", deliveries::jobs::measure(Arc::clone(self)));
        let app = Arc::clone(self);
        tasks.spawn("ask for languages anew", async move { app.stale.refresh(&app.owners).await });
        let app = Arc::clone(self);
        tasks.spawn("make copies whole", async move { app.backfills.run(&*app).await });
        let app = Arc::clone(self);
        tasks.spawn_until_drained("tell what waits", |drain| rules::deferred::run(app, drain));
        let app = Arc::clone(self);
        tasks.spawn_until_drained("send to webhooks", |drain| webhooks::worker::run(app, drain));
        let app = Arc::clone(self);
        tasks.spawn_until_drained("hand over what is owed", |drain| owed::release::run(app, drain));
        let app = Arc::clone(self);
        tasks.spawn("drop old digests", owed::release::prune(app));
        for channel in channels::CHANNELS {
            let app = Arc::clone(self);
            tasks.spawn_until_drained(channel.task(), |drain| channel.run(app, drain));
        }
    }
}
