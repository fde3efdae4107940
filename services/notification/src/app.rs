//! What the service consists of while it runs.

use crate::events::Wakes;
use crate::facts::languages::Stale;
use crate::facts::members::Asked;
use crate::facts::owners::Owners;
use crate::links::mail::Links;
use crate::mail::transport::Outlet;
use crate::rules::tell::Teller;
use crate::rules::templates::Templates;
use crate::settings::{Settings, StreamSettings, WebhookSettings};
use crate::stream::domain::Fresh;
use crate::stream::hub::Hub;
use crate::stream::instances::Instances;
use crate::stream::listener::Limits;
use crate::stream::openings::Openings;
use crate::webhooks::resolver;
use crate::webhooks::sender::Sender;
use crate::webhooks::targets::Guard;
use anyhow::Context as _;
use jiff::SignedDuration;
use lettre::message::Mailbox;
use rollcall_common::backfill::Backfills;
use rollcall_common::seal::SealingKey;
use rollcall_common::server::Core;
use rollcall_ids::UserId;
use std::sync::Arc;
use std::time::Duration;

/// The notification service.
pub struct App {
    /// What every service is built on.
    pub core: Core,
    /// Its own settings.
    pub settings: Settings,
    /// Turns events into messages.
    pub teller: Arc<Teller>,
    /// Streams that are about to open.
    pub openings: Openings,
    /// The open streams.
    pub hub: Arc<Hub>,
    /// What other instances are told.
    pub instances: Instances,
    /// Who is asked for facts that are missing.
    pub owners: Arc<Owners>,
    /// Who is a member, by what org says.
    pub asked: Asked,
    /// Organisations whose facts are to be taken over.
    pub backfills: Backfills,
    /// Whose language is to be asked for anew.
    pub stale: Stale,
    /// Who is woken when something was stored.
    pub wakes: Wakes,
    /// How webhooks are called.
    pub sender: Sender,
    /// Seals secrets of webhooks and targets of links.
    pub sealing: Arc<SealingKey>,
    /// How mail leaves.
    pub outlet: Outlet,
    /// Who it comes from.
    pub mail_from: Mailbox,
}

impl App {
    /// Prepares it: a template or a mail setting that is wrong stops the start.
    pub fn new(core: Core, settings: Settings) -> anyhow::Result<Self> {
        let sealing = Arc::new(SealingKey::read("secrets.encryption_key_file", &settings.secrets.encryption_key_file)?);
        let teller = Teller {
            links: Links::new(&settings.links, Arc::clone(&sealing))?,
            templates: Templates::load().context("a template is wrong")?,
            language_kept: SignedDuration::from_mins(settings.facts.language_kept_minutes.into()),
        };
        let owners = Arc::new(Owners::new(core.clone()));
        Ok(Self {
            teller: Arc::new(teller),
            hub: Arc::new(Hub::new(limits(&settings.stream), settings.stream.most_per_user)),
            instances: Instances::default(),
            asked: Asked::new(Arc::clone(&owners), core.clock.clone()),
            owners,
            backfills: Backfills::default(),
            stale: Stale::default(),
            openings: Openings::default(),
            wakes: Wakes::default(),
            sender: sender(&settings.webhooks)?,
            sealing,
            outlet: Outlet::new(&settings.mail)?,
            mail_from: settings.mail.from.0.clone(),
            core,
            settings,
        })
    }
}

impl App {
    /// This is committed: it goes to the streams here, and other instances read for theirs.
    pub fn added(&self, fresh: &[Fresh]) {
        if !fresh.is_empty() {
            self.hub.hand_over(fresh);
            self.instances.tell(fresh.iter().map(|fresh| fresh.user_id));
        }
    }

    /// Something else was added to a user's log, and is committed.
    pub fn changed(&self, user: UserId) {
        self.hub.read_for([user]);
        self.instances.tell([user]);
    }
}

fn sender(settings: &WebhookSettings) -> anyhow::Result<Sender> {
    let guard = Guard::new(settings.allow_http, &settings.allowed_networks);
    Sender::new(guard, resolver::system(), Duration::from_secs(settings.timeout_seconds.max(1).into()))
}

fn limits(settings: &StreamSettings) -> Limits {
    Limits {
        buffered: settings.buffered_entries.max(1),
        replayed: settings.replayed_entries.into(),
        heartbeat: SignedDuration::from_secs(settings.heartbeat_seconds.into()),
        stalled: SignedDuration::from_secs(settings.stalled_seconds.into()),
    }
}
