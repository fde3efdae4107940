//! Settings of the user service alone; `config/default.toml` says what each value is.

use crate::throttle::domain::Rule;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use url::Url;

/// The sections that only this service has.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Settings {
    /// Keys that sign access tokens.
    pub keys: KeySettings,
    /// Access tokens and sessions.
    pub sessions: SessionSettings,
    /// The pool that hashes passwords.
    pub passwords: PasswordSettings,
    /// How failed attempts are slowed down.
    pub throttling: ThrottlingSettings,
}

/// `[keys]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "config/default.toml says what each value is, once")]
pub struct KeySettings {
    pub encryption_key_file: PathBuf,
    #[serde(default)]
    pub public_jwks_url: Option<Url>,
    pub reload_seconds: u64,
    pub jwks_max_age_seconds: u32,
    pub publish_ahead_seconds: u32,
    pub rotate_days: u32,
}

/// `[sessions]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "config/default.toml says what each value is, once")]
pub struct SessionSettings {
    pub access_token_seconds: u32,
    pub idle_seconds: u32,
    pub absolute_seconds: u32,
    pub sweep_seconds: u64,
    pub fresh_seconds: u32,
}

impl SessionSettings {
    /// How long sessions live.
    pub fn lifetimes(&self) -> crate::sessions::domain::Lifetimes {
        crate::sessions::domain::Lifetimes {
            idle: SignedDuration::from_secs(self.idle_seconds.into()),
            absolute: SignedDuration::from_secs(self.absolute_seconds.into()),
        }
    }
}

/// `[passwords]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "config/default.toml says what each value is, once")]
pub struct PasswordSettings {
    pub workers: usize,
    pub queue: usize,
}

/// `[throttling]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "config/default.toml says what each value is, once")]
pub struct ThrottlingSettings {
    pub account: ThrottleSettings,
    pub address: ThrottleSettings,
    pub mail: ThrottleSettings,
}

/// `[throttling.*]`
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "config/default.toml says what each value is, once")]
pub struct ThrottleSettings {
    pub free: u16,
    pub forgiven_after_seconds: u32,
    pub longest_seconds: u32,
}

impl ThrottleSettings {
    fn rule(self) -> Rule {
        Rule {
            free: self.free.into(),
            forgiven_after: SignedDuration::from_secs(self.forgiven_after_seconds.into()),
            longest: SignedDuration::from_secs(self.longest_seconds.into()),
        }
    }
}

/// The rules that the settings make.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Of one account.
    pub account: Rule,
    /// Of one address.
    pub address: Rule,
    /// Of mails to one account.
    pub mail: Rule,
}

impl ThrottlingSettings {
    /// The rules.
    pub fn rules(&self) -> Rules {
        Rules { account: self.account.rule(), address: self.address.rule(), mail: self.mail.rule() }
    }
}
