//! `/api/notification/v1/orgs/{org_id}/webhooks` and what is below it.

use super::deliveries::{self, Key};
use super::domain::Wanted;
use super::signature::Secret;
use super::{secrets, store};
use crate::app::App;
use crate::error::Error;
use crate::facts::members::{InOrg, Then};
use crate::responses;
use actix_web::{delete, get, post, put, web};
use diesel::PgConnection;
use jiff::SignedDuration;
use rollcall_common::answer::Answer;
use rollcall_common::describe::PageParams;
use rollcall_common::extract::{IfMatch, Json, Path, Query};
use rollcall_common::fault::Fault;
use rollcall_common::idempotency::{Idempotent, Principal};
use rollcall_common::paging::{PageQuery, Paged};
use rollcall_common::problem::Problem;
use rollcall_ids::{OrgId, WebhookDeliveryId, WebhookId};
use rollcall_notification_api::codes;
use rollcall_notification_api::webhooks::{
    DeliveryState, RotateSecret, Webhook, WebhookBody, WebhookDelivery, WebhookSecrets,
};
use rollcall_org_api::rights::Permission;
use serde::Deserialize;
use std::sync::Arc;

/// Seconds for which a replaced secret signs on when nobody says otherwise.
const OVERLAP_SECONDS: u32 = 86_400;
/// And at most.
const LONGEST_OVERLAP_SECONDS: u32 = 604_800;

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

fn secrets_example() -> serde_json::Value {
    serde_json::json!({ "items": [{ "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" }] })
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

/// Read the secrets of a webhook
///
/// Those that sign now, the one in force first. Needs `webhooks.write`.
#[utoipa::path(
    tag = "webhooks",
    operation_id = "read_webhook_secrets",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("webhook_id" = WebhookId, Path, description = "The webhook"),
    ),
    responses((status = 200, description = "They", body = WebhookSecrets, example = json!(secrets_example())), responses::InOrg)
)]
#[get("/api/notification/v1/orgs/{org_id}/webhooks/{webhook_id}/secrets")]
pub(crate) async fn read_secrets(
    app: web::Data<App>,
    at: InOrg,
    path: Then<Path<(OrgId, WebhookId)>>,
) -> Result<Answer, Error> {
    at.member.needs_in_org(Permission::WebhooksWrite)?;
    let (tenant, Path((_, webhook_id)), now) = (at.tenant, path?, app.core.clock.now());
    let sealing = Arc::clone(&app.sealing);
    let load = move |conn: &mut PgConnection| {
        store::find(conn, &tenant, webhook_id)?;
        secrets::shown(conn, &tenant, webhook_id, &sealing, now)
    };
    Ok(Answer::ok(&app.core.db.transaction(&tenant, load).await?)?)
}

/// Replace the secret of a webhook
///
/// The old one signs beside the new one for a day, or as long as is said; with 0 it ends at once, and all before it. At
/// most five sign at a time. Needs `webhooks.write`.
#[utoipa::path(
    tag = "webhooks",
    operation_id = "rotate_webhook_secret",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("webhook_id" = WebhookId, Path, description = "The webhook"),
    ),
    request_body(content = RotateSecret, example = json!({ "overlap_seconds": 3600 })),
    responses(
        (status = 200, description = "The secrets that sign now, the new one first", body = WebhookSecrets, example = json!(secrets_example())),
        (status = 409, description = "`too_many_secrets`", body = Problem, content_type = "application/problem+json"),
        responses::InOrg, responses::Body,
    )
)]
#[post("/api/notification/v1/orgs/{org_id}/webhooks/{webhook_id}/rotate-secret")]
pub(crate) async fn rotate_secret(
    app: web::Data<App>,
    at: InOrg,
    path: Then<Path<(OrgId, WebhookId)>>,
    body: Then<Json<RotateSecret>>,
) -> Result<Answer, Error> {
    at.member.needs_in_org(Permission::WebhooksWrite)?;
    let (tenant, Path((_, webhook_id)), now) = (at.tenant, path?, app.core.clock.now());
    let Json(RotateSecret { overlap_seconds, secret }) = body?;
    let overlap = overlap_seconds.unwrap_or(OVERLAP_SECONDS);
    if overlap > LONGEST_OVERLAP_SECONDS {
        let detail = format!("must be at most {LONGEST_OVERLAP_SECONDS}");
        return Err(Fault::invalid("/overlap_seconds", "out_of_range", detail).into());
    }
    let secret = match secret {
        None => Secret::generate(),
        Some(text) => Secret::parse(&text).ok_or_else(|| {
            Fault::invalid("/secret", codes::BAD_SECRET, "must be whsec_ and the base64 of 24 to 64 bytes")
        })?,
    };
    let overlap = SignedDuration::from_secs(overlap.into());
    let sealing = Arc::clone(&app.sealing);
    let rotate = move |conn: &mut PgConnection| {
        store::lock(conn, &tenant, webhook_id)?;
        secrets::put(conn, &tenant, webhook_id, &sealing, &secret, overlap, now)?;
        Ok::<_, Error>(secrets::shown(conn, &tenant, webhook_id, &sealing, now)?)
    };
    Ok(Answer::ok(&app.core.db.transaction(&tenant, rotate).await?)?)
}

/// Which deliveries.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeliveriesQuery {
    /// Only those in this state.
    #[serde(default)]
    #[param(inline)]
    state: Option<DeliveryState>,
    /// Rows wanted; 50 when absent.
    #[serde(default)]
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default)]
    cursor: Option<String>,
}

/// List deliveries of a webhook
///
/// Newest first, with what was sent at the last attempt and what came back; kept for 30 days. Needs `webhooks.read`.
#[utoipa::path(
    tag = "webhooks",
    operation_id = "list_webhook_deliveries",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("webhook_id" = WebhookId, Path, description = "The webhook"),
        DeliveriesQuery,
    ),
    responses(
        (status = 200, description = "A page", body = Paged<WebhookDelivery>),
        responses::InOrg, responses::InOrgQuery,
    )
)]
#[get("/api/notification/v1/orgs/{org_id}/webhooks/{webhook_id}/deliveries")]
pub(crate) async fn list_deliveries(
    app: web::Data<App>,
    at: InOrg,
    path: Then<Path<(OrgId, WebhookId)>>,
    query: Then<Query<DeliveriesQuery>>,
) -> Result<Answer, Error> {
    at.member.needs_in_org(Permission::WebhooksRead)?;
    let (tenant, Path((_, webhook_id)), Query(query)) = (at.tenant, path?, query?);
    let page = PageQuery { limit: query.limit, cursor: query.cursor }.page::<Key>()?;
    let (after, limit) = (page.after, page.fetch());
    let load = move |conn: &mut PgConnection| {
        store::find(conn, &tenant, webhook_id)?;
        deliveries::list(conn, &tenant, webhook_id, query.state, after, limit)
    };
    let found = app.core.db.transaction(&tenant, load).await?;
    Ok(Answer::ok(&Paged::new(found, &page, Key::of)?)?)
}

/// Send a delivery again
///
/// At once, with the same `webhook-id`, and with all attempts before it if it fails. One that is under way is left
/// alone. Needs `webhooks.write`.
#[utoipa::path(
    tag = "webhooks",
    operation_id = "retry_webhook_delivery",
    security(("bearer" = [])),
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("webhook_id" = WebhookId, Path, description = "The webhook"),
        ("delivery_id" = WebhookDeliveryId, Path, description = "The delivery"),
    ),
    responses(
        (status = 202, description = "It is queued", body = WebhookDelivery),
        (status = 409, description = "`webhook_off`", body = Problem, content_type = "application/problem+json"),
        responses::InOrg,
    )
)]
#[post("/api/notification/v1/orgs/{org_id}/webhooks/{webhook_id}/deliveries/{delivery_id}/retry")]
pub(crate) async fn retry(
    app: web::Data<App>,
    at: InOrg,
    path: Then<Path<(OrgId, WebhookId, WebhookDeliveryId)>>,
) -> Result<Answer, Error> {
    at.member.needs_in_org(Permission::WebhooksWrite)?;
    let (tenant, Path((_, webhook_id, delivery_id)), now) = (at.tenant, path?, app.core.clock.now());
    let again = move |conn: &mut PgConnection| {
        if !store::lock(conn, &tenant, webhook_id)?.enabled {
            return Err(Error::WebhookOff);
        }
        Ok(deliveries::retry(conn, &tenant, webhook_id, delivery_id, now)?)
    };
    let delivery = app.core.db.transaction(&tenant, again).await?;
    app.wakes.webhooks.notify_one();
    Ok(Answer::new(actix_web::http::StatusCode::ACCEPTED, &delivery)?)
}
