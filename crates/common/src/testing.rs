//! For the tests of services: a clock that is moved by hand, and keys that mint tokens.

use crate::auth::{AccessClaims, Identity, Jwk, JwkSet};
use crate::clock::Clock;
use crate::secret;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rollcall_ids::{SessionId, UserId};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A clock that stands still until it is moved.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<Mutex<Timestamp>>);

impl ManualClock {
    /// A clock that shows `at`.
    pub fn at(at: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(at)))
    }

    /// What it shows.
    pub fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes it show `at`.
    pub fn set(&self, at: Timestamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }

    /// Moves it on.
    pub fn advance(&self, by: SignedDuration) {
        self.set(self.now() + by);
    }

    /// The clock as a service takes it.
    pub fn clock(&self) -> Clock {
        let shared = self.clone();
        Clock::from_fn(move || shared.now())
    }
}

/// An Ed25519 key pair in the forms that settings and tokens need.
#[derive(Clone)]
pub struct TestKey {
    /// PKCS #8 in PEM.
    pub private_pem: String,
    /// The public key, base64url.
    pub public: String,
}

impl TestKey {
    /// A new key pair.
    pub fn generate() -> anyhow::Result<Self> {
        let pair = Ed25519KeyPair::generate()?;
        let der = pair.to_pkcs8v1().map_err(|_| anyhow::anyhow!("cannot encode a key"))?;
        let private_pem =
            format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der.as_ref()));
        Ok(Self { private_pem, public: URL_SAFE_NO_PAD.encode(pair.public_key().as_ref()) })
    }
}

/// Issues access tokens as the user service would, and service tokens as services would.
#[derive(Clone)]
pub struct TestKeys {
    clock: ManualClock,
    access: TestKey,
    services: Arc<Mutex<BTreeMap<String, TestKey>>>,
}

impl TestKeys {
    /// New keys; tokens are dated by `clock`.
    pub fn generate(clock: ManualClock) -> anyhow::Result<Self> {
        Ok(Self { clock, access: TestKey::generate()?, services: Arc::default() })
    }

    /// The published key.
    pub fn jwks(&self) -> JwkSet {
        JwkSet { keys: vec![Jwk::ed25519("test", &self.access.public)] }
    }

    /// The claims of a good token, for tests that spoil one.
    pub fn claims(&self, user_id: UserId) -> AccessClaims {
        let now = self.clock.now().as_second();
        AccessClaims {
            iss: "rollcall".to_owned(),
            aud: "rollcall".to_owned(),
            sub: user_id,
            sid: SessionId::generate(),
            iat: now,
            exp: now + 300,
            jti: secret::random_token(12),
        }
    }

    /// Signs claims with the published key.
    pub fn sign(&self, claims: &AccessClaims) -> anyhow::Result<String> {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some("test".to_owned());
        Ok(jsonwebtoken::encode(&header, claims, &EncodingKey::from_ed_pem(self.access.private_pem.as_bytes())?)?)
    }

    /// An access token of `user_id`, valid for five minutes.
    pub fn access_token(&self, user_id: UserId) -> anyhow::Result<String> {
        self.sign(&self.claims(user_id))
    }

    /// The key of a service; made when first asked for.
    pub fn service_key(&self, service: &str) -> anyhow::Result<TestKey> {
        let mut services = self.services.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = services.get(service) {
            return Ok(key.clone());
        }
        let key = TestKey::generate()?;
        services.insert(service.to_owned(), key.clone());
        Ok(key)
    }

    /// A token with which `from` may call `to`.
    pub fn service_token(&self, from: &str, to: &str) -> anyhow::Result<String> {
        let key = self.service_key(from)?;
        Identity::from_pem(from, key.private_pem.as_bytes(), self.clock.clock())?.token_for(to)
    }
}
