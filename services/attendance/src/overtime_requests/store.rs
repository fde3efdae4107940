//! The overtime that was approved.

use crate::schema::approvals as table;
use diesel::dsl::sql;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use jiff::civil::Date;
use jiff_diesel::ToDiesel as _;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::EmployeeId;
use std::collections::HashMap;

/// The minutes approved for some people on each day of a range; several requests of a day add up.
pub(crate) fn approved(
    conn: &mut PgConnection,
    tenant: &Tenant,
    people: &[EmployeeId],
    (from, to): (Date, Date),
) -> Result<HashMap<(EmployeeId, Date), u32>, Fault> {
    let rows: Vec<(EmployeeId, jiff_diesel::Date, Option<i32>)> = table::table
        .filter(table::org_id.eq(tenant.org_id()))
        // In the words of the index.
        .filter(sql::<Bool>("kind = 'overtime' AND status = 'approved'"))
        .filter(table::employee_id.eq_any(people))
        .filter(table::from_date.ge(from.to_diesel()).and(table::from_date.le(to.to_diesel())))
        .select((table::employee_id, table::from_date, table::minutes))
        .load(conn)?;
    let mut approved: HashMap<_, u32> = HashMap::new();
    for (employee_id, date, minutes) in rows {
        let minutes = minutes.and_then(|minutes| u32::try_from(minutes).ok()).unwrap_or(0);
        let sum = approved.entry((employee_id, date.to_jiff())).or_default();
        *sum = sum.saturating_add(minutes);
    }
    Ok(approved)
}
