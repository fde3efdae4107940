//! How long somebody has worked, for what is earned by it.

use super::days;
use crate::facts::domain::Org;
use diesel::pg::PgConnection;
use jiff::Timestamp;
use jiff::civil::Date;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_org_api::facts::EmployeeFact;

/// Minutes worked from the first date to the last one, both included; where a period is locked, as it was frozen: what
/// is paid by is also what leave is earned by.
pub(crate) fn worked_minutes(
    conn: &mut PgConnection,
    tenant: &Tenant,
    org: &Org,
    person: &EmployeeFact,
    dates: (Date, Date),
    now: Timestamp,
) -> Result<u32, Fault> {
    let read = days::read(conn, tenant, org, vec![person.clone()], dates, now)?;
    let days = read.days().into_iter().flat_map(|(_, days)| days);
    Ok(days.map(|day| day.worked_minutes).sum())
}
