//! Making and taking back delegations. One's own is one's own to make for whoever writes anything; for others it takes the
//! right to change them.

use crate::act::Act;
use crate::delegations::domain::{Delegation, NewDelegation};
use crate::delegations::store;
use crate::employees::domain::Dossier;
use crate::employees::store as employees;
use crate::error::Error;
use crate::members::domain::Member;
use diesel::pg::PgConnection;
use rollcall_common::extract::IfMatch;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_common::validate::{Fields, Rejection};
use rollcall_ids::DelegationId;
use rollcall_org_api::rights::{self, Permission};

/// Delegations that are not over, in place of one employee at most: all of an organisation stand on one page of what the
/// other services copy.
const MOST_OPEN: i64 = 50;

/// 403 for whoever makes none at all, as an auditor, before anything is told.
pub(crate) fn must_delegate(member: &Member) -> Result<(), Fault> {
    if decides(member) { Ok(()) } else { member.must_somewhere(Permission::PunchesCreate) }
}

/// Whether they decide for anybody, or change anybody.
fn decides(member: &Member) -> bool {
    let deciding = [Permission::ApprovalsDecide, Permission::EmployeesWrite];
    deciding.into_iter().any(|permission| rights::may_somewhere(&member.grants, permission))
}

/// Makes one.
pub(crate) fn create(
    conn: &mut PgConnection,
    tenant: &Tenant,
    act: &Act,
    member: &Member,
    wanted: &NewDelegation,
) -> Result<Delegation, Error> {
    let me = member.employee_id();
    let from = wanted.stood_in_for(me);
    if from != me {
        member.must_somewhere(Permission::EmployeesWrite)?;
    }
    let unknown = || Rejection::new("unknown_employee", "there is no such employee");
    let mut fields = Fields::new();
    // They are held, so of two delegations that are made at once the second sees the first.
    match employees::lock(conn, tenant, from)? {
        // Whom one may not see does not exist for one.
        Some(dossier) if from == me || member.may_on(conn, tenant, Permission::EmployeesRead, &dossier)? => {
            must_decide_for(conn, tenant, member, &dossier)?;
            if store::count_open(conn, tenant, from, act.today)? >= MOST_OPEN {
                let rule = format!("at most {MOST_OPEN} delegations of one employee that are not over");
                fields.reject("/from_employee_id", Rejection::new("too_many", rule));
            }
        }
        _ => fields.reject("/from_employee_id", unknown()),
    }
    if !employees::exists(conn, tenant, wanted.to_employee_id)? {
        fields.reject("/to_employee_id", unknown());
    }
    let delegation = wanted.parse(from, fields)?;
    if store::has_open(conn, tenant, &delegation, act.today)? {
        return Err(Error::DelegationTaken);
    }
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
    let dossier = employees::find(conn, tenant, before.from_employee_id)?.ok_or(Fault::NotFound)?;
    must_decide_for(conn, tenant, member, &dossier)?;
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

/// 403 unless they may say who decides in place of this employee.
fn must_decide_for(conn: &mut PgConnection, tenant: &Tenant, member: &Member, dossier: &Dossier) -> Result<(), Error> {
    if dossier.employee.employee_id == member.employee_id() {
        if decides(member) || member.may_on(conn, tenant, Permission::PunchesCreate, dossier)? {
            return Ok(());
        }
        return Err(Fault::Forbidden.into());
    }
    // Whoever hands out another's decisions must be above what the other may decide.
    if member.may_on(conn, tenant, Permission::EmployeesWrite, dossier)? {
        return Ok(member.must_decide_over(dossier)?);
    }
    Err(Fault::Forbidden.into())
}
