//! The table of delegations.

use crate::delegations::domain::Delegation;
use crate::error::Error;
use crate::schema::delegations;
use diesel::dsl::exists;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff_diesel::ToDiesel as _;
use rollcall_common::paging::Page;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{DelegationId, EmployeeId, OrgId};

/// Adds one.
pub(crate) fn insert(
    conn: &mut PgConnection,
    tenant: &Tenant,
    delegation: &Delegation,
    at: Timestamp,
) -> Result<(), Error> {
    diesel::insert_into(delegations::table)
        .values((
            delegations::org_id.eq(tenant.org_id()),
            delegations::delegation_id.eq(delegation.delegation_id),
            delegations::from_employee_id.eq(delegation.from_employee_id),
            delegations::to_employee_id.eq(delegation.to_employee_id),
            delegations::valid_from.eq(delegation.valid_from.to_diesel()),
            delegations::valid_to.eq(delegation.valid_to.to_diesel()),
            delegations::reason.eq(&delegation.reason),
            delegations::version.eq(delegation.version),
            delegations::created_at.eq(at.to_diesel()),
        ))
        .execute(conn)?;
    Ok(())
}

/// One that was not taken back.
pub(crate) fn find(conn: &mut PgConnection, tenant: &Tenant, id: DelegationId) -> Result<Option<Delegation>, Error> {
    let found = delegations::table
        .find((tenant.org_id(), id))
        .filter(delegations::removed_at.is_null())
        .select(Delegation::as_select())
        .first(conn)
        .optional()?;
    Ok(found)
}

/// Takes one back, once; none when somebody else just did.
pub(crate) fn remove(
    conn: &mut PgConnection,
    tenant: &Tenant,
    id: DelegationId,
    version: i64,
    at: Timestamp,
) -> Result<Option<Delegation>, Error> {
    let removed = diesel::update(delegations::table.find((tenant.org_id(), id)))
        .filter(delegations::removed_at.is_null().and(delegations::version.eq(version)))
        .set((delegations::removed_at.eq(at.to_diesel()), delegations::version.eq(delegations::version + 1)))
        .returning(Delegation::as_returning())
        .get_result(conn)
        .optional()?;
    Ok(removed)
}

/// A page, newest first: of everybody, or of those in which `of` decides or is stood in for.
pub(crate) fn list(
    conn: &mut PgConnection,
    tenant: &Tenant,
    of: Option<EmployeeId>,
    page: &Page<DelegationId>,
) -> Result<Vec<Delegation>, Error> {
    let mut query = delegations::table
        .filter(delegations::org_id.eq(tenant.org_id()).and(delegations::removed_at.is_null()))
        .order(delegations::delegation_id.desc())
        .limit(page.fetch())
        .select(Delegation::as_select())
        .into_boxed();
    if let Some(employee) = of {
        let concerned = delegations::from_employee_id.eq(employee).or(delegations::to_employee_id.eq(employee));
        query = query.filter(concerned);
    }
    if let Some(after) = page.after {
        query = query.filter(delegations::delegation_id.lt(after));
    }
    Ok(query.load(conn)?)
}

/// How many in place of `from` are not over.
pub(crate) fn count_open(
    conn: &mut PgConnection,
    tenant: &Tenant,
    from: EmployeeId,
    today: Date,
) -> Result<i64, Error> {
    Ok(open(tenant, from, today).count().get_result(conn)?)
}

/// Whether there is one like it that is not over: the same deputy in the same place on the same days.
pub(crate) fn has_open(
    conn: &mut PgConnection,
    tenant: &Tenant,
    wanted: &Delegation,
    today: Date,
) -> Result<bool, Error> {
    let same = open(tenant, wanted.from_employee_id, today)
        .filter(delegations::to_employee_id.eq(wanted.to_employee_id))
        .filter(delegations::valid_from.eq(wanted.valid_from.to_diesel()))
        .filter(delegations::valid_to.eq(wanted.valid_to.to_diesel()));
    Ok(diesel::select(exists(same)).get_result(conn)?)
}

#[diesel::dsl::auto_type]
fn open(tenant: &Tenant, from: EmployeeId, today: Date) -> _ {
    let org_id: OrgId = tenant.org_id();
    let day: jiff_diesel::Date = today.to_diesel();
    delegations::table
        .filter(delegations::org_id.eq(org_id))
        .filter(delegations::from_employee_id.eq(from))
        .filter(delegations::removed_at.is_null())
        .filter(delegations::valid_to.ge(day))
}

/// Those that hold on `today` or later, ordered by id.
pub(crate) fn current(conn: &mut PgConnection, tenant: &Tenant, today: Date) -> Result<Vec<Delegation>, Error> {
    let current = delegations::table
        .filter(delegations::org_id.eq(tenant.org_id()).and(delegations::removed_at.is_null()))
        .filter(delegations::valid_to.ge(today.to_diesel()))
        .order(delegations::delegation_id.asc())
        .select(Delegation::as_select())
        .load(conn)?;
    Ok(current)
}
