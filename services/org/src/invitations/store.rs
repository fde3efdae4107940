//! The table of invitations.

use crate::error::Error;
use crate::invitations::domain::{Invitation, Rate, Token};
use crate::schema::invitations;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use jiff::Timestamp;
use jiff_diesel::ToDiesel as _;
use rollcall_common::paging::Page;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{EmployeeId, InvitationId, UserId};

/// Closes the open invitation of an employee, if there is one: a newer one takes its place, or their address is another.
pub(crate) fn replace_open(
    conn: &mut PgConnection,
    tenant: &Tenant,
    employee_id: EmployeeId,
    at: Timestamp,
) -> Result<(), Error> {
    diesel::update(invitations::table)
        .filter(invitations::org_id.eq(tenant.org_id()))
        .filter(invitations::employee_id.eq(employee_id))
        .filter(invitations::accepted_at.is_null().and(invitations::replaced_at.is_null()))
        .set(invitations::replaced_at.eq(at.to_diesel()))
        .execute(conn)?;
    Ok(())
}

/// Adds one.
pub(crate) fn insert(
    conn: &mut PgConnection,
    tenant: &Tenant,
    invitation: &Invitation,
    token: &Token,
) -> Result<(), Error> {
    diesel::insert_into(invitations::table)
        .values((
            invitations::org_id.eq(tenant.org_id()),
            invitations::invitation_id.eq(invitation.invitation_id),
            invitations::employee_id.eq(invitation.employee_id),
            invitations::email.eq(&invitation.email),
            invitations::token_sha256.eq(&token.sha256()[..]),
            invitations::created_at.eq(invitation.created_at.to_diesel()),
            invitations::expires_at.eq(invitation.expires_at.to_diesel()),
        ))
        .execute(conn)?;
    Ok(())
}

/// When the invitation was made, of an employee or of all, that is `rate.most` back; none: there were less in its time. Two
/// that are made side by side may both be the last of the organisation, of one employee not: they are locked, or new.
pub(crate) fn made_before(
    conn: &mut PgConnection,
    tenant: &Tenant,
    of: Option<EmployeeId>,
    rate: Rate,
    now: Timestamp,
) -> Result<Option<Timestamp>, Error> {
    let mut query = invitations::table
        .filter(invitations::org_id.eq(tenant.org_id()))
        .filter(invitations::created_at.gt((now - rate.within).to_diesel()))
        .order((invitations::created_at.desc(), invitations::invitation_id.desc()))
        .offset(i64::try_from(rate.most).unwrap_or(i64::MAX).saturating_sub(1))
        .limit(1)
        .select(invitations::created_at)
        .into_boxed();
    if let Some(employee_id) = of {
        query = query.filter(invitations::employee_id.eq(employee_id));
    }
    let found: Option<jiff_diesel::Timestamp> = query.first(conn).optional()?;
    Ok(found.map(jiff_diesel::Timestamp::to_jiff))
}

/// Whom a token invites; says nothing of whether it still works.
pub(crate) fn invited_by(conn: &mut PgConnection, tenant: &Tenant, token: &Token) -> Result<Option<EmployeeId>, Error> {
    let found = invitations::table
        .filter(invitations::org_id.eq(tenant.org_id()))
        .filter(invitations::token_sha256.eq(&token.sha256()[..]))
        .select(invitations::employee_id)
        .first(conn)
        .optional()?;
    Ok(found)
}

/// One invitation.
pub(crate) fn find(
    conn: &mut PgConnection,
    tenant: &Tenant,
    invitation_id: InvitationId,
) -> Result<Option<Invitation>, Error> {
    let found = invitations::table
        .find((tenant.org_id(), invitation_id))
        .select(Invitation::as_select())
        .first(conn)
        .optional()?;
    Ok(found)
}

/// A page, newest first.
pub(crate) fn list(
    conn: &mut PgConnection,
    tenant: &Tenant,
    page: &Page<(Timestamp, InvitationId)>,
) -> Result<Vec<Invitation>, Error> {
    let mut query = invitations::table
        .filter(invitations::org_id.eq(tenant.org_id()))
        .order((invitations::created_at.desc(), invitations::invitation_id.desc()))
        .limit(page.fetch())
        .select(Invitation::as_select())
        .into_boxed();
    if let Some((at, id)) = page.after {
        let same_time = invitations::created_at.eq(at.to_diesel()).and(invitations::invitation_id.lt(id));
        query = query.filter(invitations::created_at.lt(at.to_diesel()).or(same_time));
    }
    Ok(query.load(conn)?)
}

/// The invitation of a token, held until the transaction ends: two who bring the same token come one after the
/// other.
pub(crate) fn lock(conn: &mut PgConnection, tenant: &Tenant, token: &Token) -> Result<Option<Invitation>, Error> {
    let found = invitations::table
        .filter(invitations::org_id.eq(tenant.org_id()))
        .filter(invitations::token_sha256.eq(&token.sha256()[..]))
        .select(Invitation::as_select())
        .for_update()
        .first(conn)
        .optional()?;
    Ok(found)
}

/// Notes who accepted it.
pub(crate) fn accept(
    conn: &mut PgConnection,
    tenant: &Tenant,
    invitation_id: InvitationId,
    user_id: UserId,
    at: Timestamp,
) -> Result<(), Error> {
    diesel::update(invitations::table.find((tenant.org_id(), invitation_id)))
        .set((invitations::accepted_at.eq(at.to_diesel()), invitations::accepted_by.eq(user_id)))
        .execute(conn)?;
    Ok(())
}
