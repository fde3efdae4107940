//! The job that lets time pass: leave is earned, a year ends, what was not taken expires, and people are told in time.
//!
//! Done for one person in one transaction that holds their account, from what is in the ledger: whatever was due while
//! nobody was there to do it is done later, in the order of its days, and whatever is there is not done again. The
//! dates that something is earned for are kept apart by the database too: what a policy of before gave would keep the one
//! of now away from them for good, and so would the policy of a unit that somebody has left. So policies, person and
//! organisation are those of when the account is held, however long it takes to come to it.

use super::book::Book;
use super::passage::Passage;
use super::rules::{Rules, Whose};
use super::{entries, store};
use crate::app::App;
use crate::facts::store as facts_store;
use crate::settings::LeaveSettings;
use diesel::pg::PgConnection;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};
use rollcall_attendance_api::events::{LEAVE_EXPIRING, LeaveExpiring};
use rollcall_attendance_api::leave::{LeaveEntryKind, LeaveType};
use rollcall_common::db::Unscoped;
use rollcall_common::events::{NewEvent, Outbox};
use rollcall_common::fault::Fault;
use rollcall_common::problem::chain;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{LeaveEntryId, LeaveTypeId};
use rollcall_org_api::facts::EmployeeFact;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// People that are looked at together.
const PAGE: i64 = 200;

/// Settles everybody again and again; runs for ever.
pub(crate) async fn run(app: Arc<App>) {
    loop {
        if let Err(fault) = settle_all(&app).await {
            tracing::warn!(error = chain(&fault), "leave cannot be settled now");
        }
        tokio::time::sleep(Duration::from_secs(app.leave.settle_seconds)).await;
    }
}

/// Settles everybody of whom something may be due. One person or organisation that cannot be settled holds up no other.
pub(crate) async fn settle_all(app: &App) -> Result<(), Fault> {
    for org_id in app.core.db.transaction(Unscoped, store::orgs_with_leave).await? {
        #[expect(
            clippy::disallowed_methods,
            reason = "the database says which organisations have leave; no caller does"
        )]
        let tenant = Tenant::of_capability(org_id);
        if let Err(fault) = settle_org(app, tenant).await {
            tracing::warn!(%org_id, error = chain(&fault), "leave of an organisation cannot be settled now");
        }
    }
    Ok(())
}

async fn settle_org(app: &App, tenant: Tenant) -> Result<(), Fault> {
    let settle_days = app.leave.settle_days;
    let load = move |conn: &mut PgConnection| Known::load(conn, &tenant, settle_days);
    let Some(known) = app.core.db.transaction(&tenant, load).await? else { return Ok(()) };
    let mut known = Arc::new(known);
    let mut after = None;
    loop {
        let start = after.clone();
        let page = move |conn: &mut PgConnection| {
            let people = facts_store::people(conn, &tenant, start.as_ref(), PAGE)?;
            let ids: Vec<_> = people.iter().map(|person| person.employee_id).collect();
            Ok::<_, Fault>((people, store::settled(conn, &tenant, &ids)?))
        };
        let (people, settled) = app.core.db.transaction(&tenant, page).await?;
        let Some(last) = people.last() else { return Ok(()) };
        after = Some((last.number.clone(), last.employee_id));
        let now = app.core.clock.now();
        for person in people {
            let seen = known.rules.seen(&person, now);
            if settled.get(&person.employee_id) == Some(&seen) {
                continue;
            }
            let (before, outbox, settings, id) =
                (Arc::clone(&known), app.core.outbox.clone(), app.leave, person.employee_id);
            let work = move |conn: &mut PgConnection| {
                store::lock_account(conn, &tenant, id)?;
                let current = before.current(conn, &tenant)?;
                let person = facts_store::employees(conn, &tenant, &[id])?.pop().unwrap_or(person);
                current.rules.settle(conn, &tenant, &outbox, settings, &person, now)?;
                Ok::<_, Fault>(current)
            };
            match app.core.db.transaction(&tenant, work).await {
                Ok(current) => known = current,
                Err(fault) => {
                    tracing::warn!(employee_id = %id, error = chain(&fault), "leave of a person cannot be settled now");
                }
            }
        }
    }
}

/// The rules that people are settled by, and what they were read from.
struct Known {
    rules: Rules,
    /// When the organisation had changed last.
    org_changed_at: Option<Timestamp>,
}

impl Known {
    /// Those of now; none: nothing is known of the organisation.
    fn load(conn: &mut PgConnection, tenant: &Tenant, settle_days: u16) -> Result<Option<Self>, Fault> {
        // Read before the organisation: what changes in between is read once more, and not missed.
        let org_changed_at = facts_store::org_changed_at(conn, tenant)?;
        let Some(org) = facts_store::org(conn, tenant)? else { return Ok(None) };
        let rules = Rules::load(conn, tenant, Arc::new(org), settle_days)?;
        Ok(Some(Self { rules, org_changed_at }))
    }

    /// The same, or those of now when a policy or the organisation was changed since. What is in memory of it is not asked:
    /// that may be as it was when the account was not held yet.
    fn current(self: Arc<Self>, conn: &mut PgConnection, tenant: &Tenant) -> Result<Arc<Self>, Fault> {
        let rules = &self.rules;
        let same = facts_store::org_changed_at(conn, tenant)? == self.org_changed_at
            && rules.policies.iter().map(|policy| policy.version).eq(store::policy_versions(conn, tenant)?);
        if same {
            return Ok(self);
        }
        let now = Self::load(conn, tenant, rules.settle_days)?;
        Ok(now.map_or(self, Arc::new))
    }
}

impl Rules {
    /// What settling somebody depends on: the day, the policies and the facts of the person.
    fn seen(&self, person: &EmployeeFact, now: Timestamp) -> (Date, String) {
        let changes: i64 = self.policies.iter().map(|policy| policy.version).sum();
        let seen = format!("{}.{changes}.{}", self.policies.len(), person.version);
        (self.org.date_at(person, now), seen)
    }

    /// Settles somebody whose account is held.
    fn settle(
        &self,
        conn: &mut PgConnection,
        tenant: &Tenant,
        outbox: &Outbox,
        settings: LeaveSettings,
        person: &EmployeeFact,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let id = person.employee_id;
        let seen = self.seen(person, now);
        if store::settled(conn, tenant, &[id])?.get(&id) == Some(&seen) {
            return Ok(()); // Another instance was faster.
        }
        let whose = Whose { person, today: seen.0, now };
        let mut books = entries::books(conn, tenant, id)?;
        self.catch_up(conn, tenant, whose, &mut books)?;
        if person.works_on(whose.today) {
            self.warn(conn, tenant, outbox, settings, whose, &books)?;
        }
        store::note_settled(conn, tenant, id, &seen)
    }

    /// Tells somebody, once, what of their leave is about to expire: what will be gone if they take no more than they
    /// have asked for. What goes on into another year is not.
    fn warn(
        &self,
        conn: &mut PgConnection,
        tenant: &Tenant,
        outbox: &Outbox,
        settings: LeaveSettings,
        whose: Whose<'_>,
        books: &HashMap<LeaveTypeId, Book>,
    ) -> Result<(), Fault> {
        let Whose { person, today, now } = whose;
        let until = today + i32::from(settings.warn_days).days();
        for of in &self.types {
            let Some(book) = books.get(&of.leave_type_id) else { continue };
            for (leave_entry_id, (expires_on, minutes)) in self.about_to_expire(person, of, book, today, until) {
                if !store::note_warned(conn, tenant, leave_entry_id, now)? {
                    continue;
                }
                let data = LeaveExpiring {
                    employee_id: person.employee_id,
                    employee_name: person.name.clone(),
                    leave_type_id: of.leave_type_id,
                    leave_type_name: of.body.name.clone(),
                    leave_entry_id,
                    minutes,
                    expires_on,
                };
                let (subject, org_id) = (leave_entry_id.to_string(), Some(tenant.org_id()));
                outbox.emit(conn, &NewEvent { kind: LEAVE_EXPIRING, subject, org_id, version: None, data: &data })?;
            }
        }
        Ok(())
    }

    /// What will be gone after one of the days up to `until`: of which entry, after which day, how much.
    fn about_to_expire(
        &self,
        person: &EmployeeFact,
        of: &LeaveType,
        book: &Book,
        today: Date,
        until: Date,
    ) -> BTreeMap<LeaveEntryId, (Date, i64)> {
        let course = self.ahead(person, of.leave_type_id, book, until);
        let mut passage = Passage::new(book.clone(), &course, LeaveEntryId::generate);
        passage.to(until + 1.day());
        let gone = passage.entered().iter().filter(|entry| entry.kind == LeaveEntryKind::Expiry);
        let mut all = BTreeMap::new();
        for entry in gone {
            let source = book.sources().iter().find(|source| Some(source.id) == entry.source);
            let Some((id, last)) = source.and_then(|source| Some((source.id, source.expires_on?))) else { continue };
            if today <= last {
                all.entry(id).or_insert((last, 0)).1 -= entry.minutes;
            }
        }
        all
    }
}
