//! What follows when the database of accounts was put back to a backup.
//!
//! What was ended in the time that is lost (sessions, spent refresh tokens, used codes) would live again, and nobody can
//! say any more what that was. So all of it ends: every session, every challenge and every open reset; and the signing
//! keys, with which tokens of sessions that are not even known here could still be verified. Everybody signs in again.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use jiff_diesel::ToDiesel as _;
use rollcall_common::restored::{Restored, empty, raise_versions};

/// Ends what could have been ended since; answers what was done, a line each.
pub(crate) fn apply(conn: &mut PgConnection, restored: &Restored) -> anyhow::Result<Vec<String>> {
    use crate::schema::api_tokens::dsl;
    if !restored.is("user") {
        return Ok(Vec::new());
    }
    // With their refresh tokens.
    let sessions = empty(conn, &["sessions"])?;
    let proofs = empty(conn, &["password_resets", "mfa_challenges"])?;
    let keys = empty(conn, &["signing_keys"])?;
    let valid = dsl::api_tokens.filter(dsl::revoked_at.is_null()).filter(dsl::expires_at.gt(restored.now.to_diesel()));
    let tokens = if restored.end_api_tokens {
        let ended = diesel::update(valid).set(dsl::revoked_at.eq(restored.now.to_diesel())).execute(conn)?;
        format!("{ended} API tokens are ended")
    } else {
        let left: i64 = valid.count().get_result(conn)?;
        format!("{left} API tokens are valid, those too that were revoked since the backup (--end-api-tokens ends all)")
    };
    Ok(vec![
        format!("{sessions} sessions, {proofs} open resets and challenges and {keys} signing keys are ended"),
        tokens,
        "passwords, second factors and accounts are as they were at the backup".to_owned(),
        raise_versions(conn, &["users"])?,
    ])
}
