//! Webhooks in the database.

use super::domain::Wanted;
use super::over;
use crate::error::Error;
use crate::schema::{webhook_secrets, webhooks};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use jiff::Timestamp;
use jiff_diesel::{NullableTimestamp, ToDiesel as _};
use rollcall_common::extract::IfMatch;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{EmployeeId, WebhookId};
use rollcall_notification_api::webhooks::Webhook;

#[derive(Queryable, Selectable)]
#[diesel(table_name = webhooks, check_for_backend(diesel::pg::Pg))]
struct Row {
    webhook_id: WebhookId,
    url: String,
    description: String,
    event_types: Vec<Option<String>>,
    enabled: bool,
    off_reason: Option<String>,
    #[diesel(deserialize_as = NullableTimestamp)]
    failing_since: Option<Timestamp>,
    #[diesel(deserialize_as = NullableTimestamp)]
    paused_until: Option<Timestamp>,
    #[diesel(deserialize_as = jiff_diesel::Timestamp)]
    created_at: Timestamp,
    #[diesel(deserialize_as = jiff_diesel::Timestamp)]
    updated_at: Timestamp,
    version: i64,
}

impl From<Row> for Webhook {
    fn from(row: Row) -> Self {
        Self {
            webhook_id: row.webhook_id,
            url: row.url,
            description: row.description,
            event_types: row.event_types.into_iter().flatten().collect(),
            enabled: row.enabled,
            off_reason: row.off_reason,
            failing_since: row.failing_since,
            paused_until: row.paused_until,
            created_at: row.created_at,
            updated_at: row.updated_at,
            version: row.version,
        }
    }
}

/// A webhook of the organisation.
pub fn find(conn: &mut PgConnection, tenant: &Tenant, webhook_id: WebhookId) -> Result<Webhook, Fault> {
    let there = webhooks::table.find((tenant.org_id(), webhook_id)).filter(webhooks::removed_at.is_null());
    let row: Row = there.select(Row::as_select()).first(conn)?;
    Ok(row.into())
}

/// The same, held until the transaction ends: two changes of one webhook do not pass each other.
pub fn lock(conn: &mut PgConnection, tenant: &Tenant, webhook_id: WebhookId) -> Result<Webhook, Fault> {
    let there = webhooks::table.find((tenant.org_id(), webhook_id)).filter(webhooks::removed_at.is_null());
    let row: Row = there.select(Row::as_select()).for_no_key_update().first(conn)?;
    Ok(row.into())
}

/// Webhooks of the organisation after one, by id.
pub fn list(
    conn: &mut PgConnection,
    tenant: &Tenant,
    after: Option<WebhookId>,
    limit: i64,
) -> Result<Vec<Webhook>, Fault> {
    let mut query = webhooks::table
        .filter(webhooks::org_id.eq(tenant.org_id()))
        .filter(webhooks::removed_at.is_null())
        .order(webhooks::webhook_id)
        .limit(limit)
        .select(Row::as_select())
        .into_boxed();
    if let Some(after) = after {
        query = query.filter(webhooks::webhook_id.gt(after));
    }
    let rows: Vec<Row> = query.load(conn)?;
    Ok(rows.into_iter().map(Webhook::from).collect())
}

fn types(wanted: &Wanted) -> Vec<Option<&'static str>> {
    wanted.event_types.iter().copied().map(Some).collect()
}

fn off_reason(wanted: &Wanted) -> Option<&'static str> {
    (!wanted.enabled).then_some("by_hand")
}

/// Makes one, if the organisation has fewer than `most`.
pub fn create(
    conn: &mut PgConnection,
    tenant: &Tenant,
    by: EmployeeId,
    wanted: &Wanted,
    most: i64,
    now: Timestamp,
) -> Result<Webhook, Error> {
    // Two that are made at once see each other.
    diesel::sql_query("SELECT pg_advisory_xact_lock(hashtextextended('webhooks of ' || $1, 0))")
        .bind::<diesel::sql_types::Text, _>(tenant.org_id().to_string())
        .execute(conn)?;
    let of_org = webhooks::table.filter(webhooks::org_id.eq(tenant.org_id())).filter(webhooks::removed_at.is_null());
    let there: i64 = of_org.count().get_result(conn)?;
    if there >= most {
        return Err(Error::TooManyWebhooks);
    }
    let webhook_id = WebhookId::generate();
    diesel::insert_into(webhooks::table)
        .values((
            webhooks::org_id.eq(tenant.org_id()),
            webhooks::webhook_id.eq(webhook_id),
            webhooks::url.eq(wanted.url.as_str()),
            webhooks::description.eq(&wanted.description),
            webhooks::event_types.eq(types(wanted)),
            webhooks::enabled.eq(wanted.enabled),
            webhooks::off_reason.eq(off_reason(wanted)),
            webhooks::created_by.eq(by),
            webhooks::created_at.eq(now.to_diesel()),
            webhooks::updated_at.eq(now.to_diesel()),
        ))
        .execute(conn)?;
    Ok(find(conn, tenant, webhook_id)?)
}

/// Changes one, if it is still as the caller knows it. Switched on or led elsewhere it begins anew; what was
/// queued before it was switched on or off is given up: some now, the rest in portions.
pub fn replace(
    conn: &mut PgConnection,
    tenant: &Tenant,
    webhook_id: WebhookId,
    if_match: IfMatch,
    wanted: &Wanted,
    now: Timestamp,
) -> Result<Webhook, Error> {
    let before = lock(conn, tenant, webhook_id)?;
    if_match.required()?;
    if_match.check(before.version)?;
    let reason = match (wanted.enabled, before.off_reason.as_deref()) {
        (false, Some(reason)) => Some(reason),
        _ => off_reason(wanted),
    };
    let of_webhook = webhooks::table.find((tenant.org_id(), webhook_id));
    diesel::update(of_webhook)
        .set((
            webhooks::url.eq(wanted.url.as_str()),
            webhooks::description.eq(&wanted.description),
            webhooks::event_types.eq(types(wanted)),
            webhooks::enabled.eq(wanted.enabled),
            webhooks::off_reason.eq(reason),
            webhooks::version.eq(before.version + 1),
            webhooks::updated_at.eq(now.to_diesel()),
        ))
        .execute(conn)?;
    if wanted.enabled && (!before.enabled || before.url != wanted.url.as_str()) {
        let fresh = (
            webhooks::failing_since.eq(None::<jiff_diesel::Timestamp>),
            webhooks::last_failed_at.eq(None::<jiff_diesel::Timestamp>),
            webhooks::failures.eq(0),
            webhooks::paused_until.eq(None::<jiff_diesel::Timestamp>),
        );
        diesel::update(of_webhook).set(fresh).execute(conn)?;
    }
    if wanted.enabled && !before.enabled {
        diesel::update(of_webhook).set(webhooks::era.eq(webhooks::era + 1)).execute(conn)?;
    }
    if wanted.enabled != before.enabled {
        over::give_up(conn, Some(webhook_id), now, over::AT_ONCE)?;
    }
    Ok(find(conn, tenant, webhook_id)?)
}

/// Switches one off because of how it answers.
pub fn switch_off(
    conn: &mut PgConnection,
    tenant: &Tenant,
    webhook_id: WebhookId,
    reason: &str,
    now: Timestamp,
) -> Result<(), Fault> {
    diesel::update(webhooks::table.find((tenant.org_id(), webhook_id)))
        .set((
            webhooks::enabled.eq(false),
            webhooks::off_reason.eq(Some(reason)),
            webhooks::version.eq(webhooks::version + 1),
            webhooks::updated_at.eq(now.to_diesel()),
        ))
        .execute(conn)?;
    over::give_up(conn, Some(webhook_id), now, over::AT_ONCE)?;
    Ok(())
}

/// Removes one: its secrets at once, its deliveries in portions, and then itself.
pub fn remove(
    conn: &mut PgConnection,
    tenant: &Tenant,
    webhook_id: WebhookId,
    if_match: IfMatch,
    now: Timestamp,
) -> Result<(), Error> {
    let before = lock(conn, tenant, webhook_id)?;
    if_match.check(before.version)?;
    diesel::update(webhooks::table.find((tenant.org_id(), webhook_id)))
        .set((
            webhooks::enabled.eq(false),
            webhooks::off_reason.eq(Some("by_hand")),
            webhooks::removed_at.eq(Some(now.to_diesel())),
        ))
        .execute(conn)?;
    let of_webhook = webhook_secrets::table
        .filter(webhook_secrets::org_id.eq(tenant.org_id()))
        .filter(webhook_secrets::webhook_id.eq(webhook_id));
    diesel::delete(of_webhook).execute(conn)?;
    Ok(())
}
