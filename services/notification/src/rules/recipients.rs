//! Whose inboxes an event is told in, by the local copy of org's facts.

use super::domain::Recipients;
use super::tell::{Given, Missing};
use crate::facts::store as facts;
use diesel::pg::PgConnection;
use jiff::civil::Date;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{EmployeeId, UserId};
use std::collections::BTreeSet;

/// What to ask for where nothing is known of the organisation: an employee brings it along.
pub(super) fn who_knows_the_org(to: &Recipients) -> Missing {
    match to {
        Recipients::ManagerOf { employee_id, manager_id } => Missing::Employee(manager_id.unwrap_or(*employee_id)),
        Recipients::Employees(ids) => ids.first().map_or(Missing::Speaker, |id| Missing::Employee(*id)),
        Recipients::Speakers | Recipients::Address { .. } => Missing::Speaker,
    }
}

/// The accounts, each once; or whom to ask for first.
pub(super) fn accounts(
    conn: &mut PgConnection,
    tenant: &Tenant,
    to: &Recipients,
    given: &Given,
    today: Date,
) -> Result<Result<Vec<UserId>, Vec<Missing>>, Fault> {
    match to {
        Recipients::Address { .. } => Ok(Ok(Vec::new())),
        Recipients::ManagerOf { employee_id, manager_id } => {
            let manager_id = manager_id.filter(|id| !given.absent.contains(id));
            manager(conn, tenant, *employee_id, manager_id, today)
        }
        Recipients::Employees(ids) => employees(conn, tenant, ids, given, today),
        Recipients::Speakers => speakers(conn, tenant, today),
    }
}

/// The manager if they have an account and work here on that day, else those who speak for the organisation.
fn manager(
    conn: &mut PgConnection,
    tenant: &Tenant,
    employee_id: EmployeeId,
    manager_id: Option<EmployeeId>,
    today: Date,
) -> Result<Result<Vec<UserId>, Vec<Missing>>, Fault> {
    if let Some(manager_id) = manager_id {
        match facts::employee(conn, tenant, manager_id)? {
            None => return Ok(Err(vec![Missing::Employee(manager_id)])),
            Some(manager) => {
                if let Some(user_id) = manager.reachable(today) {
                    return Ok(Ok(vec![user_id]));
                }
            }
        }
    }
    // Whoever speaks for the organisation is not told about themselves; if they are the only one, nobody is.
    let own = facts::employee(conn, tenant, employee_id)?.and_then(|employee| employee.user_id);
    let found = speakers(conn, tenant, today)?;
    Ok(found.map(|users| users.into_iter().filter(|user| Some(*user) != own).collect()))
}

fn employees(
    conn: &mut PgConnection,
    tenant: &Tenant,
    ids: &[EmployeeId],
    given: &Given,
    today: Date,
) -> Result<Result<Vec<UserId>, Vec<Missing>>, Fault> {
    let known = facts::employees(conn, tenant, ids)?;
    let asked_for = |id: &&EmployeeId| !known.contains_key(id) && !given.absent.contains(id);
    let missing: Vec<_> = ids.iter().filter(asked_for).map(|id| Missing::Employee(*id)).collect();
    if !missing.is_empty() {
        return Ok(Err(missing));
    }
    let users: BTreeSet<_> = known.values().filter_map(|employee| employee.reachable(today)).collect();
    Ok(Ok(users.into_iter().collect()))
}

fn speakers(conn: &mut PgConnection, tenant: &Tenant, today: Date) -> Result<Result<Vec<UserId>, Vec<Missing>>, Fault> {
    let found = facts::speakers(conn, tenant, today)?;
    if found.is_empty() { Ok(Err(vec![Missing::Speaker])) } else { Ok(Ok(found.into_iter().collect())) }
}
