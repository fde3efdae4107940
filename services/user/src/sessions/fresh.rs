//! What changes how somebody signs in needs a session that was begun minutes ago: whoever finds an open session
//! cannot make it theirs for good (ASVS 5.0, 7.5.1). Signing in again is the proof, with whatever factors there are.

use crate::error::Error;
use crate::sessions::store;
use diesel::PgConnection;
use jiff::{SignedDuration, Timestamp};
use rollcall_ids::{SessionId, UserId};

/// [`Error::SignInAgain`] unless the session began within `window`.
pub fn require(
    conn: &mut PgConnection,
    user_id: UserId,
    session_id: SessionId,
    window: SignedDuration,
    now: Timestamp,
) -> Result<(), Error> {
    match store::began_at(conn, user_id, session_id)? {
        Some(began_at) if now.duration_since(began_at) <= window => Ok(()),
        _ => Err(Error::SignInAgain),
    }
}
