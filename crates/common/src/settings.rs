//! Settings: packaged defaults < what the topology says < a file < the environment. What is unknown or wrong stops the start with a
//! message that names key, value and source. Secrets live in files that settings point to, or in the
//! database URL, which prints with its password masked. Where no setting says which files, it is those of the
//! installation's credentials that are there.

use crate::client::{CallOverrides, CallSettings};
use crate::server::LimitSettings;
use config::{Config, Environment, File, FileFormat, Source as _, Value};
use ipnet::IpNet;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use url::Url;

const BASE: &str = include_str!("../config/base.toml");

/// Settings that name a file with a secret, and the name of that file among the credentials of an installation
/// (`deploy/README.md`).
const CREDENTIALS: [(&str, &str); 3] = [
    ("database.password_file", "database-password"),
    ("database.owner_password_file", "database-owner-password"),
    ("identity.private_key_file", "identity.pem"),
];

/// What every service is told. The meaning and unit of each value stand in `config/base.toml`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BaseSettings {
    /// How requests are served.
    pub server: ServerSettings,
    /// How much of it one caller, and all together, may take.
    pub limits: LimitSettings,
    /// The service's own database.
    pub database: DatabaseSettings,
    /// How access tokens are checked.
    pub auth: AuthSettings,
    /// Who this service is to others.
    pub identity: IdentitySettings,
    /// What a call to another service may cost.
    pub calls: CallSettings,
    /// The other services, by name.
    #[serde(default)]
    pub peers: BTreeMap<String, PeerSettings>,
    /// How events leave.
    pub events: EventSettings,
    /// What is logged.
    pub telemetry: TelemetrySettings,
}

/// `[server]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "config/base.toml says what each value is, once")]
pub struct ServerSettings {
    pub listen: SocketAddr,
    pub inherit_socket: bool,
    pub workers: usize,
    pub deadline_ms: u64,
    pub body_limit_bytes: usize,
    pub drain_ms: u64,
    pub shutdown_seconds: u64,
}

/// `[database]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "config/base.toml says what each value is, once")]
pub struct DatabaseSettings {
    /// Of the service's role, which owns nothing. libpq's form: several hosts, `passfile` and
    /// `target_session_attrs` work.
    pub url: DatabaseUrl,
    /// Of the owner's role; `migrate` alone needs it.
    #[serde(default)]
    pub owner_url: Option<DatabaseUrl>,
    /// File with the password that `url` has not, alone on its first line.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// The same for `owner_url`.
    #[serde(default)]
    pub owner_password_file: Option<PathBuf>,
    pub max_connections: u32,
    pub acquire_timeout_ms: u64,
    pub statement_timeout_ms: u64,
    pub lock_timeout_ms: u64,
    pub idle_in_transaction_timeout_ms: u64,
}

impl DatabaseSettings {
    fn take_passwords(&mut self) -> Result<(), SettingsError> {
        if let Some(file) = &self.password_file {
            self.url.take_password("database.password_file", file)?;
        }
        if let (Some(url), Some(file)) = (&mut self.owner_url, &self.owner_password_file) {
            url.take_password("database.owner_password_file", file)?;
        }
        Ok(())
    }
}

/// `[auth]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "config/base.toml says what each value is, once")]
pub struct AuthSettings {
    pub jwks_url: Url,
    pub issuer: String,
    pub audience: String,
    pub refresh_seconds: u64,
}

/// `[identity]`
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct IdentitySettings {
    /// PEM file with the Ed25519 key (PKCS #8) that signs this service's tokens.
    pub private_key_file: PathBuf,
}

/// `[peers.<name>]`
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PeerSettings {
    /// Where the peer listens. A peer that only calls us needs none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<Url>,
    /// Where its other instances listen.
    #[serde(default, skip_serializing_if = "List::is_empty")]
    pub urls: List<Url>,
    /// Its Ed25519 public key, base64url, which verifies its service tokens.
    pub public_key: String,
    /// Another one that is believed beside it, while the peer's identity is being changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_public_key: Option<String>,
    /// What is different about calls to it.
    #[serde(default)]
    pub calls: CallOverrides,
}

impl PeerSettings {
    /// Where its instances listen.
    pub fn all_urls(&self) -> Vec<Url> {
        self.url.iter().chain(&self.urls.0).cloned().collect()
    }
}

/// `[events]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "config/base.toml says what each value is, once")]
pub struct EventSettings {
    pub batch_size: u32,
    pub poll_ms: u64,
    pub keep_days: u16,
    /// Peers that are told, each with the prefixes of the event types it wants.
    #[serde(default)]
    pub subscribers: BTreeMap<String, TypePrefixes>,
}

/// `[telemetry]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "config/base.toml says what each value is, once")]
pub struct TelemetrySettings {
    pub log: String,
    pub watchers: List<IpNet>,
}

/// A connection URL. It prints without its password.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// The URL with its password, for libpq.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Adds the password that stands in a file: as a parameter, which libpq takes for one host and for several.
    fn take_password(&mut self, setting: &str, file: &Path) -> Result<(), SettingsError> {
        let read = std::fs::read_to_string(file);
        let read =
            read.map_err(|error| SettingsError(vec![format!("setting `{setting}` = `{}`: {error}", file.display())]));
        let password: String =
            url::form_urlencoded::byte_serialize(read?.lines().next().unwrap_or_default().as_bytes())
                .collect::<String>()
                // libpq knows no other way to write a space.
                .replace('+', "%20");
        let joint = if self.0.contains('?') { '&' } else { '?' };
        self.0 = format!("{}{joint}password={password}", self.0);
        Ok(())
    }

    fn masked(&self) -> String {
        match Url::parse(&self.0) {
            Ok(mut url) if url.password().is_some() => {
                // Cannot fail: a URL with a password has a host to put it before.
                let _ = url.set_password(Some("***"));
                url.to_string()
            }
            Ok(url) if url.query_pairs().any(|(key, _)| key == "password") => {
                format!("postgresql://***@{}{}", url.host_str().unwrap_or_default(), url.path())
            }
            Ok(url) => url.to_string(),
            // Several hosts are libpq's own extension of the syntax: show where, not who.
            Err(_) => {
                let address = self.0.split('?').next().unwrap_or_default();
                let hosts = address.rsplit('@').next().unwrap_or_default().trim_start_matches("postgresql://");
                format!("postgresql://***@{hosts}")
            }
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl Serialize for DatabaseUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.masked())
    }
}

impl FromStr for DatabaseUrl {
    type Err = &'static str;

    fn from_str(url: &str) -> Result<Self, Self::Err> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Ok(Self(url.to_owned()))
        } else {
            Err("must start with postgresql://")
        }
    }
}

impl<'de> Deserialize<'de> for DatabaseUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Several values: a list, or (for the environment) one string with commas.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct List<T>(pub Vec<T>);

/// Prefixes of event types.
pub type TypePrefixes = List<String>;

impl TypePrefixes {
    /// Whether an event of this type is wanted.
    pub fn matches(&self, kind: &str) -> bool {
        self.0.iter().any(|prefix| kind.starts_with(prefix.as_str()))
    }
}

impl<T> List<T> {
    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: FromStr<Err: fmt::Display>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            List(Vec<String>),
            Text(String),
        }
        let texts = match Either::deserialize(deserializer)? {
            Either::List(list) => list,
            Either::Text(text) => text.split(',').map(|part| part.trim().to_owned()).collect(),
        };
        texts.iter().map(|text| text.parse().map_err(serde::de::Error::custom)).collect::<Result<_, _>>().map(Self)
    }
}

/// The settings of one service: those that all have, and its own.
#[derive(Clone, Debug, Serialize)]
pub struct Loaded<S> {
    /// What every service is told.
    #[serde(flatten)]
    pub base: BaseSettings,
    /// What this one is told besides.
    #[serde(flatten)]
    pub own: S,
}

/// Where settings come from, in ascending precedence.
#[derive(Clone, Debug)]
pub struct Sources<'a> {
    /// Name of the service, which makes the prefix of its environment variables.
    pub service: &'a str,
    /// The service's packaged defaults, TOML.
    pub defaults: &'a str,
    /// What was rendered from the topology: peers, subscribers, addresses. None is fine.
    pub topology: Option<&'a Path>,
    /// A file; none is fine.
    pub file: Option<&'a Path>,
    /// The environment; none takes the process's own.
    pub environment: Option<HashMap<String, String>>,
}

/// The files with the secrets of an installed service.
#[derive(Clone, Copy, Debug)]
pub struct Credentials<'a> {
    /// Where they are.
    pub directory: &'a Path,
    /// Settings of the service's own that name one, and the name of the file.
    pub own: &'a [(&'a str, &'a str)],
}

/// Everything that is wrong with the settings, a line each.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct SettingsError(Vec<String>);

/// Reads and checks the settings of a service.
pub fn load<S: DeserializeOwned>(sources: &Sources<'_>) -> Result<Loaded<S>, SettingsError> {
    load_over(sources, &[])
}

/// Reads and checks the settings of a service that is installed on this machine: a secret that no setting names is in
/// its file among the `credentials`, if that is there and this account may see it, which is root alone.
pub fn load_installed<S: DeserializeOwned>(
    sources: &Sources<'_>,
    credentials: &Credentials<'_>,
) -> Result<Loaded<S>, SettingsError> {
    let all = CREDENTIALS.iter().chain(credentials.own);
    let there =
        all.map(|(setting, name)| (*setting, credentials.directory.join(name))).filter(|(_, file)| file.exists());
    load_over(sources, &there.collect::<Vec<_>>())
}

/// The same, where the files of `secrets` are what each setting is if nobody says it.
fn load_over<S: DeserializeOwned>(
    sources: &Sources<'_>,
    secrets: &[(&str, PathBuf)],
) -> Result<Loaded<S>, SettingsError> {
    let one = |error: config::ConfigError| SettingsError(vec![error.to_string()]);
    let environment = Environment::with_prefix(&format!("ROLLCALL_{}", sources.service.to_uppercase()))
        .prefix_separator("__")
        .separator("__")
        .try_parsing(true)
        .source(sources.environment.clone());
    let mut builder = Config::builder();
    for (setting, file) in secrets {
        builder = builder.set_default(*setting, file.display().to_string()).map_err(one)?;
    }
    builder = builder
        .add_source(File::from_str(BASE, FileFormat::Toml))
        .add_source(File::from_str(sources.defaults, FileFormat::Toml));
    for file in [sources.topology, sources.file].into_iter().flatten() {
        builder = builder.add_source(File::from(file).format(FileFormat::Toml));
    }
    let merged = builder.add_source(environment).build().map_err(one)?;
    let merged = Value::new(None, merged.collect().map_err(one)?);

    let (mut base, unknown_to_base) = decode::<BaseSettings>(&merged)?;
    let (own, unknown_to_own) = decode::<S>(&merged)?;
    let unknown: BTreeSet<&String> = unknown_to_base
        .iter()
        .filter(|path| covers(&unknown_to_own, path))
        .chain(unknown_to_own.iter().filter(|path| covers(&unknown_to_base, path)))
        .collect();
    if !unknown.is_empty() {
        let lines = unknown.iter().map(|path| describe(&merged, path, "there is no such setting"));
        return Err(SettingsError(lines.collect()));
    }
    base.database.take_passwords()?;
    Ok(Loaded { base, own })
}

/// Decodes one view of the settings; also says which paths it had no use for.
fn decode<T: DeserializeOwned>(settings: &Value) -> Result<(T, Vec<String>), SettingsError> {
    let mut ignored = Vec::new();
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(settings.clone(), &mut track);
    let decoded = serde_ignored::deserialize(tracked, |path| {
        // Options show up as `?` in the path; a key does not.
        let parts: Vec<_> = path.to_string().split('.').filter(|part| *part != "?").map(str::to_owned).collect();
        ignored.push(parts.join("."));
    });
    match decoded {
        Ok(value) => Ok((value, ignored)),
        Err(error) => {
            let path = track.path().to_string();
            let reason = match &error {
                config::ConfigError::Type { unexpected, expected, .. } => {
                    format!("is {unexpected}, must be {expected}")
                }
                other => other.to_string(),
            };
            Err(SettingsError(vec![describe(settings, &path, &reason)]))
        }
    }
}

/// Whether `ignored` holds `path` or something above it.
fn covers(ignored: &[String], path: &str) -> bool {
    ignored
        .iter()
        .any(|above| path == above || path.strip_prefix(above.as_str()).is_some_and(|rest| rest.starts_with('.')))
}

/// A line that names key, value and source.
fn describe(settings: &Value, path: &str, reason: &str) -> String {
    let found = path.split('.').try_fold(settings.clone(), |value, key| value.into_table().ok()?.remove(key));
    match found {
        Some(value) => {
            let source = origin(&value).unwrap_or_else(|| "the packaged defaults".to_owned());
            let secret = ["url", "key", "password", "secret"].iter().any(|word| path.ends_with(word));
            let shown = if secret { "***".to_owned() } else { value.to_string() };
            format!("setting `{path}` = `{shown}` from {source}: {reason}")
        }
        None => format!("setting `{path}` is needed: {reason}"),
    }
}

/// Where a value was read; a table, which is merged from several places, is from where its first value is.
fn origin(value: &Value) -> Option<String> {
    let own = value.origin().map(str::to_owned);
    own.or_else(|| value.clone().into_table().ok()?.values().find_map(origin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Own {
        mail: Mail,
    }

    #[derive(Debug, Deserialize)]
    struct Mail {
        from: String,
        #[serde(default)]
        smtp: Option<Smtp>,
    }

    #[derive(Debug, Deserialize)]
    struct Smtp {
        port: u16,
    }

    const NEEDED: [(&str, &str); 2] = [
        ("ROLLCALL_X__DATABASE__URL", "postgresql://x:sesame@localhost/x"),
        ("ROLLCALL_X__IDENTITY__PRIVATE_KEY_FILE", "/x.pem"),
    ];

    fn load_with(environment: &[(&str, &str)], file: &str) -> Result<Loaded<Own>, SettingsError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.toml");
        std::fs::write(&path, file).unwrap();
        let environment = NEEDED.iter().chain(environment).map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        load(&Sources {
            service: "x",
            defaults: "[mail]\nfrom = \"hr@example.org\"\n",
            topology: None,
            file: Some(&path),
            environment: Some(environment),
        })
    }

    #[test]
    fn the_environment_beats_the_file_which_beats_the_defaults() {
        let loaded = load_with(
            &[
                ("ROLLCALL_X__SERVER__WORKERS", "7"),
                ("ROLLCALL_X__EVENTS__SUBSCRIBERS__ORG", "a.,b."),
                ("ROLLCALL_X__PEERS__ORG__URLS", "http://a:1, http://b:2"),
                ("ROLLCALL_X__PEERS__ORG__CALLS__RETRIES", "1"),
            ],
            "[server]\nworkers = 5\ndrain_ms = 9\n[mail]\nsmtp = { port = 25 }\n[peers.org]\npublic_key = \"x\"",
        )
        .unwrap();
        assert_eq!((loaded.base.server.workers, loaded.base.server.drain_ms), (7, 9));
        assert_eq!(loaded.own.mail.from, "hr@example.org");
        assert_eq!(loaded.own.mail.smtp.unwrap().port, 25);
        assert!(loaded.base.events.subscribers["org"].matches("b.c"));
        let org = &loaded.base.peers["org"];
        assert_eq!(org.all_urls(), ["http://a:1".parse().unwrap(), "http://b:2".parse().unwrap()]);
        assert_eq!(loaded.base.calls.with(&org.calls).retries, 1);
    }

    #[test]
    fn an_unknown_key_is_refused_with_key_value_and_source() {
        for (file, key) in [
            ("[server]\nworker = 5", "server.worker"),
            ("[mial]\nfrom = 1", "mial"),
            ("[mail]\nsmtp = { port = 25, prot = 1 }", "mail.smtp.prot"),
        ] {
            let message = load_with(&[], file).unwrap_err().to_string();
            assert!(message.contains(&format!("`{key}`")) && message.contains("x.toml"), "{message}");
        }
        let message = load_with(&[("ROLLCALL_X__SERVER__COLOUR", "red")], "").unwrap_err().to_string();
        assert!(message.contains("`server.colour` = `red` from the environment"), "{message}");
    }

    #[test]
    fn a_bad_value_is_refused_with_key_value_and_source() {
        let message = load_with(&[], "[server]\nworkers = \"many\"").unwrap_err().to_string();
        assert!(message.contains("`server.workers` = `many`") && message.contains("x.toml"), "{message}");
        let message = load_with(&[("ROLLCALL_X__SERVER__LISTEN", "here")], "").unwrap_err().to_string();
        assert!(message.contains("`server.listen` = `here` from the environment"), "{message}");
    }

    #[test]
    fn a_missing_secret_is_named_and_a_password_is_never_shown() {
        let environment = Some(HashMap::new());
        let error = load::<Own>(&Sources { service: "x", defaults: "", topology: None, file: None, environment });
        assert!(error.unwrap_err().to_string().contains("database"), "names what is needed");
        let loaded = load_with(&[], "").unwrap();
        assert!(!format!("{loaded:?}").contains("sesame"));
        assert!(!serde_json::to_string(&loaded.base).unwrap().contains("sesame"));
    }

    #[test]
    fn a_password_comes_from_its_file_and_is_never_shown() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("password");
        std::fs::write(&file, "open sesame&host=evil\n").unwrap();
        for (url, whole) in [
            ("postgresql://x@localhost/x", "postgresql://x@localhost/x?password=open%20sesame%26host%3Devil"),
            ("postgresql://x@a,b/x?target_session_attrs=read-write", "&password=open%20sesame%26host%3Devil"),
        ] {
            let set =
                [("ROLLCALL_X__DATABASE__URL", url), ("ROLLCALL_X__DATABASE__PASSWORD_FILE", file.to_str().unwrap())];
            let loaded = load_with(&set, "").unwrap();
            assert!(loaded.base.database.url.expose().ends_with(whole), "{}", loaded.base.database.url.expose());
            assert!(!format!("{loaded:?}").contains("sesame"));
        }
        let gone = [("ROLLCALL_X__DATABASE__PASSWORD_FILE", "/nowhere")];
        let message = load_with(&gone, "").unwrap_err().to_string();
        assert!(message.contains("`database.password_file` = `/nowhere`"), "{message}");
    }

    #[test]
    fn secrets_that_no_setting_names_are_those_of_the_installation() {
        #[derive(Debug, Deserialize)]
        struct Sealed {
            keys: Keys,
        }
        #[derive(Debug, Deserialize)]
        struct Keys {
            encryption_key_file: PathBuf,
        }
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = directory.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let settings = file("x.toml", "[database]\nurl = \"postgresql://x@a/x\"\nowner_url = \"postgresql://o@a/x\"");
        for name in ["identity.pem", "encryption-key"] {
            file(name, "");
        }
        file("database-password", "sesame");
        file("database-owner-password", "open");
        let load = |environment: &[(&str, &str)]| {
            let environment = environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            let sources = Sources {
                service: "x",
                defaults: "",
                topology: None,
                file: Some(&settings),
                environment: Some(environment),
            };
            let own = [("keys.encryption_key_file", "encryption-key")];
            load_installed::<Sealed>(&sources, &Credentials { directory: directory.path(), own: &own })
        };
        let loaded = load(&[]).unwrap();
        assert_eq!(loaded.own.keys.encryption_key_file, directory.path().join("encryption-key"));
        assert_eq!(loaded.base.identity.private_key_file, directory.path().join("identity.pem"));
        let urls = [Some(&loaded.base.database.url), loaded.base.database.owner_url.as_ref()];
        let urls: Vec<_> = urls.into_iter().flatten().map(DatabaseUrl::expose).collect();
        assert_eq!(urls, ["postgresql://x@a/x?password=sesame", "postgresql://o@a/x?password=open"]);

        let other = file("other", "");
        let told = load(&[("ROLLCALL_X__IDENTITY__PRIVATE_KEY_FILE", other.to_str().unwrap())]).unwrap();
        assert_eq!(told.base.identity.private_key_file, other, "what a setting says is so");
        std::fs::remove_file(directory.path().join("identity.pem")).unwrap();
        let message = load(&[]).unwrap_err().to_string();
        assert!(message.contains("identity"), "{message}");
    }

    #[test]
    fn the_file_beats_what_the_topology_says() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = directory.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let topology = write("topology.toml", "[server]\nworkers = 3\ndrain_ms = 3");
        let file = write("x.toml", "[server]\nworkers = 5\n[mail]\nfrom = \"a@example.org\"");
        let environment = NEEDED.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let sources = Sources {
            service: "x",
            defaults: "",
            topology: Some(&topology),
            file: Some(&file),
            environment: Some(environment),
        };
        let server = load::<Own>(&sources).unwrap().base.server;
        assert_eq!((server.workers, server.drain_ms), (5, 3));
    }
}
