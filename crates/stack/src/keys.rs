//! Keys of services: an Ed25519 pair each, the public halves in everybody's settings.

use crate::secrets;
use anyhow::{Context, Result};
use rollcall_common::testing::TestKey;
use std::fs;
use std::path::Path;

/// The public key (base64url) of `service`, whose private key is in `directory`; a pair is made when there is none.
pub fn public_key(directory: &Path, service: &str) -> Result<String> {
    let private = directory.join(format!("{service}.pem"));
    let public = directory.join(format!("{service}.pub"));
    if !(private.is_file() && public.is_file()) {
        let pair = TestKey::generate()?;
        secrets::write(&private, pair.private_pem.as_bytes())?;
        secrets::write(&public, pair.public.as_bytes())?;
    }
    fs::read_to_string(&public).with_context(|| public.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_pair_is_made_once_and_is_its_owners_alone() {
        let directory = tempfile::tempdir().unwrap();
        let first = public_key(directory.path(), "user").unwrap();
        assert_eq!(public_key(directory.path(), "user").unwrap(), first);
        assert_ne!(public_key(directory.path(), "org").unwrap(), first);
        let private = fs::metadata(directory.path().join("user.pem")).unwrap();
        assert_eq!(private.permissions().mode() & 0o777, 0o600);
    }
}
