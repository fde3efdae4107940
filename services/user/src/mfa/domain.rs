//! Time-based one-time passwords (RFC 6238 on RFC 4226) and recovery codes. Written here and not taken from a
//! library: it is an HMAC and a modulus, and what needs care (a code is taken once) is not in a library anyway.

use aws_lc_rs::hmac;
use jiff::Timestamp;
use rollcall_common::pii::Pii;
use rollcall_common::secret;
use rollcall_common::validate::Rejection;

/// Seconds that a code is shown (RFC 6238 §5.2 recommends 30).
const STEP_SECONDS: i64 = 30;
/// Codes are this many digits: what every authenticator app does.
const DIGITS: u32 = 6;
/// Bytes of a secret: the length of the HMAC's output (RFC 4226 §4, R6).
const SECRET_BYTES: usize = 20;
/// Steps before and after the current one whose code is taken, because clocks differ (RFC 6238 §5.2).
const DRIFT: i64 = 1;
/// Recovery codes given at once.
pub const RECOVERY_CODES: usize = 10;
/// Characters of a recovery code: 125 random bits.
const RECOVERY_LENGTH: usize = 25;
/// RFC 4648 §6.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// What an authenticator app and this service share. It does not print.
#[derive(Clone)]
pub struct TotpSecret(Vec<u8>);

impl TotpSecret {
    /// A new one, 160 random bits.
    pub fn generate() -> Self {
        let mut bytes = vec![0; SECRET_BYTES];
        secret::fill(&mut bytes);
        Self(bytes)
    }

    /// One that was stored.
    pub const fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// What is stored, sealed.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// As a person types it into an app that cannot scan.
    pub fn base32(&self) -> String {
        base32(&self.0)
    }

    /// As an app scans it (the key URI format that authenticator apps share).
    pub fn uri(&self, issuer: &str, account: &str) -> String {
        let encode =
            |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20");
        let (issuer, account) = (encode(issuer), encode(account));
        format!(
            "otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}&algorithm=SHA1&digits={DIGITS}&period={STEP_SECONDS}",
            self.base32()
        )
    }

    /// The step whose code this is, at `now`; none if it is of none, or of one up to `last_step`, which was used.
    pub fn step_of(&self, code: &str, now: Timestamp, last_step: i64) -> Option<i64> {
        let current = now.as_second().div_euclid(STEP_SECONDS);
        (current - DRIFT..=current + DRIFT)
            .filter(|step| *step > last_step)
            .find(|step| secret::equal(self.code(*step).as_bytes(), code.as_bytes()))
    }

    /// The code of a step (RFC 4226 §5.3).
    pub fn code(&self, step: i64) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0);
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let tag = tag.as_ref();
        let offset = usize::from(tag.last().copied().unwrap_or(0) & 0x0f);
        let taken = tag.iter().skip(offset).take(4).fold(0_u32, |number, byte| (number << 8) | u32::from(*byte));
        format!("{:06}", (taken & 0x7fff_ffff) % 10_u32.pow(DIGITS))
    }

    /// The step that `now` is in.
    pub fn step_at(now: Timestamp) -> i64 {
        now.as_second().div_euclid(STEP_SECONDS)
    }
}

fn base32(bytes: &[u8]) -> String {
    let (mut out, mut buffer, mut bits) = (String::new(), 0_u32, 0_u32);
    let mut push = |index: u32| out.push(char::from(BASE32[usize::try_from(index & 31).unwrap_or(0)]));
    for byte in bytes {
        buffer = (buffer << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            push(buffer >> bits);
        }
        buffer &= (1 << bits) - 1;
    }
    if bits > 0 {
        push(buffer << (5 - bits));
    }
    out
}

/// What somebody gives for their second factor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Code {
    /// Six digits of the app.
    Totp(Pii<String>),
    /// A recovery code, by hash.
    Recovery([u8; 32]),
}

impl Code {
    /// Parses what a person typed; spaces and hyphens are not part of it.
    pub fn parse(input: &str) -> Result<Self, Rejection> {
        let plain: String = input.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
        if plain.len() == 6 && plain.bytes().all(|b| b.is_ascii_digit()) {
            return Ok(Self::Totp(plain.into()));
        }
        let plain = plain.to_ascii_uppercase();
        if plain.len() == RECOVERY_LENGTH && plain.bytes().all(|b| BASE32.contains(&b)) {
            return Ok(Self::Recovery(secret::sha256(plain.as_bytes())));
        }
        Err(Rejection::new("invalid_code", "must be the six digits of the app or a recovery code"))
    }
}

/// A code that stands in for the second factor once.
#[derive(Clone, Debug)]
pub struct RecoveryCode(Pii<String>);

impl RecoveryCode {
    /// A new one.
    pub fn generate() -> Self {
        let mut bytes = [0; 16];
        secret::fill(&mut bytes);
        let text = base32(&bytes).chars().take(RECOVERY_LENGTH).collect::<String>();
        Self(Pii::new(text))
    }

    /// What is stored of it. It has so many random bits that a fast hash is enough (ASVS 5.0, 6.5.2).
    pub fn hash(&self) -> [u8; 32] {
        secret::sha256(self.0.expose().as_bytes())
    }

    /// As its owner writes it down: five groups of five.
    pub fn shown(&self) -> Pii<String> {
        let text = self.0.expose().as_str();
        let groups: Vec<&str> = (0..RECOVERY_LENGTH).step_by(5).filter_map(|at| text.get(at..at + 5)).collect();
        Pii::new(groups.join("-"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn codes_are_those_of_rfc_6238() {
        let secret = TotpSecret::from_bytes(b"12345678901234567890".to_vec());
        // Appendix B has eight digits; six are the last six of them.
        for (second, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(secret.code(TotpSecret::step_at(at(second))), code, "{second}");
        }
    }

    #[test]
    fn base32_is_that_of_rfc_4648() {
        for (text, encoded) in
            [("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("foob", "MZXW6YQ"), ("foobar", "MZXW6YTBOI")]
        {
            assert_eq!(base32(text.as_bytes()), encoded);
        }
    }

    #[test]
    fn a_code_is_taken_within_a_step_of_its_time_and_never_again() {
        let secret = TotpSecret::generate();
        let step = TotpSecret::step_at(at(1_000_000));
        let code = secret.code(step);
        assert_eq!(secret.step_of(&code, at(1_000_000), 0), Some(step));
        assert_eq!(secret.step_of(&code, at(1_000_030), 0), Some(step));
        assert_eq!(secret.step_of(&code, at(1_000_000), step), None, "used");
        assert_eq!(secret.step_of(&secret.code(step - 1), at(1_000_000), step), None, "older than the used one");
    }

    #[test]
    fn the_uri_has_what_an_app_needs() {
        let secret = TotpSecret::from_bytes(b"12345678901234567890".to_vec());
        assert_eq!(
            secret.uri("Rollcall", "ada+x@example.org"),
            "otpauth://totp/Rollcall:ada%2Bx%40example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Rollcall\
             &algorithm=SHA1&digits=6&period=30"
        );
    }

    #[test]
    fn a_recovery_code_is_read_as_it_was_shown_or_typed() {
        let code = RecoveryCode::generate();
        let shown = code.shown().into_inner();
        assert_eq!(shown.len(), 29);
        for typed in [shown.clone(), shown.to_lowercase(), shown.replace('-', " ")] {
            assert_eq!(Code::parse(&typed).unwrap(), Code::Recovery(code.hash()));
        }
        assert_eq!(Code::parse("123 456").unwrap(), Code::Totp("123456".to_owned().into()));
        assert!(Code::parse("12345").is_err() && Code::parse("").is_err());
        assert!(!format!("{code:?}").contains(&shown[..5]));
    }

    proptest! {
        #[test]
        fn whatever_is_typed_is_read_or_refused(input in ".{0,40}") {
            let _ = Code::parse(&input);
        }
    }
}
