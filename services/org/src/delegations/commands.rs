//! Making and taking back delegations. One's own is one's own to make; for others it takes the right to change them.

use crate::act::Act;
use crate::delegations::domain::Delegation;
use crate::delegations::store;
use crate::employees::store as employees;
use crate::error::Error;
use crate::members::domain::Member;
use diesel::pg::PgConnection;
use rollcall_common::extract::IfMatch;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_common::validate::{Fields, Rejection};
use rollcall_ids::{DelegationId, EmployeeId};
use rollcall_org_api::rights::{self, Permission};

/// Makes one.
pub(crate) fn create(
    conn: &mut PgConnection,
    tenant: &Tenant,
    act: &Act,
    member: &Member,
    delegation: Delegation,
) -> Result<Delegation, Error> {
    let mut fields = Fields::new();
    for (pointer, id) in
        [("/from_employee_id", delegation.from_employee_id), ("/to_employee_id", delegation.to_employee_id)]
    {
        if !employees::exists(conn, tenant, id)? {
            fields.reject(pointer, Rejection::new("unknown_employee", "there is no such employee"));
        }
    }
    fields.finish()?;
    must_decide_for(conn, tenant, member, delegation.from_employee_id)?;
    store::insert(conn, tenant, &delegation, act.at)?;
    act.delegation(conn, tenant, "delegation.created", (None, &delegation))?;
    Ok(delegation)
}

/// Takes one back.
pub(crate) fn remove(
    conn: &mut PgConnection,
    tenant: &Tenant,
    act: &Act,
    member: &Member,
    id: DelegationId,
    if_match: IfMatch,
) -> Result<(), Error> {
    let before = seen(conn, tenant, member, id)?;
    must_decide_for(conn, tenant, member, before.from_employee_id)?;
    if_match.check(before.version)?;
    let after = store::remove(conn, tenant, id, before.version, act.at)?.ok_or(Fault::NotFound)?;
    act.delegation(conn, tenant, "delegation.deleted", (Some(&before), &after))
}

/// One that the member may see: as party to it, or because they see everybody.
pub(crate) fn seen(
    conn: &mut PgConnection,
    tenant: &Tenant,
    member: &Member,
    id: DelegationId,
) -> Result<Delegation, Error> {
    let found = store::find(conn, tenant, id)?.ok_or(Fault::NotFound)?;
    let me = member.employee_id();
    let party = [found.from_employee_id, found.to_employee_id].contains(&me);
    if party || rights::may_in_org(&member.grants, Permission::EmployeesRead) {
        Ok(found)
    } else {
        Err(Fault::NotFound.into())
    }
}

fn must_decide_for(conn: &mut PgConnection, tenant: &Tenant, member: &Member, of: EmployeeId) -> Result<(), Error> {
    if of == member.employee_id() {
        return Ok(());
    }
    let dossier = employees::find(conn, tenant, of)?.ok_or(Fault::NotFound)?;
    // Whoever hands out another's decisions must be above what the other may decide.
    if member.may_on(conn, tenant, Permission::EmployeesWrite, &dossier)? {
        return Ok(member.must_decide_over(&dossier)?);
    }
    Err(Fault::Forbidden.into())
}
