//! Webhooks themselves.

use crate::app::App;
use crate::error::Error;
use crate::facts::members::{InOrg, Then};
use crate::responses;
use crate::webhooks::domain::Wanted;
use crate::webhooks::signature::Secret;
use crate::webhooks::{secrets, store};
use actix_web::{delete, get, post, put, web};
use diesel::PgConnection;
use jiff::SignedDuration;
use rollcall_common::answer::Answer;
use rollcall_common::describe::PageParams;
use rollcall_common::extract::{IfMatch, Json, Path, Query};
use rollcall_common::idempotency::{Idempotent, Principal};
use rollcall_common::paging::{PageQuery, Paged};
use rollcall_common::problem::Problem;
use rollcall_ids::{OrgId, WebhookId};
use rollcall_notification_api::webhooks::{Webhook, WebhookBody};
use rollcall_org_api::rights::Permission;
use std::sync::Arc;

fn example() -> serde_json::Value {
    serde_json::json!({
        "webhook_id": "0199f3a0-7c1e-7d6a-9d0e-2f6b8c1a4e55", "url": "https://payroll.example.org/rollcall",
        "description": "Payroll", "event_types": ["org.employee.changed.v1"], "enabled": true,
        "created_at": "2026-11-20T08:01:12Z", "updated_at": "2026-11-20T08:01:12Z", "version": 1,
    })
}

fn body_example() -> serde_json::Value {
    serde_json::json!({
        "url": "https://payroll.example.org/rollcall", "description": "Payroll",
        "event_types": ["org.employee.changed.v1"],
    })
}

/// Make a webhook
///
/// The events of the organisation are posted to it from now on, each signed with its secret, which
/// `GET …/webhooks/{webhook_id}/secrets` shows. Needs `webhooks.write`. What is posted stands under `webhooks` of this
/// description.
#[utoipa::path(
    tag = "webhooks",
    operation_id = "create_webhook",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe", example = "webhook-1"),
    ),
    request_body(content = WebhookBody, example = json!(body_example())),
    responses(
        (status = 201, description = "The webhook", body = Webhook, headers(
            ("Location" = String, description = "Where it can be read"),
            ("ETag" = String, description = "Its version"),
            ("Idempotency-Replayed" = Option<String>, description = "`true` when it was made by an earlier request with this key"),
        ), example = json!(example())),
        (status = 409, description = "`too_many_webhooks`, or `idempotency_in_progress`", body = Problem, content_type = "application/problem+json"),
        responses::InOrg, responses::KeyedBody,
    )
)]
#[post("/api/notification/v1/orgs/{org_id}/webhooks")]
pub(crate) async fn create(
    app: web::Data<App>,
    at: InOrg,
    body: Then<Idempotent<WebhookBody>>,
) -> Result<Answer, Error> {
    at.member.needs_in_org(Permission::WebhooksWrite)?;
    let Idempotent { body, guard } = body?;
    let wanted = Wanted::parse(&body, &app.sender.guard)?;
    let (tenant, by, now) = (at.tenant, at.member.employee.employee_id, app.core.clock.now());
    let principal = Principal { user_id: at.caller.user_id, org_id: Some(tenant.org_id()) };
    let (most, sealing) = (i64::from(app.settings.webhooks.most_per_org), Arc::clone(&app.sealing));
    let work = move |conn: &mut PgConnection| {
        guard.once(conn, principal, now, |conn| {
            let webhook = store::create(conn, &tenant, by, &wanted, most, now)?;
            let overlap = SignedDuration::ZERO;
            secrets::put(conn, &tenant, webhook.webhook_id, &sealing, &Secret::generate(), overlap, now)?;
            let location = format!("/api/notification/v1/orgs/{}/webhooks/{}", tenant.org_id(), webhook.webhook_id);
            Ok::<_, Error>(Answer::created(location, &webhook)?.version(webhook.version))
        })
    };
    app.core.db.transaction(&tenant, work).await
}

/// List webhooks
///
/// Oldest first. Needs `webhooks.read`.
#[utoipa::path(
    tag = "webhooks",
    operation_id = "list_webhooks",
    security(("bearer" = [])),
    params(("org_id" = OrgId, Path, description = "The organisation"), PageParams),
    responses(
        (status = 200, description = "A page", body = Paged<Webhook>, example = json!({ "items": [example()] })),
        responses::InOrg, responses::InOrgQuery,
    )
)]
#[get("/api/notification/v1/orgs/{org_id}/webhooks")]
pub(crate) async fn list(app: web::Data<App>, at: InOrg, query: Then<Query<PageQuery>>) -> Result<Answer, Error> {
    at.member.needs_in_org(Permission::WebhooksRead)?;
    let page = query?.0.page::<WebhookId>()?;
    let (tenant, after, limit) = (at.tenant, page.after, page.fetch());
    let load = move |conn: &mut PgConnection| store::list(conn, &tenant, after, limit);
    let webhooks = app.core.db.transaction(&tenant, load).await?;
    Ok(Answer::ok(&Paged::new(webhooks, &page, |webhook| webhook.webhook_id)?)?)
}

/// Read a webhook
///
/// Needs `webhooks.read`.
#[utoipa::path(
    tag = "webhooks",
    operation_id = "read_webhook",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("webhook_id" = WebhookId, Path, description = "The webhook"),
    ),
    responses(
        (status = 200, description = "The webhook", body = Webhook, headers(("ETag" = String, description = "Its version")), example = json!(example())),
        responses::InOrg,
    )
)]
#[get("/api/notification/v1/orgs/{org_id}/webhooks/{webhook_id}")]
pub(crate) async fn read(
    app: web::Data<App>,
    at: InOrg,
    path: Then<Path<(OrgId, WebhookId)>>,
) -> Result<Answer, Error> {
    at.member.needs_in_org(Permission::WebhooksRead)?;
    let (tenant, Path((_, webhook_id))) = (at.tenant, path?);
    let load = move |conn: &mut PgConnection| store::find(conn, &tenant, webhook_id);
    let webhook = app.core.db.transaction(&tenant, load).await?;
    Ok(Answer::ok(&webhook)?.version(webhook.version))
}

/// Change a webhook
///
/// What is left out has its default. Needs `webhooks.write`. Switched off, what is queued is given up.
#[utoipa::path(
    tag = "webhooks",
    operation_id = "change_webhook",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("webhook_id" = WebhookId, Path, description = "The webhook"),
        ("If-Match" = String, Header, description = "Its version", example = "\"1\""),
    ),
    request_body(content = WebhookBody, example = json!(body_example())),
    responses(
        (status = 200, description = "The webhook", body = Webhook, headers(("ETag" = String, description = "Its version")), example = json!(example())),
        (status = 428, description = "`If-Match` is missing: `if_match_required`", body = Problem, content_type = "application/problem+json"),
        responses::InOrg, responses::Body, responses::Versioned,
    )
)]
#[put("/api/notification/v1/orgs/{org_id}/webhooks/{webhook_id}")]
pub(crate) async fn replace(
    app: web::Data<App>,
    at: InOrg,
    path: Then<Path<(OrgId, WebhookId)>>,
    if_match: Then<IfMatch>,
    body: Then<Json<WebhookBody>>,
) -> Result<Answer, Error> {
    at.member.needs_in_org(Permission::WebhooksWrite)?;
    let (tenant, Path((_, webhook_id)), if_match, now) = (at.tenant, path?, if_match?, app.core.clock.now());
    let wanted = Wanted::parse(&body?.0, &app.sender.guard)?;
    let change = move |conn: &mut PgConnection| store::replace(conn, &tenant, webhook_id, if_match, &wanted, now);
    let webhook = app.core.db.transaction(&tenant, change).await?;
    Ok(Answer::ok(&webhook)?.version(webhook.version))
}

/// Remove a webhook
///
/// With its secrets and the list of its deliveries. Needs `webhooks.write`.
#[utoipa::path(
    tag = "webhooks",
    operation_id = "remove_webhook",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("webhook_id" = WebhookId, Path, description = "The webhook"),
        ("If-Match" = Option<String>, Header, description = "Its version", example = "\"1\""),
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 400, description = "`If-Match` is no version: `malformed_input`", body = Problem, content_type = "application/problem+json"),
        responses::InOrg, responses::Versioned,
    )
)]
#[delete("/api/notification/v1/orgs/{org_id}/webhooks/{webhook_id}")]
pub(crate) async fn remove(
    app: web::Data<App>,
    at: InOrg,
    path: Then<Path<(OrgId, WebhookId)>>,
    if_match: Then<IfMatch>,
) -> Result<Answer, Error> {
    at.member.needs_in_org(Permission::WebhooksWrite)?;
    let (tenant, Path((_, webhook_id)), if_match, now) = (at.tenant, path?, if_match?, app.core.clock.now());
    let remove = move |conn: &mut PgConnection| store::remove(conn, &tenant, webhook_id, if_match, now);
    app.core.db.transaction(&tenant, remove).await?;
    Ok(Answer::no_content())
}
