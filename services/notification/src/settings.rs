//! The service's own settings. Their meaning, unit and default stand in `config/default.toml`.

use ipnet::IpNet;
use lettre::message::Mailbox;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::path::PathBuf;
use url::Url;

/// Everything this service is told besides what all are.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "config/default.toml says what each value is, once")]
pub struct Settings {
    pub links: LinkSettings,
    pub inbox: InboxSettings,
    pub stream: StreamSettings,
    pub mail: MailSettings,
    pub facts: FactSettings,
    pub secrets: SecretSettings,
    pub webhooks: WebhookSettings,
    pub deliveries: DeliverySettings,
}

/// `[links]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "config/default.toml says what each value is, once")]
pub struct LinkSettings {
    pub base_url: Url,
    #[serde(default)]
    pub invitation_page: Option<String>,
    #[serde(default)]
    pub password_reset_page: Option<String>,
}

/// `[stream]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "config/default.toml says what each value is, once")]
pub struct StreamSettings {
    pub heartbeat_seconds: u32,
    pub stalled_seconds: u32,
    pub poll_ms: u64,
    pub buffered_entries: usize,
    pub replayed_entries: u32,
    pub kept_hours: u32,
    pub most_per_user: usize,
}

/// `[mail]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "config/default.toml says what each value is, once")]
pub struct MailSettings {
    pub transport: Transport,
    pub directory: PathBuf,
    pub from: Sender,
    pub give_up_hours: u32,
    pub smtp: SmtpSettings,
}

/// How mail leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// As files.
    File,
    /// By SMTP.
    Smtp,
}

/// `[mail.smtp]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "config/default.toml says what each value is, once")]
pub struct SmtpSettings {
    pub host: String,
    pub port: u16,
    pub tls: Tls,
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    #[serde(default)]
    pub username: Option<String>,
    #[serde(default)]
    pub password_file: Option<PathBuf>,
}

/// How the connection to the mail server is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tls {
    /// TLS from the first byte.
    Implicit,
    /// `STARTTLS`; a server without it is refused.
    Starttls,
    /// `STARTTLS` where the server offers it; else nothing is secured. Whoever can change what the server says can read
    /// the mail: for old relays inside a network alone.
    Opportunistic,
    /// None: for a relay on the same machine.
    None,
}

/// `[facts]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "config/default.toml says what each value is, once")]
pub struct FactSettings {
    pub language_kept_minutes: u32,
}

/// `[secrets]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "config/default.toml says what each value is, once")]
pub struct SecretSettings {
    pub encryption_key_file: PathBuf,
}

/// `[webhooks]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "config/default.toml says what each value is, once")]
pub struct WebhookSettings {
    pub allow_http: bool,
    pub allowed_networks: Vec<IpNet>,
    pub most_per_org: u32,
    pub timeout_seconds: u32,
    pub at_a_time: usize,
    pub at_a_time_each: u32,
    pub off_after_hours: u32,
}

/// `[inbox]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "config/default.toml says what each value is, once")]
pub struct InboxSettings {
    pub kept_days: u32,
}

/// `[deliveries]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "config/default.toml says what each value is, once")]
pub struct DeliverySettings {
    pub kept_days: u32,
}

/// Who mails come from, like `Rollcall <no-reply@example.org>`; checked when settings are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender(pub Mailbox);

impl Serialize for Sender {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Sender {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(|_| serde::de::Error::custom("must be like Rollcall <no-reply@example.org>"))
    }
}
