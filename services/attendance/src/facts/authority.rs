//! Who is a member, and who an employee is: answered from the copy, and by org only when the copy does not know.

use crate::facts::domain::{Member, Org, is_member};
use crate::facts::{keep, store};
use moka::sync::Cache;
use rollcall_common::auth::Caller;
use rollcall_common::client::{CallError, Peer};
use rollcall_common::db::Database;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::{Tenant, TenantAuthority};
use rollcall_ids::{EmployeeId, OrgId, UserId};
use rollcall_org_api::facts::EmployeeFact;
use rollcall_org_api::internal::{self, member_by_user_path, member_path};
use std::sync::Arc;
use std::time::Duration;

/// For how long somebody whom org does not know is not asked about again: a stranger who tries all
/// organisations must not become a flood on org, and whoever has just joined waits no longer than this, or
/// until the event arrives.
const STRANGER_FOR: Duration = Duration::from_secs(3);
/// Strangers remembered.
const STRANGERS: u64 = 100_000;

/// The copy of org's facts.
pub struct Facts {
    db: Database,
    org: Peer,
    strangers: Cache<(OrgId, UserId), ()>,
}

impl Facts {
    /// A copy in `db` that asks `org` for what it misses.
    pub fn new(db: Database, org: Peer) -> Self {
        let strangers = Cache::builder().max_capacity(STRANGERS).time_to_live(STRANGER_FOR).build();
        Self { db, org, strangers }
    }

    /// Forgets that somebody was a stranger: they have joined.
    pub(crate) fn welcome(&self, org_id: OrgId, user_id: UserId) {
        self.strangers.invalidate(&(org_id, user_id));
    }

    /// An employee of the organisation; none: org does not know them either.
    pub(crate) async fn employee(
        &self,
        tenant: &Tenant,
        employee_id: EmployeeId,
    ) -> Result<Option<EmployeeFact>, Fault> {
        let of = *tenant;
        let known = self.db.transaction(tenant, move |conn| store::employee(conn, &of, employee_id)).await?;
        if known.is_some() {
            return Ok(known);
        }
        let found = self.ask(tenant, &member_path(tenant.org_id(), employee_id)).await?;
        Ok(found.map(|member| member.employee))
    }

    /// The organisation as org says it now: for when a caller names a unit or site that the copy does not know,
    /// because its event is still on the way.
    pub(crate) async fn refreshed(&self, tenant: &Tenant, caller: &Caller) -> Result<Option<Org>, Fault> {
        let found = self.ask(tenant, &member_by_user_path(tenant.org_id(), caller.user_id)).await?;
        Ok(found.map(|member| Org::new(member.org, member.units, member.sites)))
    }

    /// Asks org about a member and remembers the answer.
    async fn ask(&self, tenant: &Tenant, path: &str) -> Result<Option<internal::Member>, Fault> {
        let member: internal::Member = match self.org.get_json(path).await {
            Ok(member) => member,
            Err(CallError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let of = *tenant;
        let answer = member.clone();
        self.db.transaction(tenant, move |conn| keep::keep_member(conn, &of, &answer)).await?;
        Ok(Some(member))
    }

    async fn known(&self, tenant: &Tenant, user_id: UserId) -> Result<Option<Member>, Fault> {
        let of = *tenant;
        self.db
            .transaction(tenant, move |conn| {
                let Some(employee) = store::employee_of_user(conn, &of, user_id)? else { return Ok(None) };
                let org = store::org(conn, &of)?;
                Ok(org.map(|org| Member { org: Arc::new(org), employee: Arc::new(employee) }))
            })
            .await
    }
}

impl TenantAuthority for Facts {
    type Member = Member;

    /// Known here: no call at all. Unknown: org is asked, and unavailable is 503, never 404: nobody is told that
    /// they are no member because a service is away.
    async fn member(&self, caller: &Caller, org_id: OrgId) -> Result<Option<Member>, Fault> {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the check: it ends in none unless the caller is a member"
        )]
        let tenant = Tenant::of_capability(org_id);
        if let Some(member) = self.known(&tenant, caller.user_id).await? {
            return Ok(Some(member).filter(|member| is_member(&member.employee)));
        }
        let key = (org_id, caller.user_id);
        if self.strangers.contains_key(&key) {
            return Ok(None);
        }
        let Some(found) = self.ask(&tenant, &member_by_user_path(org_id, caller.user_id)).await? else {
            self.strangers.insert(key, ());
            return Ok(None);
        };
        let org = Arc::new(Org::new(found.org, found.units, found.sites));
        let employee = Arc::new(found.employee);
        Ok(Some(Member { org, employee }).filter(|member| is_member(&member.employee)))
    }
}
