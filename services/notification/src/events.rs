//! Events of others. The states that org publishes become local copies; the rest goes through the table of rules.

use crate::app::App;
use crate::facts::places;
use crate::facts::store as facts;
use crate::rules::store as waiting;
use crate::rules::tell::{Given, Outcome, Telling, Told};
use crate::webhooks::owe::owe;
use diesel::pg::PgConnection;
use rollcall_common::events::{CloudEvent, EventConsumer};
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::EventId;
use rollcall_org_api::events::{EMPLOYEE_CHANGED, ORG_CHANGED, SITE_CHANGED, UNIT_CHANGED};
use std::collections::HashMap;
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
        app.hub.read_for(told.users);
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
    fn apply(&self, conn: &mut PgConnection, tenant: Option<&Tenant>, event: &CloudEvent) -> Result<(), Fault> {
        let now = self.core.clock.now();
        let of_org =
            || tenant.ok_or_else(|| Fault::invalid("/orgid", "required", "an event of an organisation names it"));
        let webhooks = tenant.map_or(Ok(false), |tenant| owe(conn, tenant, event, now))?;
        let mut note = match event.kind.as_str() {
            ORG_CHANGED => {
                facts::put_org(conn, of_org()?, &event.data()?)?;
                Note { deferred: waiting::hurry(conn, of_org()?, now)?, ..Note::default() }
            }
            EMPLOYEE_CHANGED => {
                facts::put_employee(conn, of_org()?, &event.data()?)?;
                Note { deferred: waiting::hurry(conn, of_org()?, now)?, ..Note::default() }
            }
            UNIT_CHANGED => {
                places::put_unit(conn, of_org()?, &event.data()?)?;
                Note::default()
            }
            SITE_CHANGED => {
                places::put_site(conn, of_org()?, &event.data()?)?;
                Note::default()
            }
            _ => {
                let Some(telling) = Telling::of(event)? else {
                    self.wakes.note(event.id, Note { webhooks, of: tenant.copied(), ..Note::default() });
                    return Ok(());
                };
                let tenant = match (telling.rule.of_org, tenant) {
                    (true, _) => Some(of_org()?),
                    (false, None) => None,
                    (false, Some(_)) => {
                        return Err(Fault::invalid(
                            "/orgid",
                            "not_allowed",
                            "an event of an account has no organisation",
                        ));
                    }
                };
                let queued = tenant.map_or(Ok(false), |tenant| waiting::has_queue(conn, tenant, now))?;
                let outcome = if queued {
                    Outcome::Waits(Vec::new())
                } else {
                    self.teller.tell(conn, tenant, &telling, &Given::default(), now)?
                };
                match outcome {
                    Outcome::Told(told) => Note { told, ..Note::default() },
                    Outcome::Waits(_) => {
                        let whole = serde_json::to_value(event).map_err(Fault::internal)?;
                        waiting::defer(conn, of_org()?, event.id, whole, now)?;
                        Note { deferred: true, ..Note::default() }
                    }
                }
            }
        };
        note.webhooks = webhooks;
        note.of = tenant.copied();
        self.wakes.note(event.id, note);
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
