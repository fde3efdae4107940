//! The keys in memory: opened once, looked at for every token.

use crate::keys::domain::{self, Life, Plan, PublicKey};
use crate::keys::store::{self, KeyRow};
use anyhow::{Context as _, anyhow};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use diesel::PgConnection;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rollcall_common::auth::{Jwk, JwkSet};
use rollcall_common::db::{Database, Unscoped};
use rollcall_common::fault::Fault;
use rollcall_common::seal::SealingKey;
use serde::Serialize;
use std::sync::{Arc, PoisonError, RwLock};

/// One signing key, ready to use.
struct SigningKey {
    life: Life,
    jwk: Jwk,
    private: EncodingKey,
}

/// All keys that are not retired. Cheap to clone.
#[derive(Clone)]
pub struct KeyRing {
    keys: Arc<RwLock<Arc<[SigningKey]>>>,
    encryption: Arc<SealingKey>,
    plan: Plan,
}

/// The key that follows the one that signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Successor {
    /// Its name.
    pub kid: String,
    /// When it signs.
    pub signs_from: Timestamp,
    /// Made just now; otherwise it waited already.
    pub made: bool,
}

impl KeyRing {
    /// A ring that has no keys yet.
    pub fn new(encryption: Arc<SealingKey>, plan: Plan) -> Self {
        Self { keys: Arc::new(RwLock::new(Arc::new([]))), encryption, plan }
    }

    /// Takes over the keys in the database, with what another instance or a command changed; makes the first one when
    /// none can sign, and the next one when it is time. Several instances may do that at once: a lock in the database
    /// lets one of them make the key that the others then find.
    pub async fn refresh(&self, db: &Database, now: Timestamp) -> Result<(), Fault> {
        let (encryption, plan) = (Arc::clone(&self.encryption), self.plan);
        let rows = db
            .transaction(Unscoped, move |conn| -> Result<_, Fault> {
                store::lock(conn)?;
                store::wipe(conn, now)?;
                let rows = store::alive(conn, now)?;
                if domain::signing(&rows, KeyRow::life, now).is_none() {
                    let first = generate(&encryption, Life::first(now), now).map_err(Fault::Internal)?;
                    store::insert(conn, &first)?;
                    tracing::info!(kid = first.kid, "made the first signing key");
                } else if plan.is_due(rows.iter().map(KeyRow::life), now) {
                    follow(conn, &encryption, plan, now)?;
                } else {
                    return Ok(rows);
                }
                Ok(store::alive(conn, now)?)
            })
            .await?;
        self.replace(&rows).map_err(Fault::Internal)
    }

    /// Makes the next key now, unless one waits already; it signs once everybody has had the time to read it.
    pub async fn rotate(&self, db: &Database, now: Timestamp) -> Result<Successor, Fault> {
        let (encryption, plan) = (Arc::clone(&self.encryption), self.plan);
        let successor = db.transaction(Unscoped, move |conn| -> Result<_, Fault> {
            store::lock(conn)?;
            let rows = store::alive(conn, now)?;
            match rows.iter().find(|row| row.life().signs_from > now) {
                Some(row) => Ok(Successor { kid: row.kid.clone(), signs_from: row.life().signs_from, made: false }),
                None => follow(conn, &encryption, plan, now),
            }
        });
        let successor = successor.await?;
        self.refresh(db, now).await?;
        Ok(successor)
    }

    fn replace(&self, rows: &[KeyRow]) -> anyhow::Result<()> {
        let keys: Arc<[SigningKey]> = rows.iter().map(|row| self.open_row(row)).collect::<anyhow::Result<_>>()?;
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        Ok(())
    }

    fn open_row(&self, row: &KeyRow) -> anyhow::Result<SigningKey> {
        let public =
            <[u8; 32]>::try_from(row.public_key.as_slice()).map(PublicKey).context("a public key has 32 bytes")?;
        let pkcs8 = self.encryption.open(&row.kid, &row.sealed_private_key)?;
        let pair = Ed25519KeyPair::from_pkcs8(&pkcs8).map_err(|error| anyhow!("signing key {}: {error}", row.kid))?;
        if pair.public_key().as_ref() != public.0 || public.kid() != row.kid {
            return Err(anyhow!("signing key {}: its halves do not belong together", row.kid));
        }
        Ok(SigningKey { life: row.life(), jwk: public.jwk(), private: EncodingKey::from_ed_der(&pkcs8) })
    }

    fn current(&self) -> Arc<[SigningKey]> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The public keys that a verifier should know at `now`; unavailable as long as none were read.
    pub fn published(&self, now: Timestamp) -> Result<JwkSet, Fault> {
        let keys = self.current();
        let keys: Vec<_> = keys.iter().filter(|key| key.life.is_published(now)).map(|key| key.jwk.clone()).collect();
        if keys.is_empty() { Err(none_yet()) } else { Ok(JwkSet { keys }) }
    }

    /// `claims` as a signed token (RFC 7515), by the key whose turn it is.
    pub fn sign(&self, claims: &impl Serialize, now: Timestamp) -> Result<String, Fault> {
        let keys = self.current();
        let key = domain::signing(&keys, |key| key.life, now).ok_or_else(none_yet)?;
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(key.jwk.kid.clone());
        jsonwebtoken::encode(&header, claims, &key.private).map_err(Fault::internal)
    }
}

/// The database was away when the service started, and the keys in it are not read yet.
fn none_yet() -> Fault {
    Fault::unavailable("signing keys", anyhow!("none were read yet"))
}

/// Makes the key that follows, and says of the others when their time is over.
fn follow(conn: &mut PgConnection, encryption: &SealingKey, plan: Plan, now: Timestamp) -> Result<Successor, Fault> {
    let life = plan.successor(now);
    let next = generate(encryption, life, now).map_err(Fault::Internal)?;
    store::retire(conn, plan.retires_at(life.signs_from))?;
    store::insert(conn, &next)?;
    tracing::info!(kid = next.kid, signs_from = %life.signs_from, "made the next signing key");
    Ok(Successor { kid: next.kid, signs_from: life.signs_from, made: true })
}

/// A new key.
fn generate(encryption: &SealingKey, life: Life, now: Timestamp) -> anyhow::Result<KeyRow> {
    let pair = Ed25519KeyPair::generate().map_err(|_| anyhow!("a signing key cannot be made"))?;
    let public =
        <[u8; 32]>::try_from(pair.public_key().as_ref()).map(PublicKey).context("a public key has 32 bytes")?;
    let pkcs8 = pair.to_pkcs8().map_err(|_| anyhow!("a signing key cannot be written"))?;
    let sealed = encryption.seal(&public.kid(), pkcs8.as_ref())?;
    Ok(KeyRow::new(public, sealed, life, now))
}
