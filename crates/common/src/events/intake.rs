//! Taking events: `POST /internal/v1/events` of every service but user, which alone has nobody to hear from. That
//! sessions have ended is taken here for all of them.

use super::{BATCH_TYPE, CloudEvent, REMEMBER};
use crate::auth::{Revocation, ServiceCaller};
use crate::db::{Scope, Unscoped};
use crate::extract;
use crate::fault::Fault;
use crate::problem::Problem;
use crate::schema::consumed_events as consumed;
use crate::server::Core;
use crate::tenant::Tenant;
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, post, web};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use jiff::Timestamp;
use jiff_diesel::ToDiesel as _;
use rollcall_ids::EventId;
use serde::{Deserialize, Serialize};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// Bytes of a batch at most: a hundred events, an employee with all assignments being a few kilobytes.
const LIMIT: usize = 4 << 20;

/// What a service does with the events of others.
pub trait EventConsumer: Send + Sync + 'static {
    /// Applies one event, in the transaction that also notes its id; row-level security is set to the event's
    /// organisation. Types that are of no interest are `Ok`. An error is reported to the sender, which tries again
    /// later; [`Fault::Unavailable`] makes it keep the whole batch back.
    fn apply(&self, conn: &mut PgConnection, tenant: Option<&Tenant>, event: &CloudEvent) -> Result<(), Fault>;

    /// Called after the transaction of each applied event has committed: the place to wake somebody.
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
    let mut results = Vec::with_capacity(batch.0.len());
    for event in batch.0 {
        let id = event.id;
        let verdict = take(&core, &service, consumer.as_ref(), event).await;
        let verdict = match verdict {
            Ok(verdict) => verdict,
            Err(fault @ (Fault::Unavailable { .. } | Fault::OutcomeUnknown(_) | Fault::DeadlineExceeded)) => {
                return Err(fault);
            }
            Err(fault) => {
                tracing::error!(event_id = %id, error = crate::problem::chain(&fault), "an event could not be applied");
                IntakeVerdict::Failed { code: fault.problem().code.into_owned() }
            }
        };
        results.push(IntakeResult { id, verdict });
    }
    Ok(web::Json(IntakeVerdicts { results }))
}

async fn take(
    core: &Core,
    service: &ServiceCaller,
    consumer: Option<&Arc<dyn EventConsumer>>,
    event: CloudEvent,
) -> Result<IntakeVerdict, Fault> {
    // A service speaks for itself alone: notification cannot make anybody an owner in the eyes of attendance.
    let own_kind = event.kind.split_once('.').is_some_and(|(emitter, _)| emitter == service.name());
    if event.source != format!("/rollcall/{}", service.name()) || !own_kind {
        return Err(Fault::Forbidden);
    }
    let tenant = event.orgid.map(|org_id| Tenant::of_service(service, org_id));
    let scope = tenant.as_ref().map_or(Scope::Unscoped, Scope::from);
    let now = core.clock.now();
    // That a session has ended concerns every service, whatever it does with events, and no consumer can spoil it.
    let revocation = Revocation::of_event(&event)?;
    let (revoked, revocations) = (revocation.clone(), core.revocations.clone());
    let consumer = consumer.filter(|_| revocation.is_none());
    let applying = consumer.cloned();
    let (event, verdict) = core
        .db
        .transaction(scope, move |conn| {
            let fresh = diesel::insert_into(consumed::table)
                .values((
                    consumed::source.eq(&event.source),
                    consumed::event_id.eq(event.id),
                    consumed::consumed_at.eq(now.to_diesel()),
                ))
                .on_conflict_do_nothing()
                .execute(conn)?;
            if fresh == 0 {
                return Ok::<_, Fault>((event, IntakeVerdict::Duplicate));
            }
            if let Some(revocation) = &revoked {
                revocations.note(conn, revocation)?;
            }
            if let Some(consumer) = applying {
                consumer.apply(conn, tenant.as_ref(), &event)?;
            }
            Ok((event, IntakeVerdict::Applied))
        })
        .await?;
    if verdict == IntakeVerdict::Applied {
        if let Some(revocation) = &revocation {
            core.revocations.committed(revocation);
        }
        if let Some(consumer) = consumer {
            consumer.committed(&event);
        }
    }
    Ok(verdict)
}

/// Forgets ids that no sender can send any more.
pub(crate) async fn forget_old(core: &Core, now: Timestamp) -> Result<usize, Fault> {
    let limit = now - REMEMBER;
    core.db
        .transaction(Unscoped, move |conn| {
            Ok(diesel::delete(consumed::table.filter(consumed::consumed_at.lt(limit.to_diesel()))).execute(conn)?)
        })
        .await
}
