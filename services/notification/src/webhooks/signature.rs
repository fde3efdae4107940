//! How a message is signed: HMAC-SHA256 over its id, the second of the attempt and its body.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rollcall_common::secret;

/// What a secret begins with, so that a scanner of leaked secrets knows it.
const PREFIX: &str = "whsec_";
/// Bytes of a secret: what the specification allows.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// Bytes of one that is made here: as many as the hash has.
const MADE_BYTES: usize = 32;

/// A secret of a webhook. It is shown to those who may change the webhook, and never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// A new one.
    pub fn generate() -> Self {
        let mut key = vec![0; MADE_BYTES];
        secret::fill(&mut key);
        Self(key)
    }

    /// Reads `whsec_` and base64 of 24 to 64 bytes.
    pub fn parse(text: &str) -> Option<Self> {
        Self::of_bytes(STANDARD.decode(text.strip_prefix(PREFIX)?).ok()?)
    }

    /// One of its bytes.
    pub fn of_bytes(key: Vec<u8>) -> Option<Self> {
        BYTES.contains(&key.len()).then_some(Self(key))
    }

    /// Its bytes, to be sealed.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// As it is handed out.
    pub fn shown(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }

    /// `v1,` and the signature of one attempt; `second` is the one in `webhook-timestamp`.
    pub fn sign(&self, id: &str, second: i64, body: &[u8]) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        let mut context = hmac::Context::with_key(&key);
        context.update(format!("{id}.{second}.").as_bytes());
        context.update(body);
        format!("v1,{}", STANDARD.encode(context.sign()))
    }
}

/// `webhook-signature`: one for each secret, with spaces between them.
pub fn signatures<'a>(secrets: impl IntoIterator<Item = &'a Secret>, id: &str, second: i64, body: &[u8]) -> String {
    secrets.into_iter().map(|secret| secret.sign(id, second, body)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The example of the specification's own libraries.
    const KNOWN: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    #[test]
    fn known_answers() {
        let known = Secret::parse(KNOWN).unwrap();
        let signed = known.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        // RFC 4231 §4.3 has no dots in its data; this one was made with `openssl dgst -sha256 -hmac`.
        let other = Secret::of_bytes(b"0123456789abcdef0123456789abcdef".to_vec()).unwrap();
        assert_eq!(other.shown(), "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=");
        let both = signatures([&other, &known], "a", 1, b"");
        assert_eq!(both.split(' ').count(), 2);
        assert_eq!(both.split(' ').nth(1), Some(known.sign("a", 1, b"").as_str()));
    }

    #[test]
    fn a_secret_has_24_to_64_bytes_after_its_prefix() {
        let text = |bytes: usize| format!("{PREFIX}{}", STANDARD.encode(vec![7; bytes]));
        for (bytes, fits) in [(0, false), (23, false), (24, true), (64, true), (65, false)] {
            assert_eq!(Secret::parse(&text(bytes)).is_some(), fits, "{bytes}");
        }
        for bad in
            ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_***", "WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
        {
            assert!(Secret::parse(bad).is_none(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_secret_comes_back_as_it_was_shown(bytes in proptest::collection::vec(any::<u8>(), 24..=64)) {
            let secret = Secret::of_bytes(bytes).unwrap();
            prop_assert!(Secret::parse(&secret.shown()) == Some(secret));
        }
    }
}
