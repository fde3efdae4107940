//! Events that wait until what they need is known.

use crate::schema::deferred_events;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Int4, Jsonb, Timestamptz, Uuid};
use jiff::{SignedDuration, Timestamp};
use jiff_diesel::ToDiesel as _;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{EventId, OrgId};

/// An event that waits.
#[derive(QueryableByName)]
pub struct Deferred {
    /// Whose.
    #[diesel(sql_type = Uuid)]
    pub org_id: OrgId,
    /// Its id.
    #[diesel(sql_type = Uuid)]
    pub event_id: EventId,
    /// The event as it came.
    #[diesel(sql_type = Jsonb)]
    pub event: serde_json::Value,
    /// How often it was tried, this time included.
    #[diesel(sql_type = Int4)]
    pub attempts: i32,
    /// Until when nobody else takes it.
    #[diesel(sql_type = Timestamptz, deserialize_as = jiff_diesel::Timestamp)]
    pub leased_until: Timestamp,
}

/// Keeps an event, due at once.
pub fn defer(
    conn: &mut PgConnection,
    tenant: &Tenant,
    event_id: EventId,
    event: serde_json::Value,
    now: Timestamp,
) -> QueryResult<()> {
    diesel::insert_into(deferred_events::table)
        .values((
            deferred_events::org_id.eq(tenant.org_id()),
            deferred_events::event_id.eq(event_id),
            deferred_events::event.eq(event),
            deferred_events::next_attempt_at.eq(now.to_diesel()),
            deferred_events::created_at.eq(now.to_diesel()),
        ))
        .on_conflict_do_nothing()
        .execute(conn)
        .map(drop)
}

/// Takes an event that is due: the first of its organisation, and only while none of that organisation is held.
/// Nobody else gets it, or the next, for as long as `lease`.
pub fn claim(conn: &mut PgConnection, now: Timestamp, lease: SignedDuration) -> Result<Option<Deferred>, Fault> {
    // That it is due again when the lease ends is what releases before this one go by.
    const STATEMENT: &str = "
        UPDATE deferred_events d SET attempts = d.attempts + 1, next_attempt_at = $2, leased_until = $2
        FROM (
            SELECT org_id, event_id FROM deferred_events first
            WHERE next_attempt_at <= $1 AND (leased_until IS NULL OR leased_until <= $1)
            AND NOT EXISTS (
                SELECT 1 FROM deferred_events held
                WHERE held.org_id = first.org_id AND held.leased_until > $1)
            AND NOT EXISTS (
                SELECT 1 FROM deferred_events earlier
                WHERE earlier.org_id = first.org_id AND earlier.position < first.position
                AND earlier.next_attempt_at <= $1)
            ORDER BY next_attempt_at, position LIMIT 1 FOR UPDATE SKIP LOCKED
        ) due
        WHERE d.org_id = due.org_id AND d.event_id = due.event_id
        RETURNING d.org_id, d.event_id, d.event, d.attempts, d.leased_until";
    diesel::sql_query("SELECT set_config('app.task', 'deferred_events', true)").execute(conn)?;
    let until = now.checked_add(lease).map_err(Fault::internal)?;
    Ok(diesel::sql_query(STATEMENT)
        .bind::<Timestamptz, _>(now.to_diesel())
        .bind::<Timestamptz, _>(until.to_diesel())
        .get_result(conn)
        .optional()?)
}

/// Whether an event of the organisation is about to be told for the first time: one that comes now goes behind it,
/// so that messages keep their order. One that was tried in vain holds nobody back.
pub fn has_queue(conn: &mut PgConnection, tenant: &Tenant, now: Timestamp) -> QueryResult<bool> {
    let first_try = deferred_events::attempts.eq(1).and(deferred_events::leased_until.gt(now.to_diesel()));
    let ahead = deferred_events::table
        .filter(deferred_events::org_id.eq(tenant.org_id()))
        .filter(deferred_events::attempts.eq(0).or(first_try.assume_not_null()));
    diesel::select(diesel::dsl::exists(ahead)).get_result(conn)
}

/// Forgets an event: its messages are stored by the same transaction.
pub fn forget(conn: &mut PgConnection, tenant: &Tenant, event_id: EventId) -> QueryResult<()> {
    diesel::delete(deferred_events::table.find((tenant.org_id(), event_id))).execute(conn).map(drop)
}

/// Lets go of an event that was not told: it is due again at `until`, unless a fact that came in the meantime made it
/// due at once. One that was not really `tried` counts as it did before.
pub fn let_go(
    conn: &mut PgConnection,
    tenant: &Tenant,
    held: &Deferred,
    until: Timestamp,
    tried: bool,
) -> QueryResult<()> {
    const STATEMENT: &str = "
        UPDATE deferred_events SET leased_until = NULL, attempts = attempts - $5,
            next_attempt_at = CASE WHEN next_attempt_at = leased_until THEN $4 ELSE next_attempt_at END
        WHERE org_id = $1 AND event_id = $2 AND leased_until = $3";
    diesel::sql_query(STATEMENT)
        .bind::<Uuid, _>(tenant.org_id())
        .bind::<Uuid, _>(held.event_id)
        .bind::<Timestamptz, _>(held.leased_until.to_diesel())
        .bind::<Timestamptz, _>(until.to_diesel())
        .bind::<Int4, _>(i32::from(!tried))
        .execute(conn)
        .map(drop)
}

/// A fact of the organisation came in: whatever waits there is tried at once. True: something waits.
pub fn hurry(conn: &mut PgConnection, tenant: &Tenant, now: Timestamp) -> QueryResult<bool> {
    diesel::update(deferred_events::table.filter(deferred_events::org_id.eq(tenant.org_id())))
        .set(deferred_events::next_attempt_at.eq(now.to_diesel()))
        .execute(conn)
        .map(|rows| rows > 0)
}
