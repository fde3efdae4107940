//! Business transactions: some people change, and that they did is told.

use crate::lags::Lags;
use anyhow::{Context as _, Result};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Jsonb, Uuid};
use rollcall_common::db::Scope;
use rollcall_common::events::NewEvent;
use rollcall_common::fault::Fault;
use rollcall_common::server::Core;
use rollcall_ids::{EmployeeId, OrgId};
use rollcall_org_api::facts::EmployeeFact;
use rollcall_stack::crowd::Crowd;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// Transactions under way at most: fewer than the pool of the service has connections, of which the dispatcher uses one.
const WRITERS: usize = 4;

/// See the module.
pub(crate) struct Flow {
    core: Core,
    org_id: OrgId,
    people: Vec<EmployeeFact>,
    versions: Vec<AtomicI64>,
    next: AtomicUsize,
    lags: Arc<Lags>,
}

impl Flow {
    pub(crate) fn new(core: &Core, crowd: &Crowd, lags: &Arc<Lags>) -> Arc<Self> {
        let people: Vec<_> = (0..crowd.people.len()).map(|index| crowd.employee(index)).collect();
        let versions = people.iter().map(|person| AtomicI64::new(person.version)).collect();
        let (core, org_id, lags) = (core.clone(), crowd.org_id, Arc::clone(lags));
        Arc::new(Self { core, org_id, people, versions, next: AtomicUsize::new(0), lags })
    }

    /// Writes so many events of a kind, each transaction with `each` of them, at `rate` events a second; as fast as it goes without
    /// one. Answers how long that took.
    pub(crate) async fn write(
        self: &Arc<Self>,
        kind: &'static str,
        events: usize,
        each: usize,
        rate: Option<f64>,
    ) -> Result<Duration> {
        let (began, transactions) = (Instant::now(), events / each);
        let mut writers = JoinSet::new();
        for writer in 0..WRITERS {
            let flow = Arc::clone(self);
            writers.spawn(async move {
                for turn in (writer..transactions).step_by(WRITERS) {
                    if let Some(rate) = rate {
                        sleep_until(began + Duration::from_secs_f64(float(turn * each) / rate)).await;
                    }
                    flow.transaction(kind, each).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(writer) = writers.join_next().await {
            writer??;
        }
        Ok(began.elapsed())
    }

    /// One transaction in which so many people change.
    async fn transaction(&self, kind: &'static str, each: usize) -> Result<()> {
        let first = self.next.fetch_add(each, Ordering::Relaxed);
        let mark = self.lags.mark();
        let changed = |of: usize| {
            let place = (first + of) % self.people.len();
            let version = self.versions[place].fetch_add(1, Ordering::Relaxed) + 1;
            EmployeeFact { number: mark.clone(), version, ..self.people[place].clone() }
        };
        let people: Vec<EmployeeFact> = (0..each).map(changed).collect();
        let (org_id, outbox) = (self.org_id, self.core.outbox.clone());
        let work = move |conn: &mut PgConnection| {
            keep(conn, org_id, &people)?;
            let events: Vec<_> = people
                .iter()
                .map(|person| NewEvent {
                    kind,
                    subject: person.employee_id.to_string(),
                    org_id: Some(org_id),
                    version: Some(person.version),
                    data: person,
                })
                .collect();
            outbox.emit_all(conn, &events)
        };
        self.core.db.transaction(Scope::Tenant(org_id), work).await.map(drop).context("a transaction")
    }
}

/// The change itself.
fn keep(conn: &mut PgConnection, org_id: OrgId, people: &[EmployeeFact]) -> Result<(), Fault> {
    let ids: Vec<EmployeeId> = people.iter().map(|person| person.employee_id).collect();
    let versions: Vec<i64> = people.iter().map(|person| person.version).collect();
    let facts = people.iter().map(serde_json::to_value).collect::<Result<Vec<_>, _>>().map_err(Fault::internal)?;
    diesel::sql_query(
        "INSERT INTO people (org_id, employee_id, fact, version)
         SELECT $1, employee_id, fact, version FROM unnest($2, $3, $4) AS new (employee_id, fact, version)
         ON CONFLICT (org_id, employee_id) DO UPDATE SET fact = excluded.fact, version = excluded.version
         WHERE people.version < excluded.version",
    )
    .bind::<Uuid, _>(org_id)
    .bind::<Array<Uuid>, _>(ids)
    .bind::<Array<Jsonb>, _>(facts)
    .bind::<Array<BigInt>, _>(versions)
    .execute(conn)?;
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "not that many events")]
pub(crate) fn float(number: usize) -> f64 {
    number as f64
}
