//! The settings file of each service: what follows from the topology, as on a server, and what is this stack's own.

use crate::keys;
use crate::topology::Topology;
use anyhow::{Context, Result};
pub use rollcall_ops::render::settings::set;
use rollcall_ops::render::settings::settings;
use std::collections::BTreeMap;
use std::path::Path;
use toml::Table;

/// What the settings of all services are made of.
#[derive(Debug)]
pub struct Plan<'a> {
    /// Who knows whom, and where each listens.
    pub topology: &'a Topology,
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
        let keys = self.topology.services.keys().map(|peer| {
            let key = keys::public_key(self.secrets, peer)?;
            Ok((peer.clone(), key))
        });
        let keys: BTreeMap<String, String> = keys.collect::<Result<_>>()?;
        let at = self.topology.instances(name)?;
        let host = at.first().with_context(|| format!("{name} runs nowhere"))?.host;
        let mut settings = settings(self.topology, name, host, &keys)?;
        set(&mut settings, "database.url", urls.service.as_str());
        set(&mut settings, "database.owner_url", urls.owner.as_str());
        set(&mut settings, "identity.private_key_file", text(&self.secrets.join(format!("{name}.pem")))?);
        add_own(name, self.secrets, self.mail, self.public_url, &mut settings)?;
        Ok(settings)
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

/// A path as a setting.
pub fn text(path: &Path) -> Result<String> {
    Ok(path.to_str().with_context(|| format!("{} is not UTF-8", path.display()))?.to_owned())
}
