//! Who is a member of an organisation, for routes below `/orgs/{org_id}`: answered from the copy, and by org only when
//! the copy does not know them.

use super::owners::Owners;
use super::store;
use crate::app::App;
use diesel::pg::PgConnection;
use jiff::SignedDuration;
use rollcall_common::auth::Caller;
use rollcall_common::cached::{Belief, Cached};
use rollcall_common::clock::Clock;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::{InTenant, Tenant, TenantAuthority};
use rollcall_ids::{OrgId, UserId};
use rollcall_org_api::facts::EmployeeFact;
use rollcall_org_api::rights::{self, Permission};
use std::sync::Arc;

/// What org answers is kept in the copy, so only that it does not know somebody is remembered here: a stranger who tries
/// all organisations must not become a flood. Whoever has just joined waits no longer than this.
const ASKED: Belief = Belief {
    fresh: SignedDuration::ZERO,
    stale: SignedDuration::ZERO,
    unknown: SignedDuration::from_secs(3),
    most: 100_000,
};

/// A caller below `/orgs/{org_id}` who is a member there.
pub type InOrg = InTenant<App>;

/// What a request carries, looked at only once it is known that the caller is a member: whoever is not is told 404 and
/// nothing of what else is wrong.
pub type Then<T> = Result<T, Fault>;

/// What is known of a member.
#[derive(Clone, Debug)]
pub struct Member {
    /// They, as org told.
    pub employee: EmployeeFact,
}

impl Member {
    /// Refuses unless they may use `permission` on the whole organisation.
    pub fn needs_in_org(&self, permission: Permission) -> Result<(), Fault> {
        if rights::may_in_org(&self.employee.grants, permission) { Ok(()) } else { Err(Fault::Forbidden) }
    }
}

/// Who is a member where by what org says, which is kept in the copy; org is asked once however many want to know.
pub struct Asked(Cached<(OrgId, UserId), ()>);

impl Asked {
    /// Asks the owner.
    pub fn new(owners: Arc<Owners>, clock: Clock) -> Self {
        Self(Cached::new("org", ASKED, clock, move |(org_id, user_id)| {
            let owners = Arc::clone(&owners);
            #[expect(clippy::disallowed_methods, reason = "what the owner of the facts says of it is kept as its own")]
            let tenant = Tenant::of_capability(org_id);
            async move { Ok(owners.ask_org_about_user(tenant, user_id).await?.then_some(())) }
        }))
    }
}

impl TenantAuthority for App {
    type Member = Member;

    /// Known here: no call at all. Unknown, and org is away: 503, never 404, for nobody is told that they are no member
    /// because a service is away.
    async fn member(&self, caller: &Caller, org_id: OrgId) -> Result<Option<Member>, Fault> {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the check: it ends in none unless the caller is a member"
        )]
        let tenant = Tenant::of_capability(org_id);
        let user_id = caller.user_id;
        if let Some(found) = self.known(tenant, user_id).await? {
            return Ok(found);
        }
        if self.asked.0.get(&(org_id, user_id)).await?.is_none() {
            return Ok(None);
        }
        self.backfills.want(&tenant);
        Ok(self.known(tenant, user_id).await?.flatten())
    }
}

impl App {
    /// The outer none: the copy does not know them. The inner: they do not work there today.
    async fn known(&self, tenant: Tenant, user_id: UserId) -> Result<Option<Option<Member>>, Fault> {
        let now = self.core.clock.now();
        let find = move |conn: &mut PgConnection| {
            let Some(org) = store::org(conn, &tenant)? else { return Ok::<_, Fault>(None) };
            let Some(employee) = store::employee_of_user(conn, &tenant, user_id)? else { return Ok(None) };
            let works = employee.works_on(org.today(now));
            Ok(Some(works.then_some(Member { employee })))
        };
        self.core.db.transaction(&tenant, find).await
    }
}
