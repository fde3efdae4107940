//! `/api/org/v1/orgs/{org_id}/invitations` and `/api/org/v1/invitations/accept`

use crate::act::Act;
use crate::app::{App, InOrg, Origin};
use crate::audit::domain::Actor;
use crate::employees::domain::EmployeeView;
use crate::employees::store as employees;
use crate::error::Error;
use crate::invitations::domain::{Acceptance, InvitationView, NewInvitation, Token};
use crate::invitations::{commands, store};
use crate::orgs::domain::Org;
use crate::orgs::store as orgs;
use crate::responses;
use crate::values::zone;
use actix_web::{get, post, web};
use rollcall_common::answer::Answer;
use rollcall_common::auth::Caller;
use rollcall_common::describe::PageParams;
use rollcall_common::extract::{Path, Query};
use rollcall_common::fault::Fault;
use rollcall_common::idempotency::{Idempotent, Principal};
use rollcall_common::paging::{PageQuery, Paged};
use rollcall_common::tenant::Tenant;
use rollcall_ids::{InvitationId, OrgId};
use rollcall_org_api::rights::{self, Permission};
use serde::Serialize;
use utoipa::ToSchema;

/// Invite an employee
///
/// A mail goes to the employee's address. An older open invitation of theirs stops working. 409 `already_linked` when
/// they have an account. Three an hour for one employee, 20,000 a day for an organisation; then 429.
#[utoipa::path(
    operation_id = "create_invitation",
    tag = "invitations",
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key again: the same answer"),
    ),
    request_body = NewInvitation,
    responses((status = 201, description = "Invited", body = InvitationView), responses::Invite),
    security(("bearer" = [])),
)]
#[post("/api/org/v1/orgs/{org_id}/invitations")]
pub(crate) async fn create(
    app: web::Data<App>,
    of: InOrg,
    origin: Origin,
    request: Idempotent<NewInvitation>,
) -> Result<Answer, Error> {
    of.member.must_somewhere(Permission::EmployeesWrite)?;
    let employee_id = request.body.employee_id;
    let org_id = of.tenant.org_id();
    app.change(of, origin, Some(request.guard), move |conn, tenant, act, member| {
        let view = commands::create(conn, tenant, act, member, employee_id)?.view();
        let location = format!("/api/org/v1/orgs/{org_id}/invitations/{}", view.invitation_id);
        Ok(Answer::created(location, &view)?)
    })
    .await
}

/// All invitations, newest first
///
/// Needs `employees.write` or `audit.read` for the whole organisation.
#[utoipa::path(
    operation_id = "list_invitations",
    tag = "invitations",
    params(("org_id" = OrgId, Path, description = "The organisation"), PageParams),
    responses((status = 200, description = "A page", body = Paged<InvitationView>), responses::List),
    security(("bearer" = [])),
)]
#[get("/api/org/v1/orgs/{org_id}/invitations")]
pub(crate) async fn list(app: web::Data<App>, of: InOrg, Query(query): Query<PageQuery>) -> Result<Answer, Error> {
    of.member.must_in_org_either(Permission::EmployeesWrite, Permission::AuditRead)?;
    let page = query.page()?;
    app.read(of, move |conn, tenant, _| {
        let rows = store::list(conn, tenant, &page)?;
        let page = Paged::new(rows, &page, |invitation| (invitation.created_at, invitation.invitation_id))?;
        Ok(Answer::ok(&page.map(|invitation| invitation.view()))?)
    })
    .await
}

/// One invitation
///
/// For whoever may change the employee, and for whoever has `audit.read` for the whole organisation.
#[utoipa::path(
    operation_id = "get_invitation",
    tag = "invitations",
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("invitation_id" = InvitationId, Path, description = "The invitation"),
    ),
    responses((status = 200, description = "It", body = InvitationView), responses::Read),
    security(("bearer" = [])),
)]
#[get("/api/org/v1/orgs/{org_id}/invitations/{invitation_id}")]
pub(crate) async fn find(app: web::Data<App>, of: InOrg, path: Path<(OrgId, InvitationId)>) -> Result<Answer, Error> {
    let (_, invitation_id) = path.0;
    let audits = rights::may_in_org(&of.member.grants, Permission::AuditRead);
    if !audits {
        of.member.must_somewhere(Permission::EmployeesWrite)?;
    }
    app.read(of, move |conn, tenant, member| {
        let invitation = store::find(conn, tenant, invitation_id)?.ok_or(Fault::NotFound)?;
        if !audits {
            let invited = employees::find(conn, tenant, invitation.employee_id)?.ok_or(Fault::NotFound)?;
            member.must_change(conn, tenant, &invited)?;
        }
        Ok(Answer::ok(&invitation.view())?)
    })
    .await
}

/// Where an accepted invitation led.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "org": {
    "org_id": "01890a5d-ac96-774b-bcce-b302099a8050", "name": "Acme GmbH", "time_zone": "Europe/Berlin", "locale": "en", "country": "DE",
    "week_start": "monday", "version": 1,
},
    "employee": {
    "employee_id": "01890a5d-ac96-774b-bcce-b302099a8053", "number": "1001", "name": "Ada Lovelace", "email": "ada@example.org",
    "user_id": "01890a5d-ac96-774b-bcce-b302099a8054", "status": "active", "hired_on": "2026-01-05", "left_on": null,
    "roles": ["employee", "manager"],
    "assignments": [{
        "assignment_id": "01890a5d-ac96-774b-bcce-b302099a8055", "unit_id": "01890a5d-ac96-774b-bcce-b302099a8051", "site_id": "01890a5d-ac96-774b-bcce-b302099a8052", "manager_id": null,
        "position": "Picker", "employment_type": "full_time", "valid_from": "2026-01-05", "valid_to": null,
    }],
    "version": 1,
},
}))]
pub(crate) struct Accepted {
    /// The organisation.
    org: Org,
    /// The employee that the caller now is.
    employee: EmployeeView,
}

/// Accept an invitation
///
/// Links the caller's account to the employee. 404 for a token that is none of ours, 409 `invitation_used` when it was
/// accepted before, 410 `invitation_expired` after seven days, when a newer invitation took its place or the employee got
/// another address, 409 `already_member` when the caller already is an employee of the organisation.
#[utoipa::path(
    operation_id = "accept_invitation",
    tag = "invitations",
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key again: the same answer")),
    request_body = Acceptance,
    responses((status = 200, description = "Accepted", body = Accepted), responses::Accept),
    security(("bearer" = [])),
)]
#[post("/api/org/v1/invitations/accept")]
pub(crate) async fn accept(
    app: web::Data<App>,
    caller: Caller,
    origin: Origin,
    request: Idempotent<Acceptance>,
) -> Result<Answer, Error> {
    let token = Token::parse(&request.body.token).ok_or(Fault::NotFound)?;
    #[expect(
        clippy::disallowed_methods,
        reason = "the invitation's token: it names the organisation, and the first thing read there is its own hash"
    )]
    let tenant = Tenant::of_capability(token.org_id());
    let principal = Principal { user_id: caller.user_id, org_id: Some(tenant.org_id()) };
    let (at, outbox) = (app.core.clock.now(), app.core.outbox.clone());
    let accepted = app.core.db.transaction(&tenant, move |conn| {
        request.guard.once(conn, principal, at, |conn| {
            let org = orgs::find(conn, &tenant)?.ok_or(Fault::NotFound)?;
            let today = at.to_zoned(zone(&org.time_zone)).date();
            let actor = Actor { user_id: caller.user_id, employee_id: None, address: origin.0 };
            let act = Act { outbox, actor, at, today };
            let employee = commands::accept(conn, &tenant, &act, caller.user_id, &token)?.view(today);
            Ok(Answer::ok(&Accepted { org, employee })?)
        })
    });
    accepted.await
}
