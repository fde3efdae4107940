//! What lives as long as the process.

use crate::keys::domain::Plan;
use crate::keys::ring::{KeyRing, Successor};
use crate::passwords::pool::PasswordPool;
use crate::sessions::domain::Lifetimes;
use crate::sessions::ending::Closer;
use crate::sessions::tokens::AccessTokens;
use crate::settings::Settings;
use crate::sweep;
use jiff::SignedDuration;
use rollcall_common::fault::Fault;
use rollcall_common::problem::chain;
use rollcall_common::seal::SealingKey;
use rollcall_common::server::Core;
use std::sync::Arc;
use std::time::Duration;

/// The user service.
pub struct App {
    /// What every service has.
    pub core: Core,
    /// Hashes and checks passwords.
    pub passwords: PasswordPool,
    /// Issues access tokens, and has the keys that sign them.
    pub tokens: AccessTokens,
    /// How long sessions live.
    pub lifetimes: Lifetimes,
    /// Ends them.
    pub closer: Closer,
    /// Seals secrets that have to be read again.
    pub sealing: Arc<SealingKey>,
    pub(crate) settings: Settings,
}

impl App {
    /// Prepares the service. When the database is away it starts without signing keys, which [`App::read_keys`] gets
    /// later; a key that does not open stops the start, because no amount of waiting mends it.
    pub async fn new(core: Core, settings: Settings) -> anyhow::Result<Self> {
        let sealing = Arc::new(SealingKey::read("keys.encryption_key_file", &settings.keys.encryption_key_file)?);
        let lifetime = SignedDuration::from_secs(settings.sessions.access_token_seconds.into());
        let plan = plan(&settings, core.base.auth.refresh_seconds, lifetime)?;
        let tokens = AccessTokens {
            keys: KeyRing::new(Arc::clone(&sealing), plan),
            issuer: core.base.auth.issuer.clone(),
            audience: core.base.auth.audience.clone(),
            lifetime,
        };
        let passwords = PasswordPool::new(&settings.passwords)?;
        let closer =
            Closer { outbox: core.outbox.clone(), revocations: core.revocations.clone(), access_token: lifetime };
        let lifetimes = settings.sessions.lifetimes();
        let app = Self { core, passwords, tokens, lifetimes, closer, sealing, settings };
        match app.read_keys().await {
            Ok(()) => {}
            Err(error @ Fault::Unavailable { .. }) => {
                tracing::warn!(error = chain(&error), "starting without the signing keys");
            }
            Err(Fault::Internal(error)) => return Err(error),
            Err(error) => return Err(error.into()),
        }
        Ok(app)
    }

    /// How long after signing in one may change how one signs in.
    pub(crate) fn fresh_window(&self) -> SignedDuration {
        SignedDuration::from_secs(self.settings.sessions.fresh_seconds.into())
    }

    /// Takes over the signing keys that are in the database; makes the first one where there is none.
    pub async fn read_keys(&self) -> Result<(), Fault> {
        self.tokens.keys.refresh(&self.core.db, self.core.clock.now()).await
    }

    /// Reads the keys again and again: often until there are some, then as the settings say.
    pub(crate) async fn keep_reading_keys(self: Arc<Self>) {
        let settled = Duration::from_secs(self.settings.keys.reload_seconds.max(1));
        loop {
            let has_keys = self.tokens.keys.published(self.core.clock.now()).is_ok();
            tokio::time::sleep(if has_keys { settled } else { Duration::from_secs(1) }).await;
            if let Err(error) = self.read_keys().await {
                tracing::warn!(error = chain(&error), "cannot read the signing keys; the known ones stay");
            }
        }
    }

    /// Makes the next signing key, unless one waits already.
    pub async fn rotate_keys(&self) -> Result<Successor, Fault> {
        self.tokens.keys.rotate(&self.core.db, self.core.clock.now()).await
    }

    /// Deletes what is over: sessions, tokens, challenges, counts; answers how many rows there were.
    pub async fn sweep(&self) -> Result<usize, Fault> {
        sweep::sweep(&self.core.db, self.core.clock.now()).await
    }

    /// Sweeps again and again.
    pub(crate) async fn keep_sweeping(self: Arc<Self>) {
        let pause = Duration::from_secs(self.settings.sessions.sweep_seconds.max(1));
        loop {
            match self.sweep().await {
                Ok(rows) => tracing::info!(rows, "swept what is over"),
                Err(error) => tracing::warn!(error = chain(&error), "cannot sweep all that is over"),
            }
            tokio::time::sleep(pause).await;
        }
    }
}

/// How keys follow each other; an error when a key could sign before everybody has read it.
fn plan(settings: &Settings, refresh_seconds: u64, access_token: SignedDuration) -> anyhow::Result<Plan> {
    let keys = &settings.keys;
    let needed = refresh_seconds.saturating_add(keys.reload_seconds).saturating_add(keys.jwks_max_age_seconds.into());
    anyhow::ensure!(
        u64::from(keys.publish_ahead_seconds) > needed,
        "keys.publish_ahead_seconds must be more than {needed}: keys.jwks_max_age_seconds, keys.reload_seconds and \
         auth.refresh_seconds together"
    );
    Ok(Plan {
        ahead: SignedDuration::from_secs(keys.publish_ahead_seconds.into()),
        // A minute for clocks that differ and instances that are about to read the keys.
        after: access_token + SignedDuration::from_secs(60),
        every: SignedDuration::from_hours(24 * i64::from(keys.rotate_days.max(1))),
    })
}
