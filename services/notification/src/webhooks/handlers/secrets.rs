//! Secrets of a webhook.

use crate::app::App;
use crate::error::Error;
use crate::facts::members::{InOrg, Then};
use crate::responses;
use crate::webhooks::signature::Secret;
use crate::webhooks::{secrets, store};
use actix_web::{get, post, web};
use diesel::PgConnection;
use jiff::SignedDuration;
use rollcall_common::answer::Answer;
use rollcall_common::extract::{Json, Path};
use rollcall_common::problem::Problem;
use rollcall_common::validate::{Fields, Rejection};
use rollcall_ids::{OrgId, WebhookId};
use rollcall_notification_api::codes;
use rollcall_notification_api::webhooks::{RotateSecret, WebhookSecrets};
use rollcall_org_api::rights::Permission;
use std::sync::Arc;

/// Seconds for which a replaced secret signs on when nobody says otherwise.
const OVERLAP_SECONDS: u32 = 86_400;
/// And at most.
const LONGEST_OVERLAP_SECONDS: u32 = 604_800;

fn secrets_example() -> serde_json::Value {
    serde_json::json!({ "items": [{ "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" }] })
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
    let mut fields = Fields::new();
    if overlap > LONGEST_OVERLAP_SECONDS {
        let detail = format!("must be at most {LONGEST_OVERLAP_SECONDS}");
        fields.reject("/overlap_seconds", Rejection::new("out_of_range", detail));
    }
    let bad = || Rejection::new(codes::BAD_SECRET, "must be whsec_ and the base64 of 24 to 64 bytes");
    let secret = match secret {
        None => Some(Secret::generate()),
        Some(text) => fields.take("/secret", Secret::parse(&text).ok_or_else(bad)),
    };
    let (secret,) = fields.all((secret,))?;
    let overlap = SignedDuration::from_secs(overlap.into());
    let sealing = Arc::clone(&app.sealing);
    let rotate = move |conn: &mut PgConnection| {
        store::lock(conn, &tenant, webhook_id)?;
        secrets::put(conn, &tenant, webhook_id, &sealing, &secret, overlap, now)?;
        Ok::<_, Error>(secrets::shown(conn, &tenant, webhook_id, &sealing, now)?)
    };
    Ok(Answer::ok(&app.core.db.transaction(&tenant, rotate).await?)?)
}
