//! What a call may cost, per target: `[calls]`, and what `[peers.<name>.calls]` says otherwise.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The values of `[calls]`, and the same as a patch.
macro_rules! call_settings {
    ($($name:ident: $kind:ty),* $(,)?) => {
        /// `[calls]`
        #[derive(Clone, Debug, Serialize, Deserialize)]
        #[expect(missing_docs, reason = "config/base.toml says what each value is, once")]
        pub struct CallSettings {
            $(pub $name: $kind,)*
        }

        /// `[peers.<name>.calls]`: what is different for one peer.
        #[derive(Clone, Debug, Default, Serialize, Deserialize)]
        #[expect(missing_docs, reason = "config/base.toml says what each value is, once")]
        pub struct CallOverrides {
            $(#[serde(default, skip_serializing_if = "Option::is_none")] pub $name: Option<$kind>,)*
        }

        impl CallSettings {
            /// These, but for what is said of one peer.
            #[must_use]
            pub fn with(&self, peer: &CallOverrides) -> Self {
                Self { $($name: peer.$name.unwrap_or(self.$name),)* }
            }
        }
    };
}

call_settings! {
    deadline_ms: u64,
    attempt_percent: u32,
    retries: u32,
    backoff_first_ms: u64,
    backoff_most_ms: u64,
    budget_percent: u32,
    budget_per_second: u32,
    breaker_failures: u32,
    breaker_calls: u32,
    breaker_success_percent: u32,
    breaker_open_first_ms: u64,
    breaker_open_most_ms: u64,
    in_flight: usize,
    response_limit_bytes: usize,
}

impl CallSettings {
    pub(super) const fn deadline(&self) -> Duration {
        Duration::from_millis(self.deadline_ms)
    }

    /// What an attempt may take of what is left.
    pub(super) fn share(&self, left: Duration) -> Duration {
        left.mul_f64(f64::from(self.attempt_percent.clamp(1, 100)) / 100.0)
    }

    /// The longest wait before the repetition after `past` others.
    pub(super) fn backoff(&self, past: u32) -> Duration {
        let (first, most) = (Duration::from_millis(self.backoff_first_ms), Duration::from_millis(self.backoff_most_ms));
        first.saturating_mul(1 << past.min(16)).min(most)
    }
}
