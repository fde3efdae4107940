//! The published keys of access tokens: fetched ahead of time, fetched again (at most every few seconds) when a token
//! names an unknown one, and kept in the service's own database, so that a service that starts while the user
//! service is away can still tell who calls.

use crate::clock::Clock;
use crate::db::{Database, Unscoped};
use crate::fault::Fault;
use crate::schema::jwks_cache;
use anyhow::Context as _;
use diesel::prelude::*;
use jiff_diesel::ToDiesel as _;
use jsonwebtoken::DecodingKey;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Arc, RwLock};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;

/// Between two fetches that unknown key ids cause: a forged `kid` must not become a flood on user.
const REFETCH_PAUSE: Duration = Duration::from_secs(2);
/// Time for one fetch.
const FETCH_TIMEOUT: Duration = Duration::from_secs(2);

/// A set of keys (RFC 7517 §5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct JwkSet {
    /// The keys.
    pub keys: Vec<Jwk>,
}

/// An Ed25519 public key (RFC 8037 §2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Jwk {
    /// Always `OKP`.
    #[schema(example = "OKP")]
    pub kty: String,
    /// Always `Ed25519`.
    #[schema(example = "Ed25519")]
    pub crv: String,
    /// The public key, base64url.
    pub x: String,
    /// Its id, named by tokens.
    pub kid: String,
    /// Always `EdDSA`.
    #[schema(example = "EdDSA")]
    pub alg: String,
    /// Always `sig`.
    #[serde(rename = "use")]
    #[schema(example = "sig")]
    pub usage: String,
}

impl Jwk {
    /// The key `x` (base64url) under the id `kid`.
    pub fn ed25519(kid: impl Into<String>, x: impl Into<String>) -> Self {
        Self {
            kty: "OKP".into(),
            crv: "Ed25519".into(),
            x: x.into(),
            kid: kid.into(),
            alg: "EdDSA".into(),
            usage: "sig".into(),
        }
    }
}

/// Where keys come from.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// Published by the user service.
    Url(Url),
    /// Given once; for tests of a service alone.
    Fixed(JwkSet),
}

/// The keys at hand.
pub(crate) struct KeyCache {
    source: KeySource,
    http: reqwest::Client,
    db: Database,
    clock: Clock,
    keys: RwLock<Option<Arc<HashMap<String, DecodingKey>>>>,
    last_fetch: Mutex<Option<Instant>>,
}

impl KeyCache {
    pub(crate) fn new(source: KeySource, http: reqwest::Client, db: Database, clock: Clock) -> Self {
        let keys = match &source {
            KeySource::Fixed(set) => Some(Arc::new(decode(set))),
            KeySource::Url(_) => None,
        };
        Self { source, http, db, clock, keys: RwLock::new(keys), last_fetch: Mutex::new(None) }
    }

    /// Whether the keys were given and not published: nobody issues tokens then but a test.
    pub(crate) const fn is_fixed(&self) -> bool {
        matches!(self.source, KeySource::Fixed(_))
    }

    /// The key with this id. An unknown id asks the source once more; unavailable only when no keys were ever seen.
    pub(crate) async fn find(&self, kid: &str) -> Result<Option<DecodingKey>, Fault> {
        if let Some(key) = self.known(kid) {
            return Ok(Some(key));
        }
        let mut last_fetch = self.last_fetch.lock().await;
        // Whoever held the lock before may have fetched it.
        if let Some(key) = self.known(kid) {
            return Ok(Some(key));
        }
        if last_fetch.is_none_or(|at| at.elapsed() >= REFETCH_PAUSE) {
            *last_fetch = Some(Instant::now());
            if let Err(error) = self.refresh().await {
                tracing::warn!(error = format!("{error:#}"), "cannot fetch the keys of access tokens");
                self.recall().await;
            }
        }
        match self.known(kid) {
            Some(key) => Ok(Some(key)),
            None if self.current().is_some() => Ok(None),
            None => Err(Fault::unavailable("keys of access tokens", anyhow::anyhow!("none were fetched yet"))),
        }
    }

    /// Fetches the keys and keeps them.
    pub(crate) async fn refresh(&self) -> anyhow::Result<()> {
        let KeySource::Url(url) = &self.source else { return Ok(()) };
        let response = self.http.get(url.clone()).timeout(FETCH_TIMEOUT).send().await?.error_for_status()?;
        let set: JwkSet = response.json().await.context("the answer is not a set of Ed25519 keys")?;
        anyhow::ensure!(!set.keys.is_empty(), "the answer has no key");
        self.replace(&set);
        let row = (
            jwks_cache::url.eq(url.to_string()),
            jwks_cache::keys.eq(serde_json::to_value(&set)?),
            jwks_cache::fetched_at.eq(self.clock.now().to_diesel()),
        );
        let stored = self.db.transaction(Unscoped, move |conn| {
            diesel::insert_into(jwks_cache::table)
                .values(row.clone())
                .on_conflict(jwks_cache::url)
                .do_update()
                .set(row)
                .execute(conn)
                .map_err(Fault::from)
        });
        if let Err(error) = stored.await {
            tracing::warn!(error = %error, "cannot keep the keys of access tokens");
        }
        Ok(())
    }

    /// Has keys at hand before the first request asks: the last good ones, then the published ones.
    pub(crate) async fn warm(&self) {
        self.recall().await;
        self.refresh_or_warn().await;
    }

    pub(crate) async fn refresh_or_warn(&self) {
        if let Err(error) = self.refresh().await {
            tracing::warn!(error = format!("{error:#}"), "cannot fetch the keys of access tokens; the known ones stay");
        }
    }

    /// Takes the last good set from the database, when nothing newer is at hand.
    async fn recall(&self) {
        let KeySource::Url(url) = &self.source else { return };
        if self.current().is_some() {
            return;
        }
        let url = url.to_string();
        let stored = self.db.transaction(Unscoped, move |conn| {
            let keys: Option<serde_json::Value> =
                jwks_cache::table.find(url).select(jwks_cache::keys).first(conn).optional()?;
            Ok::<_, Fault>(keys)
        });
        if let Ok(Some(keys)) = stored.await
            && let Ok(set) = serde_json::from_value::<JwkSet>(keys)
        {
            self.replace(&set);
        }
    }

    fn current(&self) -> Option<Arc<HashMap<String, DecodingKey>>> {
        self.keys.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    fn known(&self, kid: &str) -> Option<DecodingKey> {
        self.current()?.get(kid).cloned()
    }

    fn replace(&self, set: &JwkSet) {
        *self.keys.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(Arc::new(decode(set)));
    }
}

/// Keys that are not Ed25519 are left out: no token of ours could name them.
fn decode(set: &JwkSet) -> HashMap<String, DecodingKey> {
    set.keys
        .iter()
        .filter(|jwk| jwk.kty == "OKP" && jwk.crv == "Ed25519")
        .filter_map(|jwk| Some((jwk.kid.clone(), DecodingKey::from_ed_components(&jwk.x).ok()?)))
        .collect()
}
