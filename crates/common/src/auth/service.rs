//! Tokens between services: each signs its own (60 s) with its own key, and verifies others' with the public keys of
//! its settings, so no call and no shared secret is needed.

use super::{LEEWAY_SECONDS, bearer, count, not_known};
use crate::clock::Clock;
use crate::fault::Fault;
use crate::secret;
use crate::server::Core;
use crate::server::limits::Principal;
use crate::settings::PeerSettings;
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use anyhow::Context as _;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::future::{Ready, ready};
use std::path::Path;
use std::sync::Mutex;

/// How long a token is valid, in seconds: as long as a call may take, with room.
const LIFETIME_SECONDS: i64 = 60;
/// A token is used again while it has this much left.
const REUSE_SECONDS: i64 = 30;

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    iat: i64,
    exp: i64,
    jti: String,
}

/// Who this service is: its name and the key that signs its tokens.
pub struct Identity {
    name: String,
    key: EncodingKey,
    clock: Clock,
    minted: Mutex<HashMap<String, (String, i64)>>,
}

impl Identity {
    /// Reads the key (Ed25519, PKCS #8, PEM).
    pub fn from_file(name: &str, file: &Path, clock: Clock) -> anyhow::Result<Self> {
        let pem =
            std::fs::read(file).with_context(|| format!("cannot read identity.private_key_file {}", file.display()))?;
        Self::from_pem(name, &pem, clock)
            .with_context(|| format!("identity.private_key_file {} is not an Ed25519 key in PEM", file.display()))
    }

    /// Takes the key as PEM.
    pub fn from_pem(name: &str, pem: &[u8], clock: Clock) -> anyhow::Result<Self> {
        let key = EncodingKey::from_ed_pem(pem)?;
        Ok(Self { name: name.to_owned(), key, clock, minted: Mutex::default() })
    }

    /// A token for calls to `audience`.
    pub fn token_for(&self, audience: &str) -> anyhow::Result<String> {
        let now = self.clock.now().as_second();
        let mut minted = self.minted.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some((token, exp)) = minted.get(audience)
            // More than a token ever has: the clock was ahead when it was made, and it is not valid yet.
            && (REUSE_SECONDS + 1..=LIFETIME_SECONDS).contains(&(exp - now))
        {
            return Ok(token.clone());
        }
        let exp = now + LIFETIME_SECONDS;
        let claims =
            Claims { iss: self.name.clone(), aud: audience.to_owned(), iat: now, exp, jti: secret::random_token(12) };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &claims, &self.key)?;
        minted.insert(audience.to_owned(), (token.clone(), exp));
        Ok(token)
    }
}

/// Another service, known by its key. As an extractor of `/internal/**`: 401 without a valid service token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceCaller {
    name: String,
}

impl ServiceCaller {
    /// Which service.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Verifies the tokens of other services.
pub(crate) struct ServiceTokens {
    keys: BTreeMap<String, Vec<DecodingKey>>,
    validation: Validation,
    clock: Clock,
}

impl ServiceTokens {
    pub(crate) fn new(name: &str, peers: &BTreeMap<String, PeerSettings>, clock: Clock) -> anyhow::Result<Self> {
        let mut keys = BTreeMap::new();
        for (peer, settings) in peers {
            let named =
                [("public_key", Some(&settings.public_key)), ("next_public_key", settings.next_public_key.as_ref())];
            let of_peer = named.into_iter().filter_map(|(name, key)| key.map(|key| (name, key))).map(|(name, key)| {
                DecodingKey::from_ed_components(key)
                    .with_context(|| format!("peers.{peer}.{name} is not a base64url Ed25519 key"))
            });
            keys.insert(peer.clone(), of_peer.collect::<anyhow::Result<_>>()?);
        }
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_audience(&[name]);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        validation.validate_exp = false;
        Ok(Self { keys, validation, clock })
    }

    pub(super) fn verify(&self, token: &str) -> Option<ServiceCaller> {
        let claimed = jsonwebtoken::dangerous::insecure_decode_claims::<Claims>(token).ok()?.iss;
        let signed = |key| jsonwebtoken::decode::<Claims>(token, key, &self.validation).ok();
        let claims = self.keys.get(&claimed)?.iter().find_map(signed)?.claims;
        let now: Timestamp = self.clock.now();
        let valid = claims.iat <= now.as_second() + LEEWAY_SECONDS && claims.exp + LEEWAY_SECONDS > now.as_second();
        (valid && claims.iss == claimed).then_some(ServiceCaller { name: claimed })
    }
}

impl FromRequest for ServiceCaller {
    type Error = Fault;
    type Future = Ready<Result<Self, Fault>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let core = request.app_data::<web::Data<Core>>();
        let caller = bearer(request).zip(core).and_then(|(token, core)| core.service_tokens.verify(token));
        let nobody = Fault::NotSignedIn("no valid service token came with the request");
        ready(match (caller, core) {
            (Some(caller), Some(core)) => {
                count(request, || core.rates.count(Principal::Service(caller.name.clone()))).map(|()| caller)
            }
            (None, Some(core)) => Err(not_known(nobody, request, core)),
            (_, None) => Err(nobody),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    #[test]
    fn a_token_is_used_again_for_half_a_minute_and_not_when_the_clock_has_gone_back() {
        // A key for this test alone: the 32 bytes are all sevens.
        let pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH\n-----END PRIVATE KEY-----\n";
        let seconds = Arc::new(AtomicI64::new(10_000));
        let told = Arc::clone(&seconds);
        let clock = Clock::from_fn(move || Timestamp::from_second(told.load(Ordering::SeqCst)).unwrap());
        let identity = Identity::from_pem("org", pem.as_bytes(), clock).unwrap();
        let at = |second| {
            seconds.store(second, Ordering::SeqCst);
            identity.token_for("user").unwrap()
        };
        let first = at(10_000);
        assert_eq!((at(10_029) == first, at(10_030) == first), (true, false));
        let ahead = at(99_000);
        let back = at(10_100);
        assert_ne!(ahead, back, "issued in the future");
        assert_eq!(at(10_101), back);
    }
}
