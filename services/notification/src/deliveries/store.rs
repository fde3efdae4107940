//! Deliveries of all channels, over all organisations. Each channel has a table; what they have in common is here.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Double, Int4, Jsonb, Nullable, Text, Timestamptz, Uuid};
use jiff::Timestamp;
use jiff_diesel::{NullableTimestamp, ToDiesel as _};
use serde::Serialize;
use uuid::Uuid as Id;

/// A way to the outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// Mail.
    Mail,
    /// Webhooks.
    Webhook,
}

impl Channel {
    /// Every channel.
    pub const ALL: [Self; 2] = [Self::Mail, Self::Webhook];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Webhook => "webhook",
        }
    }

    const fn table(self) -> &'static str {
        match self {
            Self::Mail => "mail_deliveries",
            Self::Webhook => "webhook_deliveries",
        }
    }

    /// What the worker of the channel says it is, for row-level security.
    const fn task(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Webhook => "webhooks",
        }
    }

    /// Its table, and what is told of a row: of what kind it is, and where it goes.
    const fn source(self) -> &'static str {
        match self {
            Self::Mail => {
                "(SELECT delivery_id, org_id, event_id, kind, state, attempts, last_error, next_attempt_at, leased_until,
                    created_at, finished_at,
                    jsonb_build_object('recipient', recipient, 'language', language) AS details
                  FROM mail_deliveries)"
            }
            Self::Webhook => {
                "(SELECT delivery_id, org_id, event_id, event_type AS kind, state, attempts, last_error,
                    next_attempt_at, leased_until, created_at, finished_at,
                    jsonb_build_object('webhook_id', webhook_id, 'request', request, 'answer', answer,
                        'payload', payload) AS details
                  FROM webhook_deliveries)"
            }
        }
    }
}

/// A delivery, whatever its channel.
#[derive(Clone, Debug, QueryableByName, Serialize)]
pub struct Delivery {
    /// Its channel.
    #[diesel(sql_type = Text)]
    pub channel: String,
    /// Its id.
    #[diesel(sql_type = Uuid)]
    pub delivery_id: Id,
    /// Whose; none: it is about an account.
    #[diesel(sql_type = Nullable<Uuid>)]
    pub org_id: Option<Id>,
    /// The event.
    #[diesel(sql_type = Uuid)]
    pub event_id: Id,
    /// Template of a mail, type of an event.
    #[diesel(sql_type = Text)]
    pub kind: String,
    /// Its state.
    #[diesel(sql_type = Text)]
    pub state: String,
    /// How often it was tried.
    #[diesel(sql_type = Int4)]
    pub attempts: i32,
    /// Why the last attempt failed.
    #[diesel(sql_type = Nullable<Text>)]
    pub reason: Option<String>,
    /// When it was owed.
    #[diesel(sql_type = Timestamptz, deserialize_as = jiff_diesel::Timestamp)]
    pub created_at: Timestamp,
    /// When it was sent or given up.
    #[diesel(sql_type = Nullable<Timestamptz>, deserialize_as = NullableTimestamp)]
    pub finished_at: Option<Timestamp>,
    /// What only its channel has; empty in lists.
    #[diesel(sql_type = Jsonb)]
    pub details: serde_json::Value,
}

/// Works for every organisation, on one channel, until the transaction ends or another channel is next.
fn work_on(conn: &mut PgConnection, channel: Channel) -> QueryResult<()> {
    diesel::sql_query("SELECT set_config('app.task', $1, true)").bind::<Text, _>(channel.task()).execute(conn).map(drop)
}

fn select(channel: Channel, details: &str, rest: &str) -> String {
    let (source, name) = (channel.source(), channel.as_str());
    format!(
        "SELECT '{name}' AS channel, delivery_id, org_id, event_id, kind, state, attempts, last_error AS reason,
            created_at, finished_at, {details} AS details FROM {source} d {rest}"
    )
}

/// Deliveries of a channel in a state, oldest first.
pub fn list(conn: &mut PgConnection, channel: Channel, state: &str, most: i64) -> QueryResult<Vec<Delivery>> {
    work_on(conn, channel)?;
    let rest = "WHERE state = $1 ORDER BY created_at, delivery_id LIMIT $2";
    diesel::sql_query(select(channel, "'{}'::jsonb", rest)).bind::<Text, _>(state).bind::<BigInt, _>(most).load(conn)
}

/// One delivery, with what only its channel has.
pub fn find(conn: &mut PgConnection, channel: Channel, delivery_id: Id) -> QueryResult<Option<Delivery>> {
    work_on(conn, channel)?;
    diesel::sql_query(select(channel, "details", "WHERE delivery_id = $1"))
        .bind::<Uuid, _>(delivery_id)
        .get_result(conn)
        .optional()
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// How many deliveries of a channel are in a state.
pub fn count(conn: &mut PgConnection, channel: Channel, state: &str) -> QueryResult<i64> {
    work_on(conn, channel)?;
    let statement = format!("SELECT count(*) AS count FROM {} d WHERE state = $1", channel.source());
    diesel::sql_query(statement).bind::<Text, _>(state).get_result(conn).map(|row: Count| row.count)
}

/// A given-up delivery; a list of them goes by this.
#[derive(Clone, Copy, Debug, QueryableByName)]
pub struct Dead {
    #[diesel(sql_type = Timestamptz, deserialize_as = jiff_diesel::Timestamp)]
    created_at: Timestamp,
    /// Its id.
    #[diesel(sql_type = Uuid)]
    pub delivery_id: Id,
}

/// The next given-up deliveries of a channel, oldest first, at most so many.
pub fn dead_after(conn: &mut PgConnection, channel: Channel, after: Option<Dead>, most: i64) -> QueryResult<Vec<Dead>> {
    work_on(conn, channel)?;
    let statement = format!(
        "SELECT created_at, delivery_id FROM {} WHERE state = 'dead'
            AND ($1 IS NULL OR created_at >= $1 AND (created_at, delivery_id) > ($1, $2))
         ORDER BY created_at, delivery_id LIMIT $3",
        channel.table()
    );
    diesel::sql_query(statement)
        .bind::<Nullable<Timestamptz>, _>(after.map(|after| after.created_at.to_diesel()))
        .bind::<Nullable<Uuid>, _>(after.map(|after| after.delivery_id))
        .bind::<BigInt, _>(most)
        .load(conn)
}

/// Makes given-up deliveries due at once, as if they were new. Answers their ids. One to a webhook that is off stays as it
/// is.
pub fn replay(conn: &mut PgConnection, channel: Channel, ids: &[Id], now: Timestamp) -> QueryResult<Vec<Id>> {
    #[derive(QueryableByName)]
    struct Replayed {
        #[diesel(sql_type = Uuid)]
        delivery_id: Id,
    }
    const FRESH: &str = "state = 'queued', attempts = 0, next_attempt_at = $1, leased_until = NULL, finished_at = NULL";
    const THESE: &str = "d.state = 'dead' AND d.delivery_id = ANY($2)";
    work_on(conn, channel)?;
    let statement = match channel {
        Channel::Mail => format!("UPDATE mail_deliveries d SET {FRESH} WHERE {THESE} RETURNING d.delivery_id"),
        Channel::Webhook => format!(
            "UPDATE webhook_deliveries d SET {FRESH}, era = w.era FROM webhooks w
             WHERE {THESE} AND w.org_id = d.org_id AND w.webhook_id = d.webhook_id AND w.enabled
                AND w.removed_at IS NULL
             RETURNING d.delivery_id"
        ),
    };
    let replayed: Vec<Replayed> =
        diesel::sql_query(statement).bind::<Timestamptz, _>(now.to_diesel()).bind::<Array<Uuid>, _>(ids).load(conn)?;
    Ok(replayed.into_iter().map(|row| row.delivery_id).collect())
}

/// How much of a channel is due and not sent.
#[derive(Clone, Copy, Debug, PartialEq, QueryableByName)]
pub struct Queue {
    /// How many.
    #[diesel(sql_type = BigInt)]
    pub depth: i64,
    /// For how many seconds the oldest has been due.
    #[diesel(sql_type = Double)]
    pub age_seconds: f64,
}

/// What of a channel is due.
pub fn queue(conn: &mut PgConnection, channel: Channel, now: Timestamp) -> QueryResult<Queue> {
    work_on(conn, channel)?;
    let statement = format!(
        "SELECT count(*) AS depth,
            coalesce(extract(epoch FROM $1 - min(next_attempt_at)), 0)::double precision AS age_seconds
         FROM {} d WHERE state = 'queued' AND next_attempt_at <= $1",
        channel.source()
    );
    diesel::sql_query(statement).bind::<Timestamptz, _>(now.to_diesel()).get_result(conn)
}

/// Drops what was owed before `before` and is over, at most so many rows; says how many.
pub fn prune(conn: &mut PgConnection, channel: Channel, before: Timestamp, most: i64) -> QueryResult<usize> {
    work_on(conn, channel)?;
    let table = channel.table();
    diesel::sql_query(format!(
        "DELETE FROM {table} WHERE ctid IN (
            SELECT ctid FROM {table} WHERE state <> 'queued' AND created_at < $1
            ORDER BY created_at LIMIT $2)"
    ))
    .bind::<Timestamptz, _>(before.to_diesel())
    .bind::<BigInt, _>(most)
    .execute(conn)
}
