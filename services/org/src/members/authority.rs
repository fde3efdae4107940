//! Org is where membership is kept, so it answers for itself: the caller is a member when an employee is linked to
//! their account and works here today.

use crate::employees::store as employees;
use crate::error::Error;
use crate::members::domain::Member;
use crate::orgs::store as orgs;
use crate::values::zone;
use diesel::pg::PgConnection;
use jiff::Timestamp;
use rollcall_common::auth::Caller;
use rollcall_common::clock::Clock;
use rollcall_common::db::Database;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::{Tenant, TenantAuthority};
use rollcall_ids::{OrgId, UserId};
use std::sync::Arc;

/// The table of employees, asked who a caller is.
pub(crate) struct Members {
    db: Database,
    clock: Clock,
}

impl Members {
    /// Asks this database.
    pub(crate) fn new(db: Database, clock: Clock) -> Self {
        Self { db, clock }
    }
}

impl TenantAuthority for Members {
    type Member = Member;

    async fn member(&self, caller: &Caller, org_id: OrgId) -> Result<Option<Member>, Fault> {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the check of membership: all it reads is the organisation's row and the caller's own"
        )]
        let tenant = Tenant::of_capability(org_id);
        let (user_id, now) = (caller.user_id, self.clock.now());
        let found = self.db.transaction(&tenant, move |conn| member(conn, &tenant, user_id, now)).await;
        found.map_err(|error| match error {
            Error::Fault(fault) => fault,
            other => Fault::internal(other),
        })
    }
}

/// The member that the account is today.
pub(crate) fn member(
    conn: &mut PgConnection,
    tenant: &Tenant,
    user_id: UserId,
    now: Timestamp,
) -> Result<Option<Member>, Error> {
    let Some(dossier) = employees::by_user(conn, tenant, user_id)? else { return Ok(None) };
    let Some(org) = orgs::find(conn, tenant)? else { return Ok(None) };
    let today = now.to_zoned(zone(&org.time_zone)).date();
    let grants = dossier.grants().into();
    Ok(dossier.works_on(today).then(|| Member { org: Arc::new(org), dossier: Arc::new(dossier), grants, today }))
}

/// 403 when the member's account has lost a right since the request came in, or works here no more. What a change
/// is allowed by is asked again in its transaction, and once more behind the lock it waited for: whoever takes a right
/// away while somebody's change waits has taken it from that change too.
pub(crate) fn must_still(conn: &mut PgConnection, tenant: &Tenant, held: &Member, now: Timestamp) -> Result<(), Error> {
    let Some(user_id) = held.dossier.employee.user_id else { return Err(Fault::Forbidden.into()) };
    let again = member(conn, tenant, user_id, now)?.ok_or(Fault::Forbidden)?;
    if held.grants.iter().all(|grant| again.grants.contains(grant)) { Ok(()) } else { Err(Fault::Forbidden.into()) }
}
