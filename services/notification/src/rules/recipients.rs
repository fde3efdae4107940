//! Whose inboxes an event is told in, by the local copy of org's facts.

use super::domain::Recipients;
use super::tell::{Given, Missing};
use crate::facts::store::{self as facts, Employee};
use diesel::pg::PgConnection;
use jiff::civil::Date;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{EmployeeId, UserId};
use std::collections::{BTreeSet, HashMap};

/// What to ask for where nothing is known of the organisation: an employee brings it along.
pub(super) fn who_knows_the_org(to: &Recipients) -> Missing {
    match to {
        Recipients::ManagerOf { employee_id, manager_id } => Missing::Employee(manager_id.unwrap_or(*employee_id)),
        Recipients::Employees(ids) => ids.first().map_or(Missing::Speaker, |id| Missing::Employee(*id)),
        Recipients::Speakers | Recipients::Address { .. } => Missing::Speaker,
    }
}

/// What is known of the people of an organisation whom some events mention, read at once.
pub(super) struct People {
    known: HashMap<EmployeeId, Employee>,
    /// Who speaks for the organisation, where any of the events may come to that.
    speakers: BTreeSet<UserId>,
    today: Date,
}

impl People {
    /// Reads it, for events that go to these.
    pub(super) fn of<'a>(
        conn: &mut PgConnection,
        tenant: &Tenant,
        to: impl IntoIterator<Item = &'a Recipients>,
        today: Date,
    ) -> Result<Self, Fault> {
        let (mut mentioned, mut speak) = (BTreeSet::new(), false);
        let mut managed = Vec::new();
        for to in to {
            match to {
                Recipients::Address { .. } => {}
                Recipients::ManagerOf { employee_id, manager_id } => {
                    mentioned.insert(*employee_id);
                    mentioned.extend(manager_id);
                    managed.push(*manager_id);
                }
                Recipients::Employees(ids) => mentioned.extend(ids),
                Recipients::Speakers => speak = true,
            }
        }
        let mentioned: Vec<_> = mentioned.into_iter().collect();
        let known = if mentioned.is_empty() { HashMap::new() } else { facts::employees(conn, tenant, &mentioned)? };
        let is_told = |manager: EmployeeId| known.get(&manager).and_then(|it| it.reachable(today)).is_some();
        speak |= managed.into_iter().any(|manager| !manager.is_some_and(is_told));
        let speakers = if speak { facts::speakers(conn, tenant, today)? } else { BTreeSet::new() };
        Ok(Self { known, speakers, today })
    }

    /// The accounts that such an event is told to, each once; or whom to ask for first.
    pub(super) fn accounts(&self, to: &Recipients, given: &Given) -> Result<Vec<UserId>, Vec<Missing>> {
        match to {
            Recipients::Address { .. } => Ok(Vec::new()),
            Recipients::ManagerOf { employee_id, manager_id } => {
                self.manager(*employee_id, manager_id.filter(|id| !given.absent.contains(id)))
            }
            Recipients::Employees(ids) => self.employees(ids, given),
            Recipients::Speakers => self.speakers(),
        }
    }

    /// The manager if they have an account and work here on that day, else those who speak for the organisation.
    fn manager(&self, employee_id: EmployeeId, manager_id: Option<EmployeeId>) -> Result<Vec<UserId>, Vec<Missing>> {
        if let Some(manager_id) = manager_id {
            let manager = self.known.get(&manager_id).ok_or_else(|| vec![Missing::Employee(manager_id)])?;
            if let Some(user_id) = manager.reachable(self.today) {
                return Ok(vec![user_id]);
            }
        }
        // Whoever speaks for the organisation is not told about themselves; if they are the only one, nobody is.
        let own = self.known.get(&employee_id).and_then(|employee| employee.user_id);
        Ok(self.speakers()?.into_iter().filter(|user| Some(*user) != own).collect())
    }

    fn employees(&self, ids: &[EmployeeId], given: &Given) -> Result<Vec<UserId>, Vec<Missing>> {
        let asked_for = |id: &&EmployeeId| !self.known.contains_key(id) && !given.absent.contains(id);
        let missing: Vec<_> = ids.iter().filter(asked_for).map(|id| Missing::Employee(*id)).collect();
        if !missing.is_empty() {
            return Err(missing);
        }
        let reachable = |id| self.known.get(id).and_then(|employee| employee.reachable(self.today));
        let users: BTreeSet<_> = ids.iter().filter_map(reachable).collect();
        Ok(users.into_iter().collect())
    }

    fn speakers(&self) -> Result<Vec<UserId>, Vec<Missing>> {
        if self.speakers.is_empty() {
            return Err(vec![Missing::Speaker]);
        }
        Ok(self.speakers.iter().copied().collect())
    }
}
