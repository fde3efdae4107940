//! Deliveries of a webhook.

use crate::app::App;
use crate::error::Error;
use crate::facts::members::{InOrg, Then};
use crate::responses;
use crate::webhooks::deliveries::{self, Key};
use crate::webhooks::store;
use actix_web::{get, post, web};
use diesel::PgConnection;
use rollcall_common::answer::Answer;
use rollcall_common::extract::{Path, Query};
use rollcall_common::paging::{PageQuery, Paged};
use rollcall_common::problem::Problem;
use rollcall_ids::{OrgId, WebhookDeliveryId, WebhookId};
use rollcall_notification_api::webhooks::{DeliveryState, WebhookDelivery};
use rollcall_org_api::rights::Permission;
use serde::Deserialize;

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
