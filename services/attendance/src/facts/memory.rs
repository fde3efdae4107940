//! What of the copy is in memory, so that a punch of a known member costs no query before it is written.
//!
//! An entry is dropped when its fact changes: at once by the instance that takes the event, and by the others when
//! they follow the changes in the database ([`super::follow`]). An instance that has not been able to follow for a
//! while believes nothing of what it remembers.

use crate::facts::domain::{Member, Org};
use moka::sync::Cache;
use rollcall_ids::{EmployeeId, OrgId, UserId};
use rollcall_org_api::facts::EmployeeFact;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

/// Organisations remembered.
const ORGS: u64 = 2_000;
/// People remembered: some kilobytes each.
const PEOPLE: u64 = 50_000;
/// For how long what is remembered is believed without having heard of changes.
const TRUST: Duration = Duration::from_secs(3);

/// The state of things before a fact was read: what changed since is not remembered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark(u64);

/// Facts in memory.
pub(super) struct Memory {
    orgs: Cache<OrgId, Arc<Org>>,
    people: Cache<(OrgId, EmployeeId), Arc<EmployeeFact>>,
    by_user: Cache<(OrgId, UserId), EmployeeId>,
    /// Counts changes.
    changes: AtomicU64,
    started: Instant,
    /// Milliseconds after `started` until which every change is known; 0: never looked.
    heard: AtomicU64,
}

impl Memory {
    /// Nothing remembered, and nothing believed before changes are followed.
    pub(super) fn new() -> Self {
        Self {
            orgs: Cache::new(ORGS),
            people: Cache::new(PEOPLE),
            by_user: Cache::new(PEOPLE),
            changes: AtomicU64::new(0),
            started: Instant::now(),
            heard: AtomicU64::new(0),
        }
    }

    /// To be asked for before reading what is to be remembered.
    pub(super) fn mark(&self) -> Mark {
        Mark(self.changes.load(Ordering::SeqCst))
    }

    /// All changes committed before `at` have been told to [`Self::changed`].
    pub(super) fn heard_until(&self, at: Instant) {
        let millis = at.saturating_duration_since(self.started).as_millis();
        self.heard.store(u64::try_from(millis).unwrap_or(u64::MAX).max(1), Ordering::SeqCst);
    }

    fn is_believed(&self, now: Instant) -> bool {
        let heard = self.heard.load(Ordering::SeqCst);
        heard > 0 && now < self.started + Duration::from_millis(heard) + TRUST
    }

    /// The member that an account is, if all of it is remembered.
    pub(super) fn member(&self, org_id: OrgId, user_id: UserId) -> Option<Member> {
        let employee = self.person(org_id, self.by_user.get(&(org_id, user_id))?)?;
        // The account may have moved to another employee meanwhile.
        let is_theirs = employee.user_id == Some(user_id);
        is_theirs.then(|| self.org(org_id).map(|org| Member { org, employee }))?
    }

    /// An employee, if remembered.
    pub(super) fn person(&self, org_id: OrgId, employee_id: EmployeeId) -> Option<Arc<EmployeeFact>> {
        self.is_believed(Instant::now()).then(|| self.people.get(&(org_id, employee_id)))?
    }

    /// An organisation, if remembered.
    pub(super) fn org(&self, org_id: OrgId) -> Option<Arc<Org>> {
        self.is_believed(Instant::now()).then(|| self.orgs.get(&org_id))?
    }

    /// Remembers an organisation that was read after `mark`.
    pub(super) fn keep_org(&self, mark: Mark, org: &Arc<Org>) {
        let org_id = org.fact.org_id;
        self.orgs.insert(org_id, Arc::clone(org));
        // A change either finds the entry and drops it, or happened before and is seen here.
        if self.mark().0 != mark.0 {
            self.orgs.invalidate(&org_id);
        }
    }

    /// Remembers an employee who was read after `mark`.
    pub(super) fn keep_person(&self, mark: Mark, org_id: OrgId, person: &Arc<EmployeeFact>) {
        let key = (org_id, person.employee_id);
        self.people.insert(key, Arc::clone(person));
        if self.mark().0 != mark.0 {
            self.people.invalidate(&key);
        }
    }

    /// Remembers whom an account was found to be after `mark`.
    pub(super) fn keep_user(&self, mark: Mark, org_id: OrgId, user_id: UserId, employee_id: EmployeeId) {
        let key = (org_id, user_id);
        self.by_user.insert(key, employee_id);
        if self.mark().0 != mark.0 {
            self.by_user.invalidate(&key);
        }
    }

    /// A fact of the organisation has changed: `subject` is an employee, or the organisation with its units and
    /// sites.
    pub(super) fn changed(&self, org_id: OrgId, subject: Uuid) {
        self.changes.fetch_add(1, Ordering::SeqCst);
        if subject == org_id.0 {
            self.orgs.invalidate(&org_id);
        } else {
            self.people.invalidate(&(org_id, EmployeeId(subject)));
        }
    }

    /// An account is somebody else now.
    pub(super) fn linked(&self, org_id: OrgId, user_id: UserId) {
        self.changes.fetch_add(1, Ordering::SeqCst);
        self.by_user.invalidate(&(org_id, user_id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rollcall_org_api::facts::OrgFact;

    fn org() -> Arc<Org> {
        let (name, time_zone, locale) = ("Org".into(), "UTC".into(), "en".into());
        let fact = OrgFact { org_id: OrgId::generate(), name, time_zone, locale, version: 1 };
        Arc::new(Org::new(fact, vec![], vec![]))
    }

    #[test]
    fn what_was_read_before_a_change_is_not_remembered() {
        let (memory, org) = (Memory::new(), org());
        memory.heard_until(Instant::now());
        let org_id = org.fact.org_id;
        let before = memory.mark();
        memory.changed(org_id, org_id.0);
        memory.keep_org(before, &org);
        assert!(memory.org(org_id).is_none());
        memory.keep_org(memory.mark(), &org);
        assert!(memory.org(org_id).is_some());
        memory.changed(org_id, org_id.0);
        assert!(memory.org(org_id).is_none());
    }

    #[test]
    fn nothing_is_believed_while_changes_are_not_heard_of() {
        let memory = Memory::new();
        let now = Instant::now();
        assert!(!memory.is_believed(now), "never looked");
        memory.heard_until(now);
        assert!(memory.is_believed(now + TRUST / 2));
        assert!(!memory.is_believed(now + TRUST + Duration::from_millis(2)), "not looked for too long");
        memory.heard_until(now + TRUST);
        assert!(memory.is_believed(now + TRUST));
    }
}
