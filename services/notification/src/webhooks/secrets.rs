//! Secrets of webhooks in the database, sealed.

use super::signature::Secret;
use crate::error::Error;
use crate::schema::webhook_secrets as table;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use jiff::{SignedDuration, Timestamp};
use jiff_diesel::ToDiesel as _;
use rollcall_common::fault::Fault;
use rollcall_common::seal::SealingKey;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{OrgId, WebhookId};
use rollcall_notification_api::webhooks::{WebhookSecret, WebhookSecrets};

/// Secrets that sign at a time: each is a signature on every message.
const MOST: usize = 5;

/// What a secret is sealed under, so that it opens for no other webhook.
fn name(webhook_id: WebhookId) -> String {
    format!("secret of webhook {webhook_id}")
}

/// The secrets that sign at `now`, the one in force first, with the time they end.
pub fn of_webhook(
    conn: &mut PgConnection,
    org_id: OrgId,
    webhook_id: WebhookId,
    sealing: &SealingKey,
    now: Timestamp,
) -> Result<Vec<(Secret, Option<Timestamp>)>, Fault> {
    let rows: Vec<(Vec<u8>, jiff_diesel::NullableTimestamp)> = table::table
        .filter(table::org_id.eq(org_id))
        .filter(table::webhook_id.eq(webhook_id))
        .filter(table::valid_until.is_null().or(table::valid_until.gt(Some(now.to_diesel()))))
        .order(table::number.desc())
        .select((table::sealed_secret, table::valid_until))
        .load(conn)?;
    rows.into_iter()
        .map(|(sealed, until)| {
            let opened = sealing.open(&name(webhook_id), &sealed).map_err(Fault::internal)?;
            let secret = Secret::of_bytes(opened)
                .ok_or_else(|| Fault::internal(anyhow::anyhow!("a stored secret has a wrong length")))?;
            Ok((secret, until.to_jiff()))
        })
        .collect()
}

/// The same, as they are shown.
pub fn shown(
    conn: &mut PgConnection,
    tenant: &Tenant,
    webhook_id: WebhookId,
    sealing: &SealingKey,
    now: Timestamp,
) -> Result<WebhookSecrets, Fault> {
    let secrets = of_webhook(conn, tenant.org_id(), webhook_id, sealing, now)?;
    let show = |(secret, valid_until): (Secret, _)| WebhookSecret { secret: secret.shown(), valid_until };
    Ok(WebhookSecrets { items: secrets.into_iter().map(show).collect() })
}

/// Puts `secret` in force; the one before signs beside it for `overlap`. Whoever calls holds the webhook's row.
pub fn put(
    conn: &mut PgConnection,
    tenant: &Tenant,
    webhook_id: WebhookId,
    sealing: &SealingKey,
    secret: &Secret,
    overlap: SignedDuration,
    now: Timestamp,
) -> Result<(), Error> {
    let of_webhook = || table::table.filter(table::org_id.eq(tenant.org_id())).filter(table::webhook_id.eq(webhook_id));
    let over = table::valid_until.le(Some(now.to_diesel()));
    diesel::delete(of_webhook().filter(over)).execute(conn)?;
    let until = now.checked_add(overlap).map_err(Fault::internal)?;
    // One that ends at once ends all before it too: it was given away.
    if overlap.is_zero() {
        diesel::delete(of_webhook().filter(table::valid_until.is_not_null())).execute(conn)?;
    }
    diesel::update(of_webhook().filter(table::valid_until.is_null()))
        .set(table::valid_until.eq(Some(until.to_diesel())))
        .execute(conn)?;
    let numbers: Vec<i32> = of_webhook().select(table::number).load(conn)?;
    if numbers.len() >= MOST {
        return Err(Error::TooManySecrets);
    }
    let sealed = sealing.seal(&name(webhook_id), secret.bytes()).map_err(Fault::internal)?;
    diesel::insert_into(table::table)
        .values((
            table::org_id.eq(tenant.org_id()),
            table::webhook_id.eq(webhook_id),
            table::number.eq(numbers.into_iter().max().unwrap_or(0) + 1),
            table::sealed_secret.eq(sealed),
            table::created_at.eq(now.to_diesel()),
        ))
        .execute(conn)?;
    Ok(())
}
