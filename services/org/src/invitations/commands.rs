//! Inviting and accepting.

use crate::act::Act;
use crate::employees::domain::{Dossier, Employee};
use crate::employees::store as employees;
use crate::error::Error;
use crate::invitations::domain::{Invitation, LIFETIME, OF_EMPLOYEE, OF_ORG, SECRET_LENGTH, Token};
use crate::invitations::store;
use crate::members::domain::Member;
use diesel::pg::PgConnection;
use rollcall_common::fault::Fault;
use rollcall_common::secret;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{EmployeeId, InvitationId, UserId};
use rollcall_org_api::events::{self, InvitationAccepted, InvitationCreated};
use rollcall_org_api::rights::Permission;

/// Invites an employee.
pub(crate) fn create(
    conn: &mut PgConnection,
    tenant: &Tenant,
    act: &Act,
    member: &Member,
    employee_id: EmployeeId,
) -> Result<Invitation, Error> {
    let unknown = || Fault::invalid("/employee_id", "unknown_employee", "there is no such employee");
    let dossier = employees::lock(conn, tenant, employee_id)?.ok_or_else(unknown)?;
    // Whom one may not see does not exist for one.
    if !member.may_on(conn, tenant, Permission::EmployeesRead, &dossier)? {
        return Err(unknown().into());
    }
    member.must_change(conn, tenant, &dossier)?;
    member.must_decide_over(&dossier)?;
    send(conn, tenant, act, member, &dossier.employee)
}

/// Makes the invitation of an employee who is locked or new. The secret leaves only in the event, for the mail.
pub(crate) fn send(
    conn: &mut PgConnection,
    tenant: &Tenant,
    act: &Act,
    member: &Member,
    employee: &Employee,
) -> Result<Invitation, Error> {
    if employee.user_id.is_some() {
        return Err(Error::AlreadyLinked);
    }
    let Some(email) = employee.email.clone() else {
        return Err(Fault::invalid("/employee_id", "no_email", "the employee has no e-mail address").into());
    };
    for (rate, of) in [(OF_EMPLOYEE, Some(employee.employee_id)), (OF_ORG, None)] {
        rate.check(store::made_before(conn, tenant, of, rate, act.at)?, act.at)?;
    }
    let mut fresh = [0; SECRET_LENGTH];
    secret::fill(&mut fresh);
    let token = Token::new(tenant.org_id(), fresh);
    let invitation = Invitation {
        invitation_id: InvitationId::generate(),
        employee_id: employee.employee_id,
        email: email.clone(),
        created_at: act.at,
        expires_at: act.at + LIFETIME,
        accepted_at: None,
        accepted_by: None,
        replaced_at: None,
    };
    store::replace_open(conn, tenant, employee.employee_id, act.at)?;
    store::insert(conn, tenant, &invitation, &token)?;
    let (id, view) = (invitation.invitation_id, invitation.view());
    act.record(conn, tenant, "invitation.created", "invitation", id.0, None, Some(&view))?;
    let event = InvitationCreated {
        invitation_id: id,
        employee_id: employee.employee_id,
        email,
        name: employee.name.clone(),
        org_name: member.org.name.clone(),
        locale: member.org.locale.clone(),
        token: token.expose().to_owned(),
        expires_at: invitation.expires_at,
    };
    act.emit(conn, tenant, events::INVITATION_CREATED, id.to_string(), None, &event)?;
    Ok(invitation)
}

/// Links the account to the employee whom the token invites.
pub(crate) fn accept(
    conn: &mut PgConnection,
    tenant: &Tenant,
    act: &Act,
    user_id: UserId,
    token: &Token,
) -> Result<Dossier, Error> {
    // The employee is locked first and the invitation second, as when a newer invitation replaces it.
    let employee_id = store::invited_by(conn, tenant, token)?.ok_or(Fault::NotFound)?;
    let unlinked = employees::lock(conn, tenant, employee_id)?.ok_or(Fault::NotFound)?;
    let before = store::lock(conn, tenant, token)?.ok_or(Fault::NotFound)?;
    before.check(act.at)?;
    // Whoever changes the address closes the invitation; should one be left open, it opens nothing.
    if unlinked.employee.user_id.is_none() && unlinked.employee.email.as_ref() != Some(&before.email) {
        return Err(Fault::NotFound.into());
    }
    if employees::by_user(conn, tenant, user_id)?.is_some() {
        return Err(Error::AlreadyMember);
    }
    if unlinked.employee.user_id.is_some() {
        return Err(Error::InvitationUsed);
    }
    store::accept(conn, tenant, before.invitation_id, user_id, act.at)?;
    let after = Invitation { accepted_at: Some(act.at), accepted_by: Some(user_id), ..before.clone() };
    let id = before.invitation_id;
    let views = (before.view(), after.view());
    act.record(conn, tenant, "invitation.accepted", "invitation", id.0, Some(&views.0), Some(&views.1))?;

    let employee = Employee { user_id: Some(user_id), ..unlinked.employee.clone() };
    employees::save(conn, tenant, &employee, act.at)?;
    let linked = employees::find(conn, tenant, employee.employee_id)?.ok_or(Fault::NotFound)?;
    act.employee(conn, tenant, "employee.linked", Some(&unlinked), &linked)?;
    let event = InvitationAccepted {
        invitation_id: id,
        employee_id: employee.employee_id,
        employee_name: employee.name,
        user_id,
        manager_id: linked.assignment_on(act.today).and_then(|assignment| assignment.manager_id),
    };
    act.emit(conn, tenant, events::INVITATION_ACCEPTED, id.to_string(), None, &event)?;
    Ok(linked)
}
