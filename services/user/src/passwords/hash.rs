//! argon2id in memory that the caller lends, in and out of PHC strings.
//!
//! Memory is lent and not allocated for each hash because the allocator keeps a freed block of this size for every
//! thread that ever used one: a storm of logins left 450 MiB behind, which is what the pool is there to prevent.

use crate::passwords::domain::Password;
use anyhow::{Context as _, anyhow};
use argon2::password_hash::phc::{Ident, Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use rollcall_common::secret;

/// Costs of a hash: the second choice of the OWASP Password Storage Cheat Sheet, in KiB, passes and lanes.
const COSTS: (u32, u32, u32) = (19_456, 2, 1);
/// Random bytes of a salt (RFC 9106 §3.1).
const SALT_BYTES: usize = 16;

/// What one hash works in; grows to what the costs ask for, 19 MiB.
#[derive(Default)]
pub struct Memory(Vec<Block>);

impl Memory {
    fn of(&mut self, blocks: usize) -> &mut [Block] {
        if self.0.len() < blocks {
            self.0.resize(blocks, Block::new());
        }
        &mut self.0[..blocks]
    }
}

/// The hash of a password as a PHC string, with a salt of its own.
pub fn make(password: &Password, memory: &mut Memory) -> anyhow::Result<String> {
    let (kibibytes, passes, lanes) = COSTS;
    let params = Params::new(kibibytes, passes, lanes, None).map_err(|error| anyhow!("argon2: {error}"))?;
    let mut salt = [0; SALT_BYTES];
    secret::fill(&mut salt);
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&params).map_err(|error| anyhow!("argon2: {error}"))?,
        salt: Some(Salt::new(&salt).map_err(|error| anyhow!("argon2: {error}"))?),
        hash: Some(output(Algorithm::Argon2id, Version::V0x13, params, password, &salt, memory)?),
    };
    Ok(hash.to_string())
}

/// Whether `stored` was made of `password`. The costs are those that stand in it, so that later ones may be higher.
pub fn fits(password: &Password, stored: &str, memory: &mut Memory) -> anyhow::Result<bool> {
    let stored = PasswordHash::new(stored).map_err(|error| anyhow!("a stored hash cannot be read: {error}"))?;
    let algorithm = algorithm(&stored.algorithm)?;
    let version = stored.version.map_or(Ok(Version::default()), Version::try_from);
    let version = version.map_err(|error| anyhow!("a stored hash cannot be read: {error}"))?;
    let params = Params::try_from(&stored).map_err(|error| anyhow!("a stored hash cannot be read: {error}"))?;
    let salt = stored.salt.context("a stored hash has no salt")?;
    let expected = stored.hash.context("a stored hash has no hash")?;
    let computed = output(algorithm, version, params, password, &salt, memory)?;
    Ok(secret::equal(computed.as_bytes(), expected.as_bytes()))
}

fn algorithm(name: &Ident) -> anyhow::Result<Algorithm> {
    Algorithm::try_from(name.as_str()).map_err(|error| anyhow!("a stored hash cannot be read: {error}"))
}

fn output(
    algorithm: Algorithm,
    version: Version,
    params: Params,
    password: &Password,
    salt: &[u8],
    memory: &mut Memory,
) -> anyhow::Result<Output> {
    let mut buffer = [0; Output::MAX_LENGTH];
    let length = params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN);
    let out = buffer.get_mut(..length).context("a hash is too long")?;
    let blocks = memory.of(params.block_count());
    Argon2::new(algorithm, version, params)
        .hash_password_into_with_memory(password.as_bytes(), salt, out, blocks)
        .map_err(|error| anyhow!("a password cannot be hashed: {error}"))?;
    Output::new(out).map_err(|error| anyhow!("a password cannot be hashed: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::PasswordVerifier as _;

    #[test]
    fn a_hash_is_what_argon2_itself_understands() {
        let (password, mut memory) = (Password::presented("correct horse"), Memory::default());
        let stored = make(&password, &mut memory).unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        let parsed = PasswordHash::new(&stored).unwrap();
        Argon2::default().verify_password(password.as_bytes(), &parsed).unwrap();
        assert_ne!(stored, make(&password, &mut memory).unwrap(), "each hash has its own salt");
    }

    #[test]
    fn memory_that_was_used_for_another_password_does_not_show() {
        let (right, wrong) = (Password::presented("correct horse"), Password::presented("wrong horse"));
        let mut memory = Memory::default();
        let stored = make(&right, &mut memory).unwrap();
        assert!(!fits(&wrong, &stored, &mut memory).unwrap());
        assert!(fits(&right, &stored, &mut memory).unwrap());
        assert!(fits(&right, &stored, &mut Memory::default()).unwrap());
    }

    #[test]
    fn a_hash_with_other_costs_still_counts() {
        // From test.c of the reference implementation.
        let stored = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        let (right, wrong) = (Password::presented("password"), Password::presented("passwore"));
        let mut memory = Memory::default();
        assert!(fits(&right, stored, &mut memory).unwrap());
        assert!(!fits(&wrong, stored, &mut memory).unwrap());
        let now = make(&right, &mut memory).unwrap();
        assert!(fits(&right, &now, &mut memory).unwrap());
        assert!(fits(&right, stored, &mut memory).unwrap(), "in memory that has grown since");
    }

    #[test]
    fn a_damaged_hash_is_an_error_and_not_a_wrong_password() {
        for damaged in [
            "",
            "x",
            "$argon2id$",
            "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ",
            "$scrypt$ln=16$c29tZXNhbHQ$c29tZXNhbHQ",
        ] {
            assert!(fits(&Password::presented("x"), damaged, &mut Memory::default()).is_err(), "{damaged}");
        }
    }
}
