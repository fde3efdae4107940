//! What is still to be told: for operators, who look at it and send it again, and for the metrics.

use super::REMEMBER;
use crate::db::{Database, Unscoped};
use crate::fault::Fault;
use crate::schema::{consumed_events as consumed, outbox, outbox_deliveries as deliveries};
use crate::server::Core;
use crate::settings::TypePrefixes;
use diesel::dsl::{exists, not};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz};
use jiff::{SignedDuration, Timestamp};
use jiff_diesel::ToDiesel as _;
use rollcall_ids::{EventId, OrgId};
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;

/// Between two looks at how much waits.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Rows forgotten by one statement: within its time however many there are.
pub(crate) const FORGET: i64 = 10_000;

/// A delivery that has not been taken, with what it is about.
#[derive(Debug, Serialize)]
pub struct Letter {
    /// The event.
    pub event_id: EventId,
    /// Who has not taken it.
    pub subscriber: String,
    /// `pending`, or `dead`: nobody tries any more.
    pub state: String,
    /// How often it was refused.
    pub attempts: i32,
    /// Why, the last time.
    pub last_error: Option<String>,
    /// When it is tried again.
    pub next_attempt_at: Timestamp,
    /// Its type.
    pub kind: String,
    /// Id of what it is about.
    pub subject: String,
    /// The organisation it happened in.
    pub org_id: Option<OrgId>,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// What its type says; in a list it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<serde_json::Value>,
}

/// Which letters.
#[derive(Clone, Debug, Default)]
pub struct Which {
    /// Those of this event alone.
    pub event_id: Option<EventId>,
    /// Those to this subscriber alone.
    pub subscriber: Option<String>,
    /// Those in this state alone.
    pub state: Option<String>,
    /// So many at most; all, when absent.
    pub limit: Option<i64>,
}

/// The letters, oldest first.
pub fn list(conn: &mut PgConnection, which: &Which) -> Result<Vec<Letter>, Fault> {
    type Row = (
        (EventId, String, String, i32, Option<String>, jiff_diesel::Timestamp),
        (String, String, Option<OrgId>, jiff_diesel::Timestamp, serde_json::Value),
    );
    let mut query = deliveries::table
        .inner_join(outbox::table)
        .order((deliveries::position, deliveries::subscriber))
        .limit(which.limit.unwrap_or(i64::MAX))
        .select((
            (
                deliveries::event_id,
                deliveries::subscriber,
                deliveries::state,
                deliveries::attempts,
                deliveries::last_error,
                deliveries::next_attempt_at,
            ),
            (outbox::kind, outbox::subject, outbox::org_id, outbox::occurred_at, outbox::data),
        ))
        .into_boxed();
    if let Some(event_id) = which.event_id {
        query = query.filter(deliveries::event_id.eq(event_id));
    }
    if let Some(subscriber) = &which.subscriber {
        query = query.filter(deliveries::subscriber.eq(subscriber));
    }
    if let Some(state) = &which.state {
        query = query.filter(deliveries::state.eq(state));
    }
    let letter = |(delivery, event): Row| {
        let (event_id, subscriber, state, attempts, last_error, next_attempt_at) = delivery;
        let (kind, subject, org_id, occurred_at, data) = event;
        Letter {
            event_id,
            subscriber,
            state,
            attempts,
            last_error,
            next_attempt_at: next_attempt_at.to_jiff(),
            kind,
            subject,
            org_id,
            occurred_at: occurred_at.to_jiff(),
            data: Some(data),
        }
    };
    Ok(query.load::<Row>(conn)?.into_iter().map(letter).collect())
}

/// Has dead letters tried again at once, as if they never had been; says how many.
pub fn replay(conn: &mut PgConnection, which: &Which, now: Timestamp) -> Result<usize, Fault> {
    let mut query = diesel::update(deliveries::table.filter(deliveries::state.eq("dead")))
        .set((
            deliveries::state.eq("pending"),
            deliveries::attempts.eq(0),
            deliveries::next_attempt_at.eq(now.to_diesel()),
            deliveries::leased_until.eq(None::<jiff_diesel::Timestamp>),
        ))
        .into_boxed();
    if let Some(event_id) = which.event_id {
        query = query.filter(deliveries::event_id.eq(event_id));
    }
    if let Some(subscriber) = &which.subscriber {
        query = query.filter(deliveries::subscriber.eq(subscriber.clone()));
    }
    Ok(query.execute(conn)?)
}

/// Gives dead letters up for good; says how many. The event is kept as long as any other, unless it is one of the types
/// `secret` and nobody else is to be told of it.
pub fn discard(conn: &mut PgConnection, which: &Which, secret: &[&str]) -> Result<usize, Fault> {
    let mut query = diesel::delete(deliveries::table.filter(deliveries::state.eq("dead"))).into_boxed();
    if let Some(event_id) = which.event_id {
        query = query.filter(deliveries::event_id.eq(event_id));
    }
    if let Some(subscriber) = &which.subscriber {
        query = query.filter(deliveries::subscriber.eq(subscriber.clone()));
    }
    let discarded: Vec<EventId> = query.returning(deliveries::event_id).load(conn)?;
    forget_secrets(conn, &discarded, secret)?;
    Ok(discarded.len())
}

/// Removes those of the events that are of the types `secret` and that nobody is to be told of any more.
pub(super) fn forget_secrets(conn: &mut PgConnection, events: &[EventId], secret: &[&str]) -> Result<(), Fault> {
    // Held, and in one order: of two subscribers that took the same events side by side the second one to come here sees
    // that the other's delivery is gone.
    let held = outbox::table
        .filter(outbox::event_id.eq_any(events))
        .filter(outbox::kind.eq_any(secret))
        .select(outbox::event_id)
        .order(outbox::event_id)
        .for_update();
    let held: Vec<EventId> = held.load(conn)?;
    let left = deliveries::table.filter(deliveries::event_id.eq(outbox::event_id));
    let over = outbox::table.filter(outbox::event_id.eq_any(held)).filter(not(exists(left)));
    diesel::delete(over).execute(conn)?;
    Ok(())
}

#[derive(QueryableByName)]
struct Backlog {
    #[diesel(sql_type = Text)]
    subscriber: String,
    #[diesel(sql_type = BigInt)]
    pending: i64,
    #[diesel(sql_type = BigInt)]
    dead: i64,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    oldest: Option<jiff_diesel::Timestamp>,
}

/// Tells the metrics how much waits for whom, and since when; for ever.
pub(crate) async fn report(core: Core) {
    loop {
        if let Err(error) = report_once(&core).await {
            tracing::debug!(error = crate::problem::chain(&error), "how many events wait is not known");
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn report_once(core: &Core) -> Result<(), Fault> {
    let found: Vec<Backlog> = core
        .db
        .transaction(Unscoped, |conn| {
            let query = diesel::sql_query(
                "WITH waiting AS (
                     SELECT subscriber, count(*) FILTER (WHERE state = 'pending') AS pending,
                            count(*) FILTER (WHERE state = 'dead') AS dead,
                            min(position) FILTER (WHERE state = 'pending') AS first
                     FROM outbox_deliveries GROUP BY subscriber
                 )
                 SELECT subscriber, pending, dead, occurred_at AS oldest
                 FROM waiting LEFT JOIN outbox ON position = first",
            );
            Ok::<_, Fault>(query.load(conn)?)
        })
        .await?;
    let now = core.clock.now();
    for subscriber in core.base.events.subscribers.keys() {
        let of = found.iter().find(|backlog| backlog.subscriber == *subscriber);
        let age = of.and_then(|of| of.oldest).map_or(0.0, |oldest| now.duration_since(oldest.to_jiff()).as_secs_f64());
        let count = |number: Option<i64>| f64::from(u32::try_from(number.unwrap_or(0)).unwrap_or(u32::MAX));
        let labels = [("subscriber", subscriber.clone())];
        metrics::gauge!("event_deliveries_pending", &labels).set(count(of.map(|of| of.pending)));
        metrics::gauge!("event_deliveries_dead", &labels).set(count(of.map(|of| of.dead)));
        metrics::gauge!("event_delivery_lag_seconds", &labels).set(age.max(0.0));
    }
    Ok(())
}

/// Sends a subscriber everything again that is kept, that it wants and that does not wait for it anyway: it was put back
/// to an older state. What it had, it takes for the same. What is of the types `secret` is kept only while somebody is to
/// be told of it, and is not sent again. Says how many.
pub fn resend(
    conn: &mut PgConnection,
    (subscriber, wants): (&str, &TypePrefixes),
    secret: &[&str],
    now: Timestamp,
) -> Result<usize, Fault> {
    let again = diesel::sql_query(
        "INSERT INTO outbox_deliveries (subscriber, event_id, position, next_attempt_at)
         SELECT $1, event_id, position, $2 FROM outbox
         WHERE EXISTS (SELECT FROM unnest($3) AS prefix WHERE starts_with(kind, prefix)) AND kind <> ALL ($4)
         ORDER BY position
         ON CONFLICT DO NOTHING",
    );
    Ok(again
        .bind::<Text, _>(subscriber)
        .bind::<Timestamptz, _>(now.to_diesel())
        .bind::<Array<Text>, _>(&wants.0)
        .bind::<Array<Text>, _>(secret)
        .execute(conn)?)
}

/// Removes events that everybody has taken and that are older than `kept`; says how many. Those of the types `secret` that
/// are still there were left by a release that kept them: they go whatever their age.
pub(crate) async fn forget_taken(
    db: &Database,
    now: Timestamp,
    kept: SignedDuration,
    secret: Arc<[&'static str]>,
) -> Result<usize, Fault> {
    let limit = (now - kept).to_diesel();
    in_steps(db, move |conn| {
        let left = deliveries::table.filter(deliveries::event_id.eq(outbox::event_id));
        // By position: the oldest are first, whatever else there is.
        let taken = outbox::table
            .filter(outbox::occurred_at.lt(limit).or(outbox::kind.eq_any(secret.iter().copied())))
            .filter(not(exists(left)))
            .select(outbox::event_id)
            .order(outbox::position)
            .limit(FORGET);
        let taken: Vec<EventId> = taken.load(conn)?;
        Ok(diesel::delete(outbox::table.filter(outbox::event_id.eq_any(taken))).execute(conn)?)
    })
    .await
}

/// Forgets ids that no sender can send any more; says how many.
pub(crate) async fn forget_old(db: &Database, now: Timestamp) -> Result<usize, Fault> {
    let limit = (now - REMEMBER).to_diesel();
    in_steps(db, move |conn| {
        let old = consumed::table
            .filter(consumed::consumed_at.lt(limit))
            .select(consumed::event_id)
            .order(consumed::consumed_at)
            .limit(FORGET);
        let old: Vec<EventId> = old.load(conn)?;
        let forgotten = consumed::table.filter(consumed::event_id.eq_any(old)).filter(consumed::consumed_at.lt(limit));
        Ok(diesel::delete(forgotten).execute(conn)?)
    })
    .await
}

/// Repeats `step`, which removes [`FORGET`] rows at most, each time in a transaction of its own, until it finds less.
pub(crate) async fn in_steps(
    db: &Database,
    step: impl Fn(&mut PgConnection) -> Result<usize, Fault> + Clone + Send + 'static,
) -> Result<usize, Fault> {
    let mut all = 0;
    loop {
        let done = db.transaction(Unscoped, step.clone()).await?;
        all += done;
        if i64::try_from(done).unwrap_or(i64::MAX) < FORGET {
            return Ok(all);
        }
    }
}
