//! Who is a member, and who an employee is: answered from the copy, and by org only when the copy does not know.

use crate::facts::domain::{Member, Org, is_member};
use crate::facts::memory::Memory;
use crate::facts::{follow, keep, store};
use jiff::SignedDuration;
use rollcall_common::auth::Caller;
use rollcall_common::backfill::Backfills;
use rollcall_common::cached::{Belief, Cached};
use rollcall_common::client::{CallError, Peer};
use rollcall_common::clock::Clock;
use rollcall_common::db::Database;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::{Tenant, TenantAuthority};
use rollcall_ids::{EmployeeId, OrgId, UserId};
use rollcall_org_api::facts::EmployeeFact;
use rollcall_org_api::internal::{self, member_by_user_path, member_path};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// What org answers is kept in the copy, so only that it does not know somebody is remembered here: a stranger who tries
/// all organisations must not become a flood on org, and whoever has just joined waits no longer than this, or until the
/// event arrives. However many ask about one, org is asked once.
const ASKED: Belief = Belief {
    fresh: SignedDuration::ZERO,
    stale: SignedDuration::ZERO,
    unknown: SignedDuration::from_secs(3),
    most: 100_000,
};

/// Whom org is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Who {
    Account(UserId),
    Employee(EmployeeId),
}

impl Who {
    fn path(self, org_id: OrgId) -> String {
        match self {
            Self::Account(user_id) => member_by_user_path(org_id, user_id),
            Self::Employee(employee_id) => member_path(org_id, employee_id),
        }
    }
}

/// The copy of org's facts.
pub struct Facts {
    pub(super) copy: Arc<Kept>,
    pub(super) clock: Clock,
    asked: Cached<(OrgId, Who), ()>,
}

/// Where it is, and who is asked for what it misses.
pub(super) struct Kept {
    pub(super) db: Database,
    pub(super) org: Peer,
    memory: Memory,
    pub(super) backfills: Backfills,
}

impl Kept {
    /// Asks org about a member and keeps the answer.
    async fn ask(&self, tenant: Tenant, who: Who) -> Result<Option<internal::Member>, Fault> {
        let member: internal::Member = match self.org.get_json(&who.path(tenant.org_id())).await {
            Ok(member) => member,
            Err(CallError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        self.backfills.want(&tenant);
        let answer = member.clone();
        self.db.transaction(tenant, move |conn| keep::keep_member(conn, &tenant, &answer)).await?;
        self.memory.changed(tenant.org_id(), tenant.org_id().0);
        self.employee_changed(tenant.org_id(), &member.employee);
        Ok(Some(member))
    }

    fn employee_changed(&self, org_id: OrgId, fact: &EmployeeFact) {
        self.memory.changed(org_id, fact.employee_id.0);
        if let Some(user_id) = fact.user_id {
            self.memory.linked(org_id, user_id);
        }
    }
}

impl Facts {
    /// A copy in `db` that asks `org` for what it misses.
    pub fn new(db: Database, org: Peer, clock: Clock) -> Self {
        let copy = Arc::new(Kept { db, org, memory: Memory::new(), backfills: Backfills::default() });
        let asking = Arc::clone(&copy);
        let asked = Cached::new("org", ASKED, clock.clone(), move |(org_id, who)| {
            let copy = Arc::clone(&asking);
            #[expect(clippy::disallowed_methods, reason = "what the owner of the facts says of it is kept as its own")]
            let tenant = Tenant::of_capability(org_id);
            async move { Ok(copy.ask(tenant, who).await?.map(drop)) }
        });
        Self { copy, clock, asked }
    }

    /// Keeps what is in memory true; runs for ever.
    pub(crate) async fn follow(self: Arc<Self>) {
        follow::follow(self.copy.db.clone(), &self.copy.memory).await;
    }

    /// An employee is not any more as they were.
    pub(crate) fn employee_changed(&self, org_id: OrgId, fact: &EmployeeFact) {
        self.copy.employee_changed(org_id, fact);
        self.asked.forget(&(org_id, Who::Employee(fact.employee_id)));
        if let Some(user_id) = fact.user_id {
            // They have joined.
            self.asked.forget(&(org_id, Who::Account(user_id)));
        }
    }

    /// The organisation, or a unit or site of it, is not any more as it was.
    pub(crate) fn org_changed(&self, org_id: OrgId) {
        self.copy.memory.changed(org_id, org_id.0);
    }

    /// An employee of the organisation; none: org does not know them either.
    pub(crate) async fn employee(
        &self,
        tenant: &Tenant,
        employee_id: EmployeeId,
    ) -> Result<Option<Arc<EmployeeFact>>, Fault> {
        Ok(self.employees(tenant, [employee_id].into()).await?.remove(&employee_id))
    }

    /// Several employees; whom org does not know either is missing from the answer. An error when org is away and
    /// somebody is not known here.
    pub(crate) async fn employees(
        &self,
        tenant: &Tenant,
        ids: HashSet<EmployeeId>,
    ) -> Result<HashMap<EmployeeId, Arc<EmployeeFact>>, Fault> {
        let People { found, away } = self.look_up(tenant, ids).await?;
        if away.is_empty() { Ok(found) } else { Err(org_is_away()) }
    }

    /// Several employees, as far as they can be known now.
    pub(crate) async fn look_up(&self, tenant: &Tenant, ids: HashSet<EmployeeId>) -> Result<People, Fault> {
        let org_id = tenant.org_id();
        let remembered = ids.iter().filter_map(|id| Some((*id, self.copy.memory.person(org_id, *id)?)));
        let mut found: HashMap<_, _> = remembered.collect();
        let missing =
            |found: &HashMap<EmployeeId, _>| ids.iter().copied().filter(|id| !found.contains_key(id)).collect();
        self.read(tenant, missing(&found), &mut found).await?;
        let (mut told, mut away) = (Vec::new(), HashSet::new());
        for id in missing(&found) {
            // Once is enough to learn that org is away.
            if !away.is_empty() {
                away.insert(id);
                continue;
            }
            match self.asked.get(&(org_id, Who::Employee(id))).await {
                Ok(Some(())) => told.push(id),
                Ok(None) => {}
                Err(Fault::Unavailable { .. } | Fault::DeadlineExceeded) => drop(away.insert(id)),
                Err(fault) => return Err(fault),
            }
        }
        self.read(tenant, told, &mut found).await?;
        Ok(People { found, away })
    }

    /// Reads employees from the copy, and remembers them.
    async fn read(
        &self,
        tenant: &Tenant,
        ids: Vec<EmployeeId>,
        found: &mut HashMap<EmployeeId, Arc<EmployeeFact>>,
    ) -> Result<(), Fault> {
        if ids.is_empty() {
            return Ok(());
        }
        let (of, mark) = (*tenant, self.copy.memory.mark());
        let load = move |conn: &mut diesel::PgConnection| store::employees(conn, &of, &ids);
        for person in self.copy.db.transaction(tenant, load).await? {
            let person = Arc::new(person);
            self.copy.memory.keep_person(mark, tenant.org_id(), &person);
            found.insert(person.employee_id, person);
        }
        Ok(())
    }

    /// The organisation, as far as the copy knows it: for whoever proves it by another way than membership.
    pub(crate) async fn org(&self, tenant: &Tenant) -> Result<Option<Arc<Org>>, Fault> {
        if let Some(org) = self.copy.memory.org(tenant.org_id()) {
            return Ok(Some(org));
        }
        let (of, mark) = (*tenant, self.copy.memory.mark());
        let org = self.copy.db.transaction(tenant, move |conn| store::org(conn, &of)).await?.map(Arc::new);
        if let Some(org) = &org {
            self.copy.memory.keep_org(mark, org);
        }
        Ok(org)
    }

    /// The organisation as org says it now: for when a caller names a unit or site that the copy does not know,
    /// because its event is still on the way.
    pub(crate) async fn refreshed(&self, tenant: &Tenant, caller: &Caller) -> Result<Option<Org>, Fault> {
        let found = self.copy.ask(*tenant, Who::Account(caller.user_id)).await?;
        Ok(found.map(|member| Org::new(member.org, member.units, member.sites)))
    }

    /// The member, while they work there.
    fn if_member(&self, member: Member) -> Option<Member> {
        is_member(&member.org, &member.employee, self.clock.now()).then_some(member)
    }

    /// The member that an account is by the copy: in memory, or in the database with one reading.
    async fn known(&self, tenant: &Tenant, user_id: UserId) -> Result<Option<Member>, Fault> {
        let org_id = tenant.org_id();
        if let Some(member) = self.copy.memory.member(org_id, user_id) {
            return Ok(Some(member));
        }
        let (of, mark, remembered) = (*tenant, self.copy.memory.mark(), self.copy.memory.org(org_id));
        let load = move |conn: &mut diesel::PgConnection| {
            let Some(employee) = store::employee_of_user(conn, &of, user_id)? else { return Ok::<_, Fault>(None) };
            let org = match remembered {
                Some(org) => Some(org),
                None => store::org(conn, &of)?.map(Arc::new),
            };
            Ok(org.map(|org| Member { org, employee: Arc::new(employee) }))
        };
        let found = self.copy.db.transaction(tenant, load).await?;
        if let Some(Member { org, employee }) = &found {
            self.wants_whole(tenant);
            self.copy.memory.keep_org(mark, org);
            self.copy.memory.keep_person(mark, org_id, employee);
            self.copy.memory.keep_user(mark, org_id, user_id, employee.employee_id);
        }
        Ok(found)
    }
}

/// Employees, as far as they can be known.
#[derive(Debug, Default)]
pub(crate) struct People {
    /// Those who are known.
    pub(crate) found: HashMap<EmployeeId, Arc<EmployeeFact>>,
    /// Those who are not known here, while org, which may know them, is away. All others do not exist.
    pub(crate) away: HashSet<EmployeeId>,
}

/// What is not known here cannot be asked.
pub(crate) fn org_is_away() -> Fault {
    Fault::unavailable("org", anyhow::anyhow!("somebody is not known here, and org does not answer"))
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
            return Ok(self.if_member(member));
        }
        if self.asked.get(&(org_id, Who::Account(caller.user_id))).await?.is_none() {
            return Ok(None);
        }
        // What is known only here (rules of sites, devices) belongs to the organisation as well.
        Ok(self.known(&tenant, caller.user_id).await?.and_then(|member| self.if_member(member)))
    }
}
