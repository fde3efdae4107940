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
/// is paid by is also what leave is earned by. None while it is not known: a device of the site has not reported since.
pub(crate) fn worked_minutes(
    conn: &mut PgConnection,
    tenant: &Tenant,
    org: &Org,
    person: &EmployeeFact,
    dates: (Date, Date),
    now: Timestamp,
) -> Result<Option<u32>, Fault> {
    let read = days::read(conn, tenant, org, vec![person.clone()], dates, now)?;
    if !read.is_reported() {
        return Ok(None);
    }
    let days = read.days().into_iter().flat_map(|(_, days)| days);
    Ok(Some(days.map(|day| day.worked_minutes).sum()))
}
