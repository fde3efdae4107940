//! The public keys of services: what the topology says, else what follows from the private key on this machine.

use crate::topology::Topology;
use anyhow::{Context, Result, anyhow};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Name of a service's private key in its directory of credentials.
const FILE: &str = "identity.pem";

/// The public key of every service, base64url. `credentials` has a directory for each service that runs here.
pub fn public_keys(topology: &Topology, credentials: &Path) -> Result<BTreeMap<String, String>> {
    let one = |(name, service): (&String, &crate::topology::Service)| {
        let key = match &service.public_key {
            Some(key) => key.clone(),
            None => of_private(&credentials.join(name).join(FILE)).with_context(|| {
                format!("`services.{name}.public_key` is not in the topology, so it has to follow from the private key")
            })?,
        };
        Ok((name.clone(), key))
    };
    topology.services.iter().map(one).collect()
}

/// The public half of an Ed25519 key in PEM (PKCS #8).
fn of_private(file: &Path) -> Result<String> {
    let told = || file.display().to_string();
    let text = fs::read_to_string(file).with_context(told)?;
    let body: String = text.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect();
    let der = STANDARD.decode(body).map_err(|_| anyhow!("no PEM file")).with_context(told)?;
    let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der)
        .map_err(|_| anyhow!("no Ed25519 key in PKCS #8"))
        .with_context(told)?;
    Ok(URL_SAFE_NO_PAD.encode(pair.public_key().as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8410, section 10.3: the example of a private key and its public half.
    #[test]
    fn the_public_half_of_the_example_of_the_rfc() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(FILE);
        let pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";
        fs::write(&file, pem).unwrap();
        assert_eq!(of_private(&file).unwrap(), "Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE");
    }

    #[test]
    fn a_key_that_is_nowhere_is_said_with_its_setting_and_its_file() {
        let topology = Topology::built_in().unwrap();
        let said = format!("{:#}", public_keys(&topology, Path::new("/nonexistent")).unwrap_err());
        assert!(
            said.contains("`services.attendance.public_key`") && said.contains("/nonexistent/attendance/identity.pem"),
            "{said}"
        );
    }
}
