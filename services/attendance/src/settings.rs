//! Settings of attendance alone: how far from now a punch may lie, when leave is earned, and how often it looks for
//! punches that are missing.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

/// The sections that only this service has.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Settings {
    /// What punches are accepted.
    pub punches: PunchSettings,
    /// When leave is earned and expires.
    pub leave: LeaveSettings,
    /// How missing punches are looked for.
    pub missing: MissingSettings,
}

/// `[leave]`
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "config/default.toml says what each value is, once")]
pub struct LeaveSettings {
    pub settle_seconds: u64,
    pub settle_days: u16,
    pub warn_days: u16,
}

/// `[punches]`
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "config/default.toml says what each value is, once")]
pub struct PunchSettings {
    pub offline_hours: u32,
    pub ahead_seconds: u32,
    pub import_days: u32,
    pub online_seconds: u32,
    pub queue: usize,
    pub person_at_once: u32,
    pub person_per_day: u32,
}

/// `[missing]`
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "config/default.toml says what each value is, once")]
pub struct MissingSettings {
    pub every_seconds: u32,
    pub silent_hours: u32,
}

impl PunchSettings {
    /// How far back a client may send a punch.
    pub fn offline(&self) -> SignedDuration {
        SignedDuration::from_hours(self.offline_hours.into())
    }

    /// How far ahead a client's clock may be.
    pub fn ahead(&self) -> SignedDuration {
        SignedDuration::from_secs(self.ahead_seconds.into())
    }

    /// How far back an import may go.
    pub fn import(&self) -> SignedDuration {
        SignedDuration::from_hours(i64::from(self.import_days) * 24)
    }

    /// Older than this when it arrives, a punch was made offline.
    pub fn online(&self) -> SignedDuration {
        SignedDuration::from_secs(self.online_seconds.into())
    }
}
