//! What lives as long as the process, and how it is put together.

use crate::devices::seen::Seen;
use crate::events::Consumer;
use crate::exports::turns::Turns;
use crate::facts::Facts;
use crate::missing;
use crate::punches::allowance::Allowances;
use crate::punches::handlers::BATCH;
use crate::punches::writer::Writer;
use crate::routes;
use crate::settings::{LeaveSettings, MissingSettings, PunchSettings, Settings};
use actix_web::web;
use diesel::pg::PgConnection;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use rollcall_attendance_api::events as told;
use rollcall_common::backfill::take_over_all;
use rollcall_common::describe::EventDescription;
use rollcall_common::events::EventConsumer;
use rollcall_common::restored::{Restored, empty, raise_versions};
use rollcall_common::server::{Core, Service, Tasks};
use std::sync::Arc;
use tokio::sync::Notify;
use utoipa_actix_web::service_config::ServiceConfig;

/// Connections for writing punches, which nothing else takes. Not a setting: there is one task, and it has one transaction
/// at a time, so a second would never be used.
const WRITER: u32 = 1;
/// Connections for who somebody is, without which nobody punches who is not in memory, or whose organisation has just
/// changed: three are left where a whole organisation is taken over. Each holds one for a millisecond; where the machine
/// is so busy that it takes tens, sixty strangers at once were too many for two.
const FACTS: u32 = 4;

/// The attendance service.
pub struct App {
    /// What every service has.
    pub core: Core,
    pub(crate) facts: Arc<Facts>,
    pub(crate) writer: Writer,
    pub(crate) accepts: PunchSettings,
    pub(crate) allowances: Arc<Allowances>,
    /// Wakes the work on periods.
    pub(crate) periods: Notify,
    pub(crate) leave: LeaveSettings,
    pub(crate) seen: Arc<Seen>,
    pub(crate) missing: MissingSettings,
    /// Exports that are being made.
    pub(crate) exports: Turns,
}

impl App {
    /// Punches that wait to be written at this moment.
    pub fn punches_waiting(&self) -> usize {
        self.writer.waiting()
    }

    /// Earns, carries over and expires whatever leave is due: what a task does by itself, done now.
    pub async fn settle_leave(&self) -> anyhow::Result<()> {
        Ok(crate::leave::settle::settle_all(self).await?)
    }

    /// Takes over all that org knows of every organisation that was not taken over before; answers how many those
    /// were. What the command `backfill` does.
    pub async fn backfill(&self) -> anyhow::Result<usize> {
        Ok(take_over_all(&*self.facts).await?)
    }
}

impl Service for App {
    const NAME: &'static str = "attendance";
    const DEFAULTS: &'static str = include_str!("../config/default.toml");
    const MIGRATIONS: EmbeddedMigrations = embed_migrations!();
    const CONSUMES_EVENTS: bool = true;
    type Settings = Settings;

    async fn build(core: Core, settings: Settings) -> anyhow::Result<Self> {
        // However many read months of a unit: nobody who punches stands in line behind them.
        let lane = |connections| core.db.lane(&core.base.database, connections);
        let facts = Arc::new(Facts::new(lane(FACTS), core.peers.get("org")?, core.clock.clone()));
        let room = settings.punches.queue;
        anyhow::ensure!(room >= BATCH, "punches.queue = {room}: must be at least {BATCH}, one whole batch");
        let allowances = Arc::new(Allowances::new(&settings.punches));
        let writer = Writer::start(&core, lane(WRITER), room, Arc::clone(&allowances));
        let periods = Notify::new();
        let (accepts, missing, leave) = (settings.punches, settings.missing, settings.leave);
        Ok(Self {
            core,
            facts,
            writer,
            accepts,
            allowances,
            periods,
            leave,
            seen: Arc::default(),
            missing,
            exports: Turns::default(),
        })
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

    fn events() -> Vec<EventDescription> {
        vec![
            EventDescription::of::<told::PunchOutsideGeofence>(told::PUNCH_OUTSIDE_GEOFENCE),
            EventDescription::of::<told::PunchMissing>(told::PUNCH_MISSING),
            EventDescription::of::<told::RosterChanged>(told::ROSTER_CHANGED),
            EventDescription::of::<told::LeaveExpiring>(told::LEAVE_EXPIRING),
            EventDescription::of::<told::PeriodLocking>(told::PERIOD_LOCKING),
            EventDescription::of::<told::PeriodLocked>(told::PERIOD_LOCKED),
            EventDescription::of::<told::RequestWaits>(told::CORRECTION_REQUESTED),
            EventDescription::of::<told::RequestDecided>(told::CORRECTION_DECIDED),
            EventDescription::of::<told::RequestWaits>(told::OVERTIME_REQUESTED),
            EventDescription::of::<told::RequestDecided>(told::OVERTIME_DECIDED),
            EventDescription::of::<told::RequestWaits>(told::LEAVE_REQUESTED),
            EventDescription::of::<told::RequestDecided>(told::LEAVE_DECIDED),
            EventDescription::of::<told::DeviceSilent>(told::DEVICE_SILENT),
            EventDescription::of::<told::RequestWaits>(told::SWAP_ASKED),
            EventDescription::of::<told::RequestDecided>(told::SWAP_ACCEPTED),
            EventDescription::of::<told::RequestWaits>(told::SWAP_REQUESTED),
            EventDescription::of::<told::RequestDecided>(told::SWAP_DECIDED),
        ]
    }

    fn commands() -> Vec<clap::Command> {
        vec![clap::Command::new("backfill").about("Take over what org knows of every organisation, once")]
    }

    async fn command(self, name: &str, _options: &clap::ArgMatches) -> anyhow::Result<String> {
        anyhow::ensure!(name == "backfill", "no such command: {name}");
        Ok(format!("{} organisations taken over", self.backfill().await?))
    }

    fn data(self: &Arc<Self>, config: &mut web::ServiceConfig) {
        config.app_data(web::Data::from(Arc::clone(&self.facts)));
    }

    fn restored(conn: &mut PgConnection, restored: &Restored) -> anyhow::Result<Vec<String>> {
        let mut done = Vec::new();
        if restored.is(Self::NAME) {
            // Shifts and requests have a row per version, which nobody writes without having read the last one.
            let owned = ["roster_versions", "leave_types", "leave_policies", "periods", "org_settings", "punch_rules"];
            done.push(raise_versions(conn, &owned)?);
            done.push("what was told of the time after the backup, and is found again, is told again".to_owned());
        }
        if restored.parted(Self::NAME, "org") {
            // Employees take their assignments along.
            let copies = ["employees", "units", "sites", "orgs", "holiday_calendars", "delegations", "whole_copies"];
            done.push(format!("{} copies of facts of org are dropped: backfill", empty(conn, &copies)?));
        }
        Ok(done)
    }

    fn tasks(self: &Arc<Self>, tasks: &mut Tasks) {
        tasks.spawn("follow changes of facts", Arc::clone(&self.facts).follow());
        tasks.spawn("work on periods", crate::periods::work::run(Arc::clone(self)));
        let app = Arc::clone(self);
        tasks.spawn_until_drained("look for missing punches", |drain| missing::job::follow(app, drain));
        tasks.spawn("forget old missing punches", missing::job::forget(Arc::clone(self)));
        let (seen, db) = (Arc::clone(&self.seen), self.core.db.clone());
        tasks.spawn_until_drained("note which devices were heard of", |drain| seen.follow(db, drain));
        let facts = Arc::clone(&self.facts);
        tasks.spawn("make copies whole", async move { facts.make_whole().await });
        tasks.spawn("settle leave", crate::leave::settle::run(Arc::clone(self)));
    }

    fn consumer(self: &Arc<Self>) -> Option<Arc<dyn EventConsumer>> {
        Some(Arc::new(Consumer { facts: Arc::clone(&self.facts) }))
    }
}
