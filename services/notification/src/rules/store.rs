//! Events that wait until what they need is known.

use crate::schema::deferred_events;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Int4, Jsonb, Timestamptz, Uuid};
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
    /// Its place in the order of arrival.
    #[diesel(sql_type = BigInt)]
    pub position: i64,
    /// The event as it came.
    #[diesel(sql_type = Jsonb)]
    pub event: serde_json::Value,
    /// How often it was tried, this time included.
    #[diesel(sql_type = Int4)]
    pub attempts: i32,
    /// Until when nobody else takes it.
    #[diesel(sql_type = Timestamptz, deserialize_as = jiff_diesel::Timestamp)]
    pub next_attempt_at: Timestamp,
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

/// Takes at most `most` events that are due, of any organisation, in the order they came; nobody else gets them for as long as `lease`.
pub fn claim(
    conn: &mut PgConnection,
    now: Timestamp,
    lease: SignedDuration,
    most: i64,
) -> Result<Vec<Deferred>, Fault> {
    const STATEMENT: &str = "
        UPDATE deferred_events d SET attempts = d.attempts + 1, next_attempt_at = $2
        FROM (
            SELECT org_id, event_id FROM deferred_events
            WHERE next_attempt_at <= $1 ORDER BY next_attempt_at, position LIMIT $3 FOR UPDATE SKIP LOCKED
        ) due
        WHERE d.org_id = due.org_id AND d.event_id = due.event_id
        RETURNING d.org_id, d.event_id, d.position, d.event, d.attempts, d.next_attempt_at";
    diesel::sql_query("SELECT set_config('app.task', 'deferred_events', true)").execute(conn)?;
    let until = now.checked_add(lease).map_err(Fault::internal)?;
    let mut claimed: Vec<Deferred> = diesel::sql_query(STATEMENT)
        .bind::<Timestamptz, _>(now.to_diesel())
        .bind::<Timestamptz, _>(until.to_diesel())
        .bind::<BigInt, _>(most)
        .load(conn)?;
    // What an UPDATE returns has no order.
    claimed.sort_unstable_by_key(|deferred| deferred.position);
    Ok(claimed)
}

/// Whether an event of the organisation is about to be told for the first time: one that comes now goes behind it,
/// so that messages keep their order. One that was tried in vain holds nobody back.
pub fn has_queue(conn: &mut PgConnection, tenant: &Tenant) -> QueryResult<bool> {
    let ahead = deferred_events::table
        .filter(deferred_events::org_id.eq(tenant.org_id()))
        .filter(deferred_events::attempts.le(1));
    diesel::select(diesel::dsl::exists(ahead)).get_result(conn)
}

/// Forgets an event: its messages are stored by the same transaction.
pub fn forget(conn: &mut PgConnection, tenant: &Tenant, event_id: EventId) -> QueryResult<()> {
    diesel::delete(deferred_events::table.find((tenant.org_id(), event_id))).execute(conn).map(drop)
}

/// Puts an event off, unless a fact that came in the meantime made it due at once.
pub fn put_off(conn: &mut PgConnection, tenant: &Tenant, deferred: &Lease, until: Timestamp) -> QueryResult<()> {
    diesel::update(deferred_events::table.find((tenant.org_id(), deferred.event_id)))
        .filter(deferred_events::next_attempt_at.eq(deferred.until.to_diesel()))
        .set(deferred_events::next_attempt_at.eq(until.to_diesel()))
        .execute(conn)
        .map(drop)
}

/// Which event somebody took, and until when.
#[derive(Clone, Copy, Debug)]
pub struct Lease {
    /// The event.
    pub event_id: EventId,
    /// Until when nobody else takes it.
    pub until: Timestamp,
}

/// A fact of the organisation came in: whatever waits there is tried at once. True: something waits.
pub fn hurry(conn: &mut PgConnection, tenant: &Tenant, now: Timestamp) -> QueryResult<bool> {
    diesel::update(deferred_events::table.filter(deferred_events::org_id.eq(tenant.org_id())))
        .set(deferred_events::next_attempt_at.eq(now.to_diesel()))
        .execute(conn)
        .map(|rows| rows > 0)
}
