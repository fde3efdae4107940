//! `Idempotency-Key`: a creating request that is sent again has its effect once and gets its answer again. Key,
//! fingerprint of the body and answer are stored in the transaction of the effect, so there is no moment in
//! which one is there without the other. Only successes are kept: a refused request changed nothing and may be
//! tried again.

use crate::answer::Answer;
use crate::extract;
use crate::fault::Fault;
use crate::problem::FieldError;
use crate::schema::idempotency_keys as table;
use crate::secret;
use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpRequest};
use diesel::connection::SimpleConnection as _;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text, Timestamptz};
use jiff::Timestamp;
use jiff_diesel::ToDiesel as _;
use rollcall_ids::{OrgId, UserId};
use serde::de::DeserializeOwned;
use std::future::Future;
use std::pin::Pin;

/// Header that carries the key.
pub const KEY_HEADER: &str = "idempotency-key";
/// Characters of a key at most: a UUID has 36, a hash in hexadecimal 128.
const MOST: usize = 200;

/// A JSON body with the `Idempotency-Key` it may have come with.
#[derive(Debug)]
pub struct Idempotent<T> {
    /// The decoded body.
    pub body: T,
    /// What makes a repetition recognisable.
    pub guard: Guard,
}

/// A JSON body with its `Idempotency-Key`, for whoever recognises repetitions without a [`Guard`].
#[derive(Debug)]
pub struct Keyed<T> {
    /// The decoded body.
    pub body: T,
    /// The key, if the client sent one.
    pub key: Option<String>,
}

impl<T: DeserializeOwned + 'static> FromRequest for Keyed<T> {
    type Error = Fault;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Fault>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let key = key_of(request);
        let body = extract::body(request, payload, &["application/json"]);
        Box::pin(async move { Ok(Self { key: key?, body: extract::decode_object(&body.await?)? }) })
    }
}

/// Key and fingerprint of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard {
    /// The key, if the client sent one.
    pub key: Option<String>,
    /// SHA-256 of method, path and body.
    pub fingerprint: [u8; 32],
}

/// Whose key it is: the same key of another caller, or in another organisation, is another key.
#[derive(Clone, Copy, Debug)]
pub struct Principal {
    /// The caller.
    pub user_id: UserId,
    /// The organisation of the request, if it has one; the same as the transaction's scope.
    pub org_id: Option<OrgId>,
}

impl<T: DeserializeOwned + 'static> FromRequest for Idempotent<T> {
    type Error = Fault;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Fault>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let key = key_of(request);
        let prefix = format!("{} {}\n", request.method(), request.path());
        let body = extract::body(request, payload, &["application/json"]);
        Box::pin(async move {
            let key = key?;
            let bytes = body.await?;
            let fingerprint = secret::sha256(&[prefix.as_bytes(), &bytes].concat());
            Ok(Self { body: extract::decode_object(&bytes)?, guard: Guard { key, fingerprint } })
        })
    }
}

fn key_of(request: &HttpRequest) -> Result<Option<String>, Fault> {
    let Some(value) = request.headers().get(KEY_HEADER) else { return Ok(None) };
    // The draft standard sends a quoted string; bare tokens are what most clients send.
    let key = value.to_str().unwrap_or_default().trim().trim_matches('"');
    if key.is_empty() || key.len() > MOST {
        let detail = format!("must be 1 to {MOST} visible ASCII characters");
        return Err(Fault::Malformed(vec![FieldError {
            pointer: "Idempotency-Key".to_owned(),
            code: "malformed_key".into(),
            detail,
        }]));
    }
    Ok(Some(key.to_owned()))
}

#[derive(QueryableByName)]
struct Locked {
    #[diesel(sql_type = Bool)]
    locked: bool,
}

#[derive(Queryable, Insertable)]
#[diesel(table_name = table)]
struct Row {
    principal: String,
    key: String,
    org_id: Option<OrgId>,
    fingerprint: Vec<u8>,
    status: i16,
    location: Option<String>,
    etag: Option<String>,
    body: Option<serde_json::Value>,
    created_at: jiff_diesel::Timestamp,
}

impl Guard {
    /// Runs `effect` in the caller's transaction unless this request has been served before; then its answer is
    /// given again. A repetition that comes while the first still runs is refused with 409, another request
    /// under the same key with 422.
    pub fn once<E: From<Fault>>(
        &self,
        conn: &mut PgConnection,
        principal: Principal,
        now: Timestamp,
        effect: impl FnOnce(&mut PgConnection) -> Result<Answer, E>,
    ) -> Result<Answer, E> {
        let Some(key) = &self.key else { return effect(conn) };
        let owner = match principal.org_id {
            Some(org) => format!("{}@{org}", principal.user_id),
            None => principal.user_id.to_string(),
        };
        lock(conn, &owner, key)?;
        if let Some(answer) = self.stored(conn, &owner, key)? {
            return Ok(answer);
        }
        let answer = effect(conn)?;
        let row = Row {
            principal: owner,
            key: key.clone(),
            org_id: principal.org_id,
            fingerprint: self.fingerprint.to_vec(),
            // A status has three digits.
            status: i16::try_from(answer.status.as_u16()).unwrap_or(500),
            location: answer.location.clone(),
            etag: answer.etag.clone(),
            body: answer.body.clone(),
            created_at: now.to_diesel(),
        };
        diesel::insert_into(table::table).values(row).execute(conn).map_err(Fault::from)?;
        Ok(answer)
    }

    fn stored(&self, conn: &mut PgConnection, owner: &str, key: &str) -> Result<Option<Answer>, Fault> {
        let row: Option<Row> = table::table.find((owner, key)).first(conn).optional()?;
        let Some(row) = row else { return Ok(None) };
        if row.fingerprint != self.fingerprint {
            return Err(Fault::IdempotencyMismatch);
        }
        let status = u16::try_from(row.status).ok().and_then(|status| StatusCode::from_u16(status).ok());
        let status = status.ok_or_else(|| Fault::internal(anyhow::anyhow!("a stored status is none")))?;
        let answer = Answer { status, body: row.body, location: row.location, etag: row.etag, replayed: true };
        Ok(Some(answer))
    }
}

/// Takes the key for this transaction without waiting. Two keys with the same hash exclude each other for a
/// moment, which costs a client one repetition in 2⁶⁴.
fn lock(conn: &mut PgConnection, owner: &str, key: &str) -> Result<(), Fault> {
    let Locked { locked } = diesel::sql_query("SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS locked")
        .bind::<Text, _>(format!("{owner} {key}"))
        .get_result(conn)?;
    if locked { Ok(()) } else { Err(Fault::IdempotencyInProgress) }
}

/// Forgets answers older than a day, at most so many; says how many. It works across tenants, which a policy of the
/// table allows to this job alone.
pub(crate) fn forget_old(conn: &mut PgConnection, now: Timestamp, most: i64) -> Result<usize, Fault> {
    let limit = now - jiff::SignedDuration::from_hours(24);
    conn.batch_execute("SELECT set_config('app.job', 'forget_idempotency_keys', true)")?;
    let old = diesel::sql_query(
        "DELETE FROM idempotency_keys WHERE ctid IN (
             SELECT ctid FROM idempotency_keys WHERE created_at < $1 ORDER BY created_at LIMIT $2)",
    );
    Ok(old.bind::<Timestamptz, _>(limit.to_diesel()).bind::<BigInt, _>(most).execute(conn)?)
}
