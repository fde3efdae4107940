//! Taking events: `POST /internal/v1/events` of every service but user, which alone has nobody to hear from. That
//! sessions have ended is taken here for all of them.

use super::{BATCH_TYPE, CloudEvent};
use crate::auth::{Revocation, ServiceCaller};
use crate::backfill::Generation;
use crate::db::{self, Scope, Unscoped};
use crate::extract;
use crate::fault::Fault;
use crate::problem::Problem;
use crate::server::Core;
use crate::tenant::Tenant;
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, post, web};
use diesel::connection::SimpleConnection as _;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::sql_types::{Array, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid};
use jiff::Timestamp;
use jiff_diesel::ToDiesel as _;
use rollcall_ids::EventId;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// Bytes of a batch at most: two hundred events, an employee with all assignments being a few kilobytes.
const LIMIT: usize = 4 << 20;
/// Milliseconds that a statement for a single event may take: less than the five seconds that a sender waits, so that
/// it hears what is wrong.
const STATEMENT_MS: u64 = 3_000;

/// What a service does with the events of others.
pub trait EventConsumer: Send + Sync + 'static {
    /// Applies one event, in the transaction that also notes its id, and those of the others of its batch; row-level
    /// security is set to the event's organisation. When one fails none has been applied, and each is tried by itself.
    /// Types that are of no interest are `Ok`. An error is reported to the sender, which tries again
    /// later; [`Fault::Unavailable`] makes it keep the whole batch back.
    fn apply(&self, conn: &mut PgConnection, tenant: Option<&Tenant>, event: &CloudEvent) -> Result<(), Fault>;

    /// Applies several events of one organisation, or of none, that came together, in their order: as [`Self::apply`]
    /// one after the other, for whoever cannot do with fewer statements.
    fn apply_all(&self, conn: &mut PgConnection, tenant: Option<&Tenant>, events: &[&CloudEvent]) -> Result<(), Fault> {
        events.iter().try_for_each(|event| self.apply(conn, tenant, event))
    }

    /// What it keeps of events, for a consumer that keeps a copy of facts: the `GENERATION` of its
    /// [`Source`](crate::backfill::Source). 0: it keeps none.
    fn generation(&self) -> Generation {
        0
    }

    /// Called for each applied event after its transaction has committed: the place to wake somebody.
    fn committed(&self, _event: &CloudEvent) {}
}

/// What became of each event of a batch.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct IntakeVerdicts {
    /// In the order of the batch.
    pub results: Vec<IntakeResult>,
}

/// What became of one event.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct IntakeResult {
    /// The event.
    pub id: EventId,
    /// What became of it.
    #[serde(flatten)]
    pub verdict: IntakeVerdict,
}

/// What became of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum IntakeVerdict {
    /// It had its effect now.
    Applied,
    /// It had had its effect before.
    Duplicate,
    /// It could not be applied; it may be sent again later.
    Failed {
        /// Why: the code of a problem.
        code: String,
    },
}

/// A batch of events.
struct Batch(Vec<CloudEvent>);

impl FromRequest for Batch {
    type Error = Fault;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Fault>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = extract::body_within(LIMIT, request, payload, &[BATCH_TYPE]);
        Box::pin(async move { extract::decode(&body.await?).map(Self) })
    }
}

/// Take a batch of events
///
/// The answer has a verdict for each event; a bad one does not hold back the others.
#[utoipa::path(
    tag = "internal",
    security(("service" = [])),
    request_body(content = Vec<CloudEvent>, content_type = "application/cloudevents-batch+json"),
    responses(
        (status = 200, description = "A verdict for each event", body = IntakeVerdicts),
        (status = 400, description = "Not a batch of events", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No valid service token", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "Over 4 MiB", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "Another media type", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Not now; send again", body = Problem, content_type = "application/problem+json"),
    )
)]
#[post("/internal/v1/events")]
pub(crate) async fn intake(
    service: ServiceCaller,
    batch: Batch,
    core: web::Data<Core>,
    consumer: Option<web::Data<dyn EventConsumer>>,
) -> Result<web::Json<IntakeVerdicts>, Fault> {
    let consumer = consumer.map(web::Data::into_inner);
    let checked: Vec<_> = batch.0.into_iter().map(|event| (event.id, check(&service, event))).collect();
    let good: Vec<_> = checked.iter().filter_map(|(_, checked)| checked.as_ref().ok().cloned()).collect();
    // All of them in one transaction: that is one commit. Only if that fails, each in its own: something may be wrong
    // with one, or what they lock together is locked by others in another order, which one alone does not do. When it
    // is the database that is away, the first one finds that out.
    let (alone, together) = (checked.len() == 1, good.len() != 1);
    let together = if together { take(&core, consumer.as_ref(), good).await.ok() } else { None };
    let mut fresh = together.clone().unwrap_or_default();
    let mut results = Vec::with_capacity(checked.len());
    for (id, incoming) in checked {
        let taken = match incoming {
            Ok(_) if together.is_some() => Ok(fresh.remove(&id)),
            Ok(incoming) => take(&core, consumer.as_ref(), vec![incoming]).await.map(|fresh| !fresh.is_empty()),
            Err(fault) => Err(fault),
        };
        let verdict = match taken {
            Ok(true) => IntakeVerdict::Applied,
            Ok(false) => IntakeVerdict::Duplicate,
            // By itself, and not done in its time: if this were "not now", it would hold up all others for ever.
            Err(fault) if is_not_now(&fault) && !(alone && was_cancelled(&fault)) => return Err(fault),
            Err(fault) => {
                tracing::error!(event_id = %id, error = crate::problem::chain(&fault), "an event could not be applied");
                IntakeVerdict::Failed { code: fault.problem().code.into_owned() }
            }
        };
        results.push(IntakeResult { id, verdict });
    }
    Ok(web::Json(IntakeVerdicts { results }))
}

/// Whether it says nothing of the events, but that this service cannot take any now.
const fn is_not_now(fault: &Fault) -> bool {
    matches!(fault, Fault::Unavailable { .. } | Fault::OutcomeUnknown(_) | Fault::DeadlineExceeded)
}

/// Whether a statement was cancelled because it took too long.
fn was_cancelled(fault: &Fault) -> bool {
    let Fault::Unavailable { source: Some(source), .. } = fault else { return false };
    matches!(
        source.downcast_ref(),
        Some(DieselError::DatabaseError(_, info)) if info.message().contains("due to statement timeout")
    )
}

/// An event whose sender may say it.
struct Incoming {
    event: CloudEvent,
    tenant: Option<Tenant>,
    /// That a session has ended concerns every service, whatever it does with events, and no consumer can spoil it.
    revocation: Option<Revocation>,
}

impl Incoming {
    /// Whether a consumer is given both at once.
    fn goes_with(&self, next: &Self) -> bool {
        self.tenant == next.tenant && self.revocation.is_none() && next.revocation.is_none()
    }
}

fn check(service: &ServiceCaller, event: CloudEvent) -> Result<Arc<Incoming>, Fault> {
    // A service speaks for itself alone: notification cannot make anybody an owner in the eyes of attendance.
    let own_kind = event.kind.split_once('.').is_some_and(|(emitter, _)| emitter == service.name());
    if event.source != format!("/rollcall/{}", service.name()) || !own_kind {
        return Err(Fault::Forbidden);
    }
    let tenant = event.orgid.map(|org_id| Tenant::of_service(service, org_id));
    let revocation = Revocation::of_event(&event)?;
    Ok(Arc::new(Incoming { event, tenant, revocation }))
}

/// Applies events in one transaction; answers which of them had not been applied before.
async fn take(
    core: &Core,
    consumer: Option<&Arc<dyn EventConsumer>>,
    events: Vec<Arc<Incoming>>,
) -> Result<HashSet<EventId>, Fault> {
    if events.is_empty() {
        return Ok(HashSet::new());
    }
    let (now, revocations) = (core.clock.now(), core.revocations.clone());
    let (applying, taking) = (consumer.cloned(), events.clone());
    let statement_ms = core.base.database.statement_timeout_ms;
    let generation = consumer.map(|consumer| consumer.generation()).filter(|generation| *generation > 0);
    let shorter = events.len() == 1 && (statement_ms == 0 || statement_ms > STATEMENT_MS);
    let fresh = core
        .db
        .transaction(Unscoped, move |conn| {
            if shorter {
                conn.batch_execute(&format!("SET LOCAL statement_timeout = {STATEMENT_MS}"))?;
            }
            let fresh = note_ids(conn, &taking, generation, now)?;
            let mut open = fresh.clone();
            let due: Vec<_> = taking.iter().filter(|incoming| open.remove(&incoming.event.id)).collect();
            for run in due.chunk_by(|one, next| one.goes_with(next)) {
                let Some(Incoming { tenant, revocation, .. }) = run.first().map(|first| &***first) else { continue };
                db::enter(conn, &tenant.as_ref().map_or(Scope::Unscoped, Scope::from))?;
                if let Some(revocation) = revocation {
                    revocations.note(conn, revocation)?;
                } else if let Some(consumer) = &applying {
                    let events: Vec<_> = run.iter().map(|incoming| &incoming.event).collect();
                    consumer.apply_all(conn, tenant.as_ref(), &events)?;
                }
            }
            Ok::<_, Fault>(fresh)
        })
        .await?;
    let mut open = fresh.clone();
    for incoming in events.iter().filter(|incoming| open.remove(&incoming.event.id)) {
        if let Some(revocation) = &incoming.revocation {
            core.revocations.committed(revocation);
        } else if let Some(consumer) = consumer {
            consumer.committed(&incoming.event);
        }
    }
    Ok(fresh)
}

#[derive(QueryableByName)]
struct Fresh {
    #[diesel(sql_type = SqlUuid)]
    event_id: EventId,
}

/// Notes the ids of events; answers those that were not noted before. All of a batch are of one source.
fn note_ids(
    conn: &mut PgConnection,
    events: &[Arc<Incoming>],
    generation: Option<Generation>,
    now: Timestamp,
) -> Result<HashSet<EventId>, Fault> {
    let Some(first) = events.first() else { return Ok(HashSet::new()) };
    let mut ids: Vec<EventId> = events.iter().map(|incoming| incoming.event.id).collect();
    // In one order, whoever else notes some of them: so nobody waits for somebody who waits for them.
    ids.sort_unstable();
    let fresh: Vec<Fresh> = diesel::sql_query(
        "INSERT INTO consumed_events (source, event_id, consumed_at, generation)
         SELECT $1, event_id, $2, $4 FROM unnest($3) WITH ORDINALITY AS new (event_id, place) ORDER BY place
         ON CONFLICT DO NOTHING RETURNING event_id",
    )
    .bind::<Text, _>(&first.event.source)
    .bind::<Timestamptz, _>(now.to_diesel())
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Nullable<SmallInt>, _>(generation)
    .load(conn)?;
    Ok(fresh.into_iter().map(|fresh| fresh.event_id).collect())
}
