//! The settings file of each service, rendered from the topology.

use crate::keys;
use crate::topology::Topology;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::path::Path;
use toml::{Table, Value};

/// What the settings of all services are made of.
#[derive(Debug)]
pub struct Plan<'a> {
    /// Who knows whom.
    pub topology: &'a Topology,
    /// Where each listens.
    pub ports: &'a BTreeMap<String, u16>,
    /// Directory for keys; files in it are mode 0600.
    pub secrets: &'a Path,
    /// Directory that mails are written to.
    pub mail: &'a Path,
    /// The address of nginx, for links in mails.
    pub public_url: &'a str,
}

/// Connection URLs of one service.
#[derive(Debug)]
pub struct Urls {
    /// Role that serves.
    pub service: String,
    /// Role that migrates.
    pub owner: String,
}

impl Plan<'_> {
    /// The settings of `name`.
    pub fn of(&self, name: &str, urls: &Urls) -> Result<Table> {
        let mut settings = Table::new();
        set(&mut settings, "server.listen", format!("127.0.0.1:{}", self.port(name)?));
        set(&mut settings, "database.url", urls.service.as_str());
        set(&mut settings, "database.owner_url", urls.owner.as_str());
        let jwks = format!("http://127.0.0.1:{}/.well-known/jwks.json", self.port("user")?);
        set(&mut settings, "auth.jwks_url", jwks);
        keys::public_key(self.secrets, name)?;
        set(&mut settings, "identity.private_key_file", text(&self.secrets.join(format!("{name}.pem")))?);
        for peer in self.topology.acquaintances(name)? {
            let public_key = keys::public_key(self.secrets, peer)?;
            set(&mut settings, &format!("peers.{peer}.public_key"), public_key);
            let url = format!("http://127.0.0.1:{}", self.port(peer)?);
            set(&mut settings, &format!("peers.{peer}.url"), url);
        }
        for (subscriber, prefixes) in self.topology.subscribers(name) {
            set(&mut settings, &format!("events.subscribers.{subscriber}"), prefixes.to_vec());
        }
        add_own(name, self.secrets, self.mail, self.public_url, &mut settings)?;
        Ok(settings)
    }

    fn port(&self, name: &str) -> Result<u16> {
        self.ports.get(name).copied().with_context(|| format!("{name} has no port"))
    }
}

/// What `name` alone has and has no default.
pub fn add_own(name: &str, secrets: &Path, mail: &Path, public_url: &str, settings: &mut Table) -> Result<()> {
    match name {
        "user" => {
            let file = secrets.join("user-encryption.key");
            crate::secrets::read_or_write(&file, || crate::secrets::random_hex(32))?;
            set(settings, "keys.encryption_key_file", text(&file)?);
            set(settings, "keys.public_jwks_url", format!("{public_url}/.well-known/jwks.json"));
        }
        "notification" => {
            let file = secrets.join("notification-encryption.key");
            crate::secrets::read_or_write(&file, || crate::secrets::random_hex(32))?;
            set(settings, "secrets.encryption_key_file", text(&file)?);
            set(settings, "mail.directory", text(mail)?);
            set(settings, "links.base_url", public_url);
        }
        _ => {}
    }
    Ok(())
}

/// Sets a value by its dotted path.
pub fn set(settings: &mut Table, path: &str, value: impl Into<Value>) {
    match path.split_once('.') {
        None => drop(settings.insert(path.to_owned(), value.into())),
        Some((section, rest)) => {
            let entry = settings.entry(section).or_insert_with(|| Value::Table(Table::new()));
            if !entry.is_table() {
                *entry = Value::Table(Table::new());
            }
            if let Value::Table(inner) = entry {
                set(inner, rest, value);
            }
        }
    }
}

/// A path as a setting.
pub fn text(path: &Path) -> Result<String> {
    Ok(path.to_str().with_context(|| format!("{} is not UTF-8", path.display()))?.to_owned())
}
