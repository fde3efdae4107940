//! How much of a service one caller, and all of them together, may take.
//!
//! `in_flight` bounds what is under way in the process, and adapts; `rates` bounds what one principal asks for in a
//! time. Both refuse before any work is done: 503 and 429, with `Retry-After`. The bound on the database's queue is
//! `crate::db`'s own.

mod in_flight;
mod rates;

pub(crate) use in_flight::{Admitted, InFlight};
pub(crate) use rates::{Principal, Rates, Standing};

use crate::settings::List;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// `[limits]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "config/base.toml says what each value is, once")]
pub struct LimitSettings {
    pub in_flight_least: usize,
    pub in_flight_most: usize,
    pub lag_ms: u64,
    pub session: RateSettings,
    pub api_token: RateSettings,
    pub service: RateSettings,
    pub address: RateSettings,
    pub proxies: List<IpNet>,
}

/// What one principal may ask for.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "config/base.toml says what each value is, once")]
pub struct RateSettings {
    pub per_second: u32,
    pub burst: u32,
}
