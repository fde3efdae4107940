//! Links in the database: neither a code nor a target can be read there.

use super::domain::Target;
use crate::schema::short_links as table;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Timestamptz};
use jiff::{SignedDuration, Timestamp};
use jiff_diesel::ToDiesel as _;
use rollcall_common::fault::Fault;
use rollcall_common::seal::SealingKey;
use rollcall_common::secret::{random_token, sha256};
use url::Url;

/// Random bytes of a code: 128 bits are not guessed.
const CODE_BYTES: usize = 16;
/// Characters of a code.
const CODE_CHARACTERS: usize = 22;
/// How long an expired link is told from one that never was.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What a target is sealed under, so that it opens for no other code.
fn name(hash: [u8; 32]) -> String {
    format!("target of link {}", URL_SAFE_NO_PAD.encode(hash))
}

/// Makes a link that works until `expires_at`; answers its address.
pub fn add(
    conn: &mut PgConnection,
    base: &Url,
    target: &Target,
    sealing: &SealingKey,
    expires_at: Timestamp,
    now: Timestamp,
) -> Result<String, Fault> {
    let code = random_token(CODE_BYTES);
    let hash = sha256(code.as_bytes());
    let sealed = sealing.seal(&name(hash), target.path().as_bytes()).map_err(Fault::internal)?;
    diesel::insert_into(table::table)
        .values((
            table::code_hash.eq(hash.as_slice()),
            table::sealed_path.eq(sealed),
            table::expires_at.eq(expires_at.to_diesel()),
            table::created_at.eq(now.to_diesel()),
        ))
        .execute(conn)?;
    Ok(format!("{}/s/{code}", base.as_str().trim_end_matches('/')))
}

/// What a code leads to.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// A path below the base.
    Path(String),
    /// Its time is over.
    Expired,
}

/// Looks a code up; none: there is no such link.
pub fn find(conn: &mut PgConnection, code: &str, sealing: &SealingKey, now: Timestamp) -> Result<Option<Found>, Fault> {
    if code.len() != CODE_CHARACTERS {
        return Ok(None);
    }
    let hash = sha256(code.as_bytes());
    let row: Option<(Vec<u8>, jiff_diesel::Timestamp)> =
        table::table.find(hash.as_slice()).select((table::sealed_path, table::expires_at)).first(conn).optional()?;
    let Some((sealed, expires_at)) = row else { return Ok(None) };
    if expires_at.to_jiff() <= now {
        return Ok(Some(Found::Expired));
    }
    let path = sealing.open(&name(hash), &sealed).map_err(Fault::internal)?;
    Ok(Some(Found::Path(String::from_utf8(path).map_err(Fault::internal)?)))
}

/// Drops links that ended long ago, at most so many; says how many.
pub fn prune(conn: &mut PgConnection, now: Timestamp, most: i64) -> Result<usize, Fault> {
    const STATEMENT: &str = "
        DELETE FROM short_links WHERE code_hash IN (
            SELECT code_hash FROM short_links WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)";
    let before = now.checked_sub(REMEMBERED).map_err(Fault::internal)?;
    Ok(diesel::sql_query(STATEMENT).bind::<Timestamptz, _>(before.to_diesel()).bind::<BigInt, _>(most).execute(conn)?)
}
