//! How long somebody has worked, for what is earned by it.

use super::{compute, gather};
use crate::facts::domain::Org;
use diesel::pg::PgConnection;
use jiff::Timestamp;
use jiff::civil::Date;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_org_api::facts::EmployeeFact;

/// Minutes worked from the first date to the last one, both included.
pub(crate) fn worked_minutes(
    conn: &mut PgConnection,
    tenant: &Tenant,
    org: &Org,
    person: &EmployeeFact,
    (from, to): (Date, Date),
    now: Timestamp,
) -> Result<u32, Fault> {
    let facts = gather::facts(conn, tenant, org, std::slice::from_ref(person), (from, to), now)?;
    let days = facts.iter().flat_map(|facts| compute(facts, from, to));
    Ok(days.map(|day| day.worked_minutes).sum())
}
