//! Events of others. The states that org publishes become local copies; the rest goes through the table of rules.

use crate::app::App;
use crate::facts::places;
use crate::facts::store as facts;
use crate::rules::domain::Recipients;
use crate::rules::store as waiting;
use crate::rules::tell::{Given, Outcome, Telling, Told};
use crate::webhooks::owe::owe;
use diesel::pg::PgConnection;
use jiff::Timestamp;
use rollcall_common::backfill::{Freshness, Generation, Source};
use rollcall_common::events::{CloudEvent, EventConsumer};
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::EventId;
use rollcall_org_api::events::{EMPLOYEE_CHANGED, ORG_CHANGED, SITE_CHANGED, UNIT_CHANGED};
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Notes of transactions that were rolled back stay behind; beyond so many all are dropped. A note that is lost
/// costs a poll's time, not a message.
const MOST_NOTES: usize = 10_000;

/// Who is to be woken when an event's transaction has committed.
#[derive(Default)]
pub struct Wakes {
    /// The task that tells what waits.
    pub deferred: Notify,
    /// The task that hands to channels what they owe.
    pub owed: Notify,
    /// The task that sends mail.
    pub mail: Notify,
    /// The task that sends to webhooks.
    pub webhooks: Notify,
    notes: Mutex<HashMap<EventId, Note>>,
}

#[derive(Default)]
struct Note {
    told: Told,
    deferred: bool,
    webhooks: bool,
    of: Option<Tenant>,
}

impl Wakes {
    /// Messages are stored and committed: whoever passes them on should look.
    pub fn told(&self, app: &App, told: Told) {
        app.added(&told.fresh);
        app.stale.add(told.stale);
        if told.owed {
            self.owed.notify_one();
        }
        if told.mail {
            self.mail.notify_one();
        }
    }

    fn note(&self, event: EventId, note: Note) {
        let mut notes = self.notes();
        if notes.len() >= MOST_NOTES {
            notes.clear();
        }
        notes.insert(event, note);
    }

    fn notes(&self) -> MutexGuard<'_, HashMap<EventId, Note>> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EventConsumer for App {
    fn generation(&self) -> Generation {
        Self::GENERATION
    }

    fn apply(&self, conn: &mut PgConnection, tenant: Option<&Tenant>, event: &CloudEvent) -> Result<(), Fault> {
        self.apply_all(conn, tenant, &[event])
    }

    fn apply_all(&self, conn: &mut PgConnection, tenant: Option<&Tenant>, events: &[&CloudEvent]) -> Result<(), Fault> {
        let now = self.core.clock.now();
        let webhooks = tenant.map_or(Ok(HashSet::new()), |tenant| owe(conn, tenant, events, now))?;
        let mut run = Run { app: self, tenant, now, queued: None, together: Vec::new(), notes: HashMap::new() };
        for event in events {
            run.take(conn, event)?;
        }
        run.tell_together(conn)?;
        for event in events {
            let mut note = run.notes.remove(&event.id).unwrap_or_default();
            note.webhooks = webhooks.contains(&event.id);
            note.of = tenant.copied();
            self.wakes.note(event.id, note);
        }
        Ok(())
    }

    fn committed(&self, event: &CloudEvent) {
        let Some(note) = self.wakes.notes().remove(&event.id) else { return };
        // Not sooner: a copy that is taken over beside the transaction that keeps the same facts would wait for it, and
        // it for the copy.
        if let Some(tenant) = note.of {
            self.backfills.want(&tenant);
        }
        if note.deferred {
            self.wakes.deferred.notify_one();
        }
        if note.webhooks {
            self.wakes.webhooks.notify_one();
        }
        self.wakes.told(self, note.told);
    }
}

/// Events of one organisation, or of none, on their way through one transaction.
struct Run<'a> {
    app: &'a App,
    tenant: Option<&'a Tenant>,
    now: Timestamp,
    /// Whether others of the organisation wait to be told, as far as it was looked at.
    queued: Option<bool>,
    /// Those that are told together, as soon as something else comes or all are there.
    together: Vec<(&'a CloudEvent, Telling)>,
    notes: HashMap<EventId, Note>,
}

impl<'a> Run<'a> {
    fn of_org(&self) -> Result<&'a Tenant, Fault> {
        self.tenant.ok_or_else(|| Fault::invalid("/orgid", "required", "an event of an organisation names it"))
    }

    /// Applies an event, or puts it to those that are told together.
    fn take(&mut self, conn: &mut PgConnection, event: &'a CloudEvent) -> Result<(), Fault> {
        match event.kind.as_str() {
            ORG_CHANGED => {
                self.tell_together(conn)?;
                facts::put_org(conn, self.of_org()?, &event.data()?, Freshness::Newer)?;
                self.hurry(conn, event)
            }
            EMPLOYEE_CHANGED => {
                self.tell_together(conn)?;
                facts::put_employee(conn, self.of_org()?, &event.data()?, Freshness::Newer)?;
                self.hurry(conn, event)
            }
            UNIT_CHANGED => Ok(places::put_unit(conn, self.of_org()?, &event.data()?, Freshness::Newer)?),
            SITE_CHANGED => Ok(places::put_site(conn, self.of_org()?, &event.data()?, Freshness::Newer)?),
            _ => match Telling::of(event)? {
                Some(telling) => self.tell(conn, event, telling),
                None => Ok(()),
            },
        }
    }

    /// A fact came in: what waits for one is tried.
    fn hurry(&mut self, conn: &mut PgConnection, event: &CloudEvent) -> Result<(), Fault> {
        let deferred = waiting::hurry(conn, self.of_org()?, self.now)?;
        self.notes.entry(event.id).or_default().deferred = deferred;
        Ok(())
    }

    fn tell(&mut self, conn: &mut PgConnection, event: &'a CloudEvent, telling: Telling) -> Result<(), Fault> {
        match (telling.rule.of_org, self.tenant) {
            (true, _) => drop(self.of_org()?),
            (false, None) => {}
            (false, Some(_)) => {
                return Err(Fault::invalid("/orgid", "not_allowed", "an event of an account has no organisation"));
            }
        }
        if !matches!(telling.said.to, Recipients::Address { .. }) {
            self.together.push((event, telling));
            return Ok(());
        }
        self.tell_together(conn)?;
        let outcome = if self.has_queue(conn)? {
            Outcome::Waits(Vec::new())
        } else {
            self.app.teller.tell(conn, self.tenant, &telling, &Given::default(), self.now)?
        };
        self.note(conn, event, outcome)
    }

    fn tell_together(&mut self, conn: &mut PgConnection) -> Result<(), Fault> {
        let together = std::mem::take(&mut self.together);
        if together.is_empty() {
            return Ok(());
        }
        let outcomes = if self.has_queue(conn)? {
            together.iter().map(|_| Outcome::Waits(Vec::new())).collect()
        } else {
            let tellings: Vec<_> = together.iter().map(|(_, telling)| telling).collect();
            self.app.teller.tell_all(conn, self.of_org()?, &tellings, &Given::default(), self.now)?
        };
        for ((event, _), outcome) in together.into_iter().zip(outcomes) {
            self.note(conn, event, outcome)?;
        }
        Ok(())
    }

    fn has_queue(&mut self, conn: &mut PgConnection) -> Result<bool, Fault> {
        let queued = match (self.queued, self.tenant) {
            (Some(queued), _) => queued,
            (None, Some(tenant)) => waiting::has_queue(conn, tenant, self.now)?,
            (None, None) => false,
        };
        self.queued = Some(queued);
        Ok(queued)
    }

    fn note(&mut self, conn: &mut PgConnection, event: &CloudEvent, outcome: Outcome) -> Result<(), Fault> {
        let note = match outcome {
            Outcome::Told(told) => Note { told, ..Note::default() },
            Outcome::Waits(_) => {
                let whole = serde_json::to_value(event).map_err(Fault::internal)?;
                waiting::defer(conn, self.of_org()?, event.id, whole, self.now)?;
                self.queued = Some(true);
                Note { deferred: true, ..Note::default() }
            }
        };
        self.notes.insert(event.id, note);
        Ok(())
    }
}
