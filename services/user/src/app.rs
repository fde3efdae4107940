//! What lives as long as the process.

use crate::keys::ring::KeyRing;
use crate::keys::seal::KeyEncryptionKey;
use crate::passwords::pool::PasswordPool;
use crate::sessions;
use crate::sessions::domain::Lifetimes;
use crate::sessions::tokens::AccessTokens;
use crate::settings::Settings;
use jiff::SignedDuration;
use rollcall_common::db::Unscoped;
use rollcall_common::fault::Fault;
use rollcall_common::problem::chain;
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
    pub(crate) settings: Settings,
}

impl App {
    /// Prepares the service. When the database is away it starts without signing keys, which [`App::read_keys`] gets
    /// later; a key that does not open stops the start, because no amount of waiting mends it.
    pub async fn new(core: Core, settings: Settings) -> anyhow::Result<Self> {
        let tokens = AccessTokens {
            keys: KeyRing::new(KeyEncryptionKey::read(&settings.keys.encryption_key_file)?),
            issuer: core.base.auth.issuer.clone(),
            audience: core.base.auth.audience.clone(),
            lifetime: SignedDuration::from_secs(settings.sessions.access_token_seconds.into()),
        };
        let passwords = PasswordPool::new(&settings.passwords)?;
        let app = Self { core, passwords, tokens, lifetimes: settings.sessions.lifetimes(), settings };
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

    /// Deletes sessions and refresh tokens that are over; answers how many rows there were.
    pub async fn sweep(&self) -> Result<usize, Fault> {
        let now = self.core.clock.now();
        self.core.db.transaction(Unscoped, move |conn| Ok(sessions::store::sweep(conn, now)?)).await
    }

    /// Sweeps again and again.
    pub(crate) async fn keep_sweeping(self: Arc<Self>) {
        let pause = Duration::from_secs(self.settings.sessions.sweep_seconds.max(1));
        loop {
            tokio::time::sleep(pause).await;
            match self.sweep().await {
                Ok(rows) => tracing::info!(rows, "swept sessions and refresh tokens that are over"),
                Err(error) => tracing::warn!(error = chain(&error), "cannot sweep sessions"),
            }
        }
    }
}
