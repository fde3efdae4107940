//! Secrets that are handed out once and stored hashed, and the randomness that back-off needs.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::Rng as _;
use sha2::Digest as _;
use std::time::Duration;

/// `bytes` random bytes of the operating system's generator, as unpadded base64url. 32 for a secret.
pub fn random_token(bytes: usize) -> String {
    let mut buffer = vec![0_u8; bytes];
    fill(&mut buffer);
    URL_SAFE_NO_PAD.encode(buffer)
}

/// Fills `buffer` with random bytes fit for keys.
#[expect(clippy::disallowed_methods, reason = "the one place that draws randomness; the thread generator is a CSPRNG")]
pub fn fill(buffer: &mut [u8]) {
    rand::rng().fill(buffer);
}

/// SHA-256 of `input`: how tokens are stored. They are random, so no salt and no slow hash is needed.
pub fn sha256(input: &[u8]) -> [u8; 32] {
    sha2::Sha256::digest(input).into()
}

/// A number from zero to one (exclusive), evenly.
#[expect(clippy::disallowed_methods, reason = "the one place that draws randomness")]
pub fn chance() -> f64 {
    rand::rng().random()
}

/// A duration between zero and `most`, evenly: "full jitter", which spreads a crowd that failed together.
pub fn full_jitter(most: Duration) -> Duration {
    most.mul_f64(chance())
}

/// Compares without telling by its time how much was right.
pub fn equal(left: &[u8], right: &[u8]) -> bool {
    use subtle::ConstantTimeEq as _;
    left.ct_eq(right).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_are_safe_in_a_url() {
        let tokens: std::collections::HashSet<_> = (0..100).map(|_| random_token(32)).collect();
        assert_eq!(tokens.len(), 100);
        assert!(
            tokens.iter().all(|t| t.len() == 43 && t.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)))
        );
    }

    #[test]
    fn jitter_stays_within_its_bound() {
        let most = Duration::from_millis(10);
        assert!((0..1_000).all(|_| full_jitter(most) <= most));
    }
}
