//! `/api/org/v1/orgs/{org_id}/roles`: the built-in roles and those that the organisation made.

use crate::app::{App, InOrg, Origin};
use crate::error::Error;
use crate::responses;
use crate::roles::custom::{CustomRole, NewRole, RolePatch};
use crate::roles::domain::{Role, ScopeKind};
use crate::roles::{commands, store};
use actix_web::{delete, get, patch, post, web};
use rollcall_common::answer::Answer;
use rollcall_common::extract::{IfMatch, Json, Path};
use rollcall_common::fault::Fault;
use rollcall_common::idempotency::Idempotent;
use rollcall_common::paging::Paged;
use rollcall_ids::OrgId;
use rollcall_org_api::rights::Permission;
use serde::Serialize;
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// A role.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = RoleDefinition, example = json!({
    "role": "employee", "name": "employee", "scope": "self", "permissions": ["org.read", "punches.create"],
    "built_in": true, "version": 1,
}))]
pub(crate) struct RoleView {
    /// What it is called on the wire.
    role: String,
    /// What people call it.
    name: String,
    /// To whom its permissions reach.
    scope: ScopeKind,
    /// What it allows.
    permissions: BTreeSet<Permission>,
    /// Whether every organisation has it, unchangeable.
    built_in: bool,
    /// Ascends with each change; the value of `ETag`.
    version: i64,
}

impl From<Role> for RoleView {
    fn from(role: Role) -> Self {
        let (name, permissions) = (role.name().to_owned(), role.permissions().iter().copied().collect());
        Self { role: name.clone(), name, scope: role.scope(), permissions, built_in: true, version: 1 }
    }
}

impl From<CustomRole> for RoleView {
    fn from(CustomRole { role, name, scope, permissions, version }: CustomRole) -> Self {
        Self { role, name, scope, permissions, built_in: false, version }
    }
}

impl RoleView {
    fn answer(&self) -> Result<Answer, Error> {
        Ok(Answer::ok(self)?.version(self.version))
    }
}

/// All roles
#[utoipa::path(
    operation_id = "list_roles",
    tag = "roles",
    params(("org_id" = OrgId, Path, description = "The organisation")),
    responses((status = 200, description = "The built-in ones, then the organisation's own", body = Paged<RoleView>), responses::Read),
    security(("bearer" = [])),
)]
#[get("/api/org/v1/orgs/{org_id}/roles")]
pub(crate) async fn list(app: web::Data<App>, of: InOrg) -> Result<Answer, Error> {
    of.member.must_somewhere(Permission::OrgRead)?;
    app.read(of, move |conn, tenant, _| {
        let own = store::all(conn, tenant)?.into_iter().map(RoleView::from);
        let items = Role::ALL.into_iter().map(RoleView::from).chain(own).collect();
        Ok(Answer::ok(&Paged { items, next_cursor: None })?)
    })
    .await
}

/// One role
#[utoipa::path(
    operation_id = "get_role",
    tag = "roles",
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("role" = String, Path, description = "What it is called on the wire"),
    ),
    responses((status = 200, description = "It", body = RoleView, headers(("ETag" = String, description = "Its version"))), responses::Read),
    security(("bearer" = [])),
)]
#[get("/api/org/v1/orgs/{org_id}/roles/{role}")]
pub(crate) async fn find(app: web::Data<App>, of: InOrg, path: Path<(OrgId, String)>) -> Result<Answer, Error> {
    let (_, name) = path.0;
    of.member.must_somewhere(Permission::OrgRead)?;
    app.read(of, move |conn, tenant, _| match Role::named(&name) {
        Some(role) => RoleView::from(role).answer(),
        None => RoleView::from(store::find(conn, tenant, &name)?.ok_or(Fault::NotFound)?).answer(),
    })
    .await
}

/// Make a role
///
/// One makes only roles that one may give: takes `roles.write` and every permission of the role, for the whole
/// organisation. Scope `unit` reaches the units that its holder heads and all below, and their direct reports.
#[utoipa::path(
    operation_id = "create_role",
    tag = "roles",
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key again: the same answer"),
    ),
    request_body = NewRole,
    responses((status = 201, description = "Made", body = RoleView, headers(("ETag" = String, description = "Its version"), ("Location" = String, description = "Where it can be read"))), responses::Create),
    security(("bearer" = [])),
)]
#[post("/api/org/v1/orgs/{org_id}/roles")]
pub(crate) async fn create(
    app: web::Data<App>,
    of: InOrg,
    origin: Origin,
    request: Idempotent<NewRole>,
) -> Result<Answer, Error> {
    of.member.must_in_org(Permission::RolesWrite)?;
    let role = request.body.parse()?;
    let org_id = of.tenant.org_id();
    let work = move |conn: &mut _, tenant: &_, act: &_, member: &_| {
        let view = RoleView::from(commands::create(conn, tenant, act, member, role)?);
        Ok(Answer::created(format!("/api/org/v1/orgs/{org_id}/roles/{}", view.role), &view)?.version(view.version))
    };
    app.change(of, origin, Some(request.guard), work).await
}

/// Change a role
///
/// 428 without `If-Match`: what a role allows must not be overwritten unseen. The built-in ones do not change: 403.
#[utoipa::path(
    operation_id = "patch_role",
    tag = "roles",
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("role" = String, Path, description = "What it is called on the wire"),
        ("If-Match" = String, Header, description = "The `ETag` that the change is based on"),
    ),
    request_body = RolePatch,
    responses((status = 200, description = "As it is now", body = RoleView, headers(("ETag" = String, description = "Its version"))), responses::Guarded),
    security(("bearer" = [])),
)]
#[patch("/api/org/v1/orgs/{org_id}/roles/{role}")]
pub(crate) async fn patch(
    app: web::Data<App>,
    of: InOrg,
    origin: Origin,
    path: Path<(OrgId, String)>,
    if_match: IfMatch,
    Json(body): Json<RolePatch>,
) -> Result<Answer, Error> {
    let (_, name) = path.0;
    of.member.must_in_org(Permission::RolesWrite)?;
    let change = body.parse()?;
    let version = if_match.required()?;
    let work = move |conn: &mut _, tenant: &_, act: &_, member: &_| {
        RoleView::from(commands::patch(conn, tenant, act, member, &name, change, version)?).answer()
    };
    app.change(of, origin, None, work).await
}

/// Delete a role
///
/// 409 `role_in_use` while somebody holds it.
#[utoipa::path(
    operation_id = "delete_role",
    tag = "roles",
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("role" = String, Path, description = "What it is called on the wire"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that the change is based on"),
    ),
    responses((status = 204, description = "Deleted"), responses::Toggle),
    security(("bearer" = [])),
)]
#[delete("/api/org/v1/orgs/{org_id}/roles/{role}")]
pub(crate) async fn remove(
    app: web::Data<App>,
    of: InOrg,
    origin: Origin,
    path: Path<(OrgId, String)>,
    if_match: IfMatch,
) -> Result<Answer, Error> {
    let (_, name) = path.0;
    of.member.must_in_org(Permission::RolesWrite)?;
    let work = move |conn: &mut _, tenant: &_, act: &_, member: &_| {
        commands::remove(conn, tenant, act, member, &name, if_match)?;
        Ok(Answer::no_content())
    };
    app.change(of, origin, None, work).await
}
