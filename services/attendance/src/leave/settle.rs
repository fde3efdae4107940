//! What time does to balances: leave is earned, a year ends, what was not taken expires, and people are told in time.
//!
//! Done for one person in one transaction that holds their account, from what is in the ledger: whatever was due while
//! nobody was there to do it is done later, in the order of its days, and whatever is there is not done again. An
//! entry of the service itself carries what it is for, which the database keeps unique.

use super::accrual::{self, Period, Tenure};
use super::book::Book;
use super::entries::{self, Posting};
use super::{domain, store};
use crate::app::App;
use crate::facts::domain::Org;
use crate::facts::store as facts_store;
use crate::settings::LeaveSettings;
use crate::workdays;
use diesel::pg::PgConnection;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};
use rollcall_attendance_api::events::{LEAVE_EXPIRING, LeaveExpiring};
use rollcall_attendance_api::leave::{Accrual, LeaveEntry, LeaveEntryKind, LeavePolicy, LeaveType};
use rollcall_common::db::Unscoped;
use rollcall_common::events::{NewEvent, Outbox};
use rollcall_common::fault::Fault;
use rollcall_common::problem::chain;
use rollcall_common::tenant::Tenant;
use rollcall_ids::LeaveTypeId;
use rollcall_org_api::facts::EmployeeFact;
use std::collections::{HashMap, HashSet};
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
    let load = move |conn: &mut PgConnection| Rules::load(conn, &tenant);
    let Some(rules) = app.core.db.transaction(&tenant, load).await? else { return Ok(()) };
    let rules = Arc::new(rules);
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
            let seen = rules.seen(&person, now);
            if settled.get(&person.employee_id) == Some(&seen) {
                continue;
            }
            let (rules, outbox, settings, id) =
                (Arc::clone(&rules), app.core.outbox.clone(), app.leave, person.employee_id);
            let work = move |conn: &mut PgConnection| rules.settle(conn, &tenant, &outbox, settings, &person, now);
            if let Err(fault) = app.core.db.transaction(&tenant, work).await {
                tracing::warn!(employee_id = %id, error = chain(&fault), "leave of a person cannot be settled now");
            }
        }
    }
}

/// The rules of an organisation.
struct Rules {
    org: Org,
    types: Vec<LeaveType>,
    policies: Vec<LeavePolicy>,
}

/// Something that is due on a day.
enum Due<'a> {
    /// A leave year ends the day before.
    YearEnd(&'a LeavePolicy),
    /// Something is earned.
    Earned(&'a LeavePolicy, Period),
}

impl Due<'_> {
    /// A year ends before the next one gives anything.
    fn order(&self) -> u8 {
        match self {
            Self::YearEnd(_) => 0,
            Self::Earned(..) => 1,
        }
    }
}

impl Rules {
    fn load(conn: &mut PgConnection, tenant: &Tenant) -> Result<Option<Self>, Fault> {
        let Some(org) = facts_store::org(conn, tenant)? else { return Ok(None) };
        let policies = store::list_policies(conn, tenant, None, None, i64::MAX)?;
        let policies = policies.into_iter().map(|(_, policy)| policy).collect();
        Ok(Some(Self { org, types: store::all_types(conn, tenant)?, policies }))
    }

    /// What settling somebody depends on: the day, the policies and the facts of the person.
    fn seen(&self, person: &EmployeeFact, now: Timestamp) -> (Date, String) {
        let changes: i64 = self.policies.iter().map(|policy| policy.version).sum();
        let seen = format!("{}.{changes}.{}", self.policies.len(), person.version);
        (self.org.date_at(person, now), seen)
    }

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
        store::lock_account(conn, tenant, id)?;
        let seen = self.seen(person, now);
        if store::settled(conn, tenant, &[id])?.get(&id) == Some(&seen) {
            return Ok(()); // Another instance was faster.
        }
        let today = seen.0;
        let mut books = entries::books(conn, tenant, id)?;
        let keys = entries::reason_keys(conn, tenant, id)?;
        for (day, due) in self.due(person, settings, today) {
            let (Due::YearEnd(policy) | Due::Earned(policy, _)) = due;
            let posting = Posting {
                employee_id: id,
                leave_type_id: policy.body.leave_type_id,
                request: None,
                policy: Some(policy.leave_policy_id),
                by: None,
                now,
            };
            let book = books.entry(posting.leave_type_id).or_default();
            let mut ledger = Ledger { conn: &mut *conn, tenant, book, posting, keys: &keys };
            match due {
                Due::YearEnd(policy) => ledger.end_year(policy, day)?,
                Due::Earned(policy, period) => {
                    ledger.expire(day)?;
                    self.earn(&mut ledger, policy, person, period)?;
                }
            }
        }
        for (leave_type_id, book) in &mut books {
            let posting =
                Posting { employee_id: id, leave_type_id: *leave_type_id, request: None, policy: None, by: None, now };
            Ledger { conn: &mut *conn, tenant, book, posting, keys: &keys }.expire(today)?;
        }
        if person.works_on(today) {
            self.warn(conn, tenant, outbox, settings, person, &books, (today, now))?;
        }
        store::note_settled(conn, tenant, id, &seen)
    }

    /// Everything that was due for a person up to today, in the order of its days.
    fn due(&self, person: &EmployeeFact, settings: LeaveSettings, today: Date) -> Vec<(Date, Due<'_>)> {
        let mut all = Vec::new();
        for policy in &self.policies {
            let body = &policy.body;
            let tenure = Tenure::of(body, person.hired_on, person.left_on);
            for period in accrual::periods(body, tenure, settings.settle_days, today) {
                let holds = domain::policy_for(&self.policies, &self.org, person, body.leave_type_id, period.from);
                if holds.is_some_and(|holds| holds.leave_policy_id == policy.leave_policy_id) {
                    all.push((period.due_on, Due::Earned(policy, period)));
                }
            }
            if body.carry_over.is_some() {
                let mut next = accrual::year_end(body.year_starts_month, tenure.from) + 1.day();
                while next <= today {
                    all.push((next, Due::YearEnd(policy)));
                    next += 1.year();
                }
            }
        }
        all.sort_by_key(|(day, due)| (*day, due.order()));
        all
    }

    fn earn(
        &self,
        ledger: &mut Ledger<'_>,
        policy: &LeavePolicy,
        person: &EmployeeFact,
        period: Period,
    ) -> Result<(), Fault> {
        let key = format!("accrual:{}:{}", policy.leave_policy_id, period.start);
        if ledger.keys.contains(&key) {
            return Ok(());
        }
        let (body, day) = (&policy.body, period.due_on);
        let worked = match body.accrual {
            Accrual::WorkedHours { .. } => {
                let (dates, now) = ((period.from, period.to), ledger.posting.now);
                workdays::worked_minutes(ledger.conn, ledger.tenant, &self.org, person, dates, now)?
            }
            Accrual::None | Accrual::Yearly { .. } | Accrual::Monthly { .. } => 0,
        };
        let earned = accrual::minutes(body.accrual, &period, worked);
        let minutes = accrual::capped(earned, ledger.book.balance_on(day), body.cap_minutes);
        let expires_on = body.carry_over.map(|_| accrual::year_end(body.year_starts_month, day));
        let entry = ledger.posting.entry(LeaveEntryKind::Accrual, minutes, day);
        ledger.add(&LeaveEntry { expires_on, ..entry }, Some(&key))?;
        entries::pay(ledger.conn, ledger.tenant, ledger.book, ledger.posting, day)
    }

    /// Tells somebody, once, what of their leave is about to expire.
    #[expect(clippy::too_many_arguments, reason = "the transaction, whose it is, and when")]
    fn warn(
        &self,
        conn: &mut PgConnection,
        tenant: &Tenant,
        outbox: &Outbox,
        settings: LeaveSettings,
        person: &EmployeeFact,
        books: &HashMap<LeaveTypeId, Book>,
        (today, now): (Date, Timestamp),
    ) -> Result<(), Fault> {
        let until = today + i32::from(settings.warn_days).days();
        for of in &self.types {
            let Some(book) = books.get(&of.leave_type_id) else { continue };
            for source in book.sources().iter().filter(|source| source.left > 0) {
                let soon = source.expires_on.filter(|last| (today..=until).contains(last));
                let Some(expires_on) = soon else { continue };
                if !store::note_warned(conn, tenant, source.id, now)? {
                    continue;
                }
                let data = LeaveExpiring {
                    employee_id: person.employee_id,
                    employee_name: person.name.clone(),
                    leave_type_id: of.leave_type_id,
                    leave_type_name: of.body.name.clone(),
                    leave_entry_id: source.id,
                    minutes: source.left,
                    expires_on,
                };
                let (subject, org_id) = (source.id.to_string(), Some(tenant.org_id()));
                outbox.emit(conn, &NewEvent { kind: LEAVE_EXPIRING, subject, org_id, version: None, data: &data })?;
            }
        }
        Ok(())
    }
}

/// The ledger of a person and kind of leave that is written to.
struct Ledger<'a> {
    conn: &'a mut PgConnection,
    tenant: &'a Tenant,
    book: &'a mut Book,
    posting: Posting,
    /// What was entered before.
    keys: &'a HashSet<String>,
}

impl Ledger<'_> {
    fn add(&mut self, entry: &LeaveEntry, reason_key: Option<&str>) -> Result<bool, Fault> {
        entries::add_once(self.conn, self.tenant, self.book, entry, reason_key)
    }

    /// Takes away what could be taken before `day` and was not.
    fn expire(&mut self, day: Date) -> Result<(), Fault> {
        for (source, minutes) in self.book.expired(day) {
            let after = source.expires_on.map_or(day, |last| last + 1.day());
            let entry =
                Posting { policy: source.policy, ..self.posting }.entry(LeaveEntryKind::Expiry, -minutes, after);
            self.add(&LeaveEntry { source_id: Some(source.id), ..entry }, None)?;
        }
        Ok(())
    }

    /// A leave year of the policy has ended before `start`: some of what it gave and nobody took goes on.
    fn end_year(&mut self, policy: &LeavePolicy, start: Date) -> Result<(), Fault> {
        let Some(rule) = policy.body.carry_over else { return Ok(()) };
        let key = format!("carry_over:{}:{start}", policy.leave_policy_id);
        if self.keys.contains(&key) {
            return Ok(());
        }
        let parts = self.book.carried(policy.leave_policy_id, start - 1.day(), rule.limit_minutes.map(i64::from));
        let minutes: i64 = parts.iter().map(|part| part.minutes).sum();
        if minutes == 0 {
            return Ok(());
        }
        let into = self.posting.entry(LeaveEntryKind::CarryOver, minutes, start);
        let into = LeaveEntry { expires_on: accrual::carried_until(rule, start), ..into };
        if self.add(&into, Some(&key))? {
            let out = (LeaveEntryKind::CarryOver, -1, start);
            entries::add_parts(self.conn, self.tenant, self.book, self.posting, out, &parts)?;
        }
        Ok(())
    }
}
