//! Secrets at rest that have to be read again (private keys, secrets shared with others): sealed with AES-256-GCM under
//! a key that the database never sees.

use anyhow::{Context as _, anyhow, bail};
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::path::Path;

/// Seals and opens secrets. A dump of the database alone tells none.
pub struct SealingKey {
    key: RandomizedNonceKey,
    setting: &'static str,
}

impl SealingKey {
    /// Reads the key from the file that `setting` names: 32 random bytes written as 64 hexadecimal digits
    /// (`openssl rand -hex 32`) or as base64 (`openssl rand -base64 32`).
    pub fn read(setting: &'static str, path: &Path) -> anyhow::Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("{setting} {} cannot be read", path.display()))?;
        Self::parse(setting, &text).with_context(|| format!("{setting} {}", path.display()))
    }

    fn parse(setting: &'static str, text: &str) -> anyhow::Result<Self> {
        let text = text.trim();
        let bytes = if text.len() == 64 { decode_hex(text) } else { STANDARD.decode(text).ok() };
        match bytes {
            Some(bytes) if bytes.len() == 32 => {
                let key = RandomizedNonceKey::new(&AES_256_GCM, &bytes).map_err(|_| anyhow!("the key is refused"))?;
                Ok(Self { key, setting })
            }
            // The content is a secret: not even its length is told.
            _ => bail!("must hold 32 bytes as 64 hexadecimal digits or as base64"),
        }
    }

    /// Nonce, ciphertext and tag of `secret`, bound to `name`: moved to another row it does not open.
    pub fn seal(&self, name: &str, secret: &[u8]) -> anyhow::Result<Vec<u8>> {
        let mut sealed = secret.to_vec();
        let nonce = self
            .key
            .seal_in_place_append_tag(Aad::from(name.as_bytes()), &mut sealed)
            .map_err(|_| anyhow!("a secret cannot be sealed"))?;
        Ok([nonce.as_ref().as_slice(), &sealed].concat())
    }

    /// The secret in `sealed`.
    pub fn open(&self, name: &str, sealed: &[u8]) -> anyhow::Result<Vec<u8>> {
        let (nonce, rest) = sealed.split_at_checked(NONCE_LEN).context("a sealed secret is cut short")?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| anyhow!("a sealed secret is cut short"))?;
        let mut opened = rest.to_vec();
        let length = self
            .key
            .open_in_place(nonce, Aad::from(name.as_bytes()), &mut opened)
            .map_err(|_| anyhow!("{name} does not open: is {} the key it was sealed with?", self.setting))?
            .len();
        opened.truncate(length);
        Ok(opened)
    }
}

fn decode_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> =
        text.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect::<Option<_>>()?;
    Some(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(digit: char) -> SealingKey {
        SealingKey::parse("key_file", &digit.to_string().repeat(64)).unwrap()
    }

    #[test]
    fn both_ways_to_write_a_key_mean_the_same() {
        let hex = SealingKey::parse("key_file", &format!("{}\n", "ab".repeat(32))).unwrap();
        let base64 = SealingKey::parse("key_file", &STANDARD.encode([0xab; 32])).unwrap();
        assert_eq!(base64.open("k", &hex.seal("k", b"secret").unwrap()).unwrap(), b"secret");
        for bad in ["", "secret", &"g".repeat(64), &"a".repeat(63), &STANDARD.encode([1; 31])] {
            let Err(error) = SealingKey::parse("key_file", bad) else { panic!("{bad:?} was taken") };
            assert!(bad.is_empty() || !error.to_string().contains(bad));
        }
    }

    #[test]
    fn a_sealed_key_opens_only_under_its_name_and_with_its_key() {
        let sealed = key('a').seal("one", b"secret").unwrap();
        assert!(!sealed.windows(6).any(|window| window == b"secret"));
        assert_ne!(sealed, key('a').seal("one", b"secret").unwrap(), "the nonce is drawn anew");
        assert_eq!(key('a').open("one", &sealed).unwrap(), b"secret");
        assert!(key('a').open("two", &sealed).is_err());
        assert!(key('b').open("one", &sealed).is_err());
    }

    proptest! {
        #[test]
        fn what_was_tampered_with_does_not_open(secret: [u8; 48], at in 0_usize..76, bit in 0_u32..8) {
            let mut sealed = key('a').seal("one", &secret).unwrap();
            sealed[at] ^= 1 << bit;
            prop_assert!(key('a').open("one", &sealed).is_err());
            prop_assert!(key('a').open("one", &sealed[..at]).is_err());
        }
    }
}
