//! Settings of org alone: none yet. Those that every service has are described in `config/default.toml`.

use serde::{Deserialize, Serialize};

/// Settings of org alone.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Settings {}
