//! What is done about periods beside requests: locks that a stop has interrupted are carried on, and those who lock are
//! told when the time is near.

use super::store::Anywhere;
use super::{freeze, store};
use crate::app::App;
use crate::facts::store as facts;
use diesel::pg::PgConnection;
use jiff::tz::Offset;
use jiff::{Timestamp, ToSpan as _};
use rollcall_attendance_api::events::{PERIOD_LOCKING, PeriodLocking};
use rollcall_attendance_api::periods::PeriodStatus;
use rollcall_common::db::Unscoped;
use rollcall_common::events::{NewEvent, Outbox};
use rollcall_common::fault::Fault;
use rollcall_common::problem::chain;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{OrgId, PeriodId};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Between two looks when nobody wakes the task.
const EVERY: Duration = Duration::from_secs(10);
/// How long one lock is carried on before the next one has its turn.
const TURN: Duration = Duration::from_secs(5);
/// Between two turns: another instance may hold the row, and asking without a pause would only be in its way.
const PAUSE: Duration = Duration::from_millis(200);
/// Locks that have a turn before it is looked again who waits, and who is to be warned.
const LOCKS: usize = 20;
/// Warnings of one round.
const WARNINGS: usize = 100;

/// Looks again and again; runs for ever.
pub(crate) async fn run(app: Arc<App>) {
    let mut turns = Turns::default();
    loop {
        match round(&app, &mut turns).await {
            Ok(true) => {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            Ok(false) => {}
            Err(error) => tracing::warn!(error = chain(&error), "cannot work on periods"),
        }
        tokio::select! {
            () = app.periods.notified() => {}
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// One look; whether there is more to do at once.
async fn round(app: &App, turns: &mut Turns) -> Result<bool, Fault> {
    let now = app.core.clock.now();
    // The first place on Earth where it is that date.
    let date = Offset::UTC.to_datetime(now).date() + 1.day();
    let (locking, to_warn_of) = app.core.db.transaction(Unscoped, move |conn| store::at_work(conn, date)).await?;
    let mut more = false;
    // A warning costs a moment, a lock a turn.
    let due = turns.next_warnings(to_warn_of, now);
    for (org_id, id) in due.iter().copied().take(WARNINGS) {
        let (tenant, outbox) = (tenant(org_id), app.core.outbox.clone());
        let work = move |conn: &mut PgConnection| warn(conn, &tenant, &outbox, id, now);
        match app.core.db.transaction(&tenant, work).await {
            Ok(true) => {}
            Ok(false) => turns.not_before(id, next_quarter(now)),
            Err(error) => {
                tracing::warn!(%org_id, period_id = %id, error = chain(&error), "cannot warn of a period");
                turns.not_before(id, now);
            }
        }
    }
    more |= due.len() > WARNINGS;
    for (org_id, id) in turns.next_locks(locking, Instant::now()) {
        let done = freeze::carry_on(&app.core.db, &app.core.outbox, tenant(org_id), id, now, TURN).await;
        turns.had((org_id, id), Instant::now(), done.is_ok());
        match done {
            Ok(()) => more = true,
            Err(error) => tracing::warn!(%org_id, period_id = %id, error = chain(&error), "cannot carry a lock on"),
        }
    }
    Ok(more)
}

fn tenant(org_id: OrgId) -> Tenant {
    #[expect(clippy::disallowed_methods, reason = "the row was written under the tenant of a member")]
    Tenant::of_capability(org_id)
}

/// Whose turn it is: in memory, for what an instance has not looked at it may look at first.
#[derive(Default)]
struct Turns {
    /// When an organisation, and when a period of it, had its last one.
    orgs: HashMap<OrgId, Instant>,
    periods: HashMap<PeriodId, Instant>,
    /// Locks that failed are left alone until then, so that they can be reopened, and others go on.
    failed: HashMap<PeriodId, Instant>,
    /// There is nothing to warn of before.
    not_before: HashMap<PeriodId, Timestamp>,
}

impl Turns {
    /// One period of each organisation, that first which has waited longest.
    fn next_locks(&mut self, locking: Vec<Anywhere>, now: Instant) -> Vec<Anywhere> {
        let (orgs, periods): (HashSet<OrgId>, HashSet<PeriodId>) = locking.iter().copied().unzip();
        self.orgs.retain(|id, _| orgs.contains(id));
        self.periods.retain(|id, _| periods.contains(id));
        self.failed.retain(|id, until| periods.contains(id) && *until > now);
        let mut next: Vec<Anywhere> = locking.into_iter().filter(|(_, id)| !self.failed.contains_key(id)).collect();
        next.sort_by_key(|(org_id, id)| (self.orgs.get(org_id), org_id.0, self.periods.get(id), id.0));
        next.dedup_by_key(|(org_id, _)| *org_id);
        next.truncate(LOCKS);
        next
    }

    /// A lock had its turn, and it went well or not.
    fn had(&mut self, (org_id, id): Anywhere, now: Instant, well: bool) {
        self.orgs.insert(org_id, now);
        self.periods.insert(id, now);
        if !well {
            self.failed.insert(id, now + EVERY);
        }
    }

    /// Those that may be due, those first that were not looked at yet.
    fn next_warnings(&mut self, periods: Vec<Anywhere>, now: Timestamp) -> Vec<Anywhere> {
        let there: HashSet<PeriodId> = periods.iter().map(|(_, id)| *id).collect();
        self.not_before.retain(|id, _| there.contains(id));
        let mut due: Vec<Anywhere> = periods;
        due.retain(|(_, id)| self.not_before.get(id).is_none_or(|not_before| *not_before <= now));
        due.sort_by_key(|(_, id)| self.not_before.get(id).copied());
        due
    }

    fn not_before(&mut self, id: PeriodId, at: Timestamp) {
        self.not_before.insert(id, at);
    }
}

/// When a day may begin somewhere: zones differ by quarters of an hour.
fn next_quarter(now: Timestamp) -> Timestamp {
    const QUARTER: i64 = 15 * 60;
    Timestamp::from_second((now.as_second() / QUARTER + 1) * QUARTER).unwrap_or(now)
}

/// Tells that a period is about to be locked, once, when it is the day in the organisation; whether it was.
fn warn(
    conn: &mut PgConnection,
    tenant: &Tenant,
    outbox: &Outbox,
    id: PeriodId,
    now: Timestamp,
) -> Result<bool, Fault> {
    // Else somebody else tells.
    let Some(mut stored) = store::taken(conn, tenant, id)? else { return Ok(true) };
    let (Some(warn_on), Some(org)) = (stored.warn_on, facts::org(conn, tenant)?) else { return Ok(false) };
    if org.today(now) < warn_on {
        return Ok(false);
    }
    stored.warn_on = None;
    store::note(conn, tenant, &stored)?;
    if stored.period.status == PeriodStatus::Open {
        let (name, from, to) = (stored.period.name.clone(), stored.period.from, stored.period.to);
        let data = PeriodLocking { period_id: id, name, from, to };
        let (subject, org_id, version) = (id.to_string(), Some(tenant.org_id()), Some(stored.period.version));
        outbox.emit(conn, &NewEvent { kind: PERIOD_LOCKING, subject, org_id, version, data: &data })?;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn periods<const N: usize>(org_id: OrgId) -> [Anywhere; N] {
        [(); N].map(|()| (org_id, PeriodId::generate()))
    }

    #[test]
    fn each_organisation_has_one_turn_a_round_and_each_of_its_periods_in_turn() {
        let (mut turns, start) = (Turns::default(), Instant::now());
        let [large, small] = [(); 2].map(|()| OrgId::generate());
        let (many, one): ([Anywhere; 3], [Anywhere; 1]) = (periods(large), periods(small));
        let all = [&many[..], &one].concat();
        let mut seen = Vec::new();
        for round in 0..3 {
            let now = start + EVERY * round;
            let next = turns.next_locks(all.clone(), now);
            assert_eq!(next.len(), 2, "one of each organisation: {next:?}");
            assert!(next.contains(&one[0]));
            for period in next {
                turns.had(period, now, true);
                seen.push(period);
            }
        }
        assert!(many.iter().all(|period| seen.contains(period)), "none waits for the others to be done");
    }

    #[test]
    fn with_more_organisations_than_a_round_has_turns_none_waits_for_the_second_turn_of_another() {
        let (mut turns, now) = (Turns::default(), Instant::now());
        let all: Vec<Anywhere> = (0..=LOCKS * 2).flat_map(|_| periods::<2>(OrgId::generate())).collect();
        let mut had: HashMap<OrgId, usize> = HashMap::new();
        for round in 0..3 {
            for period in turns.next_locks(all.clone(), now) {
                turns.had(period, now + PAUSE * round, true);
                *had.entry(period.0).or_default() += 1;
            }
        }
        assert_eq!(had.len(), LOCKS * 2 + 1);
    }

    #[test]
    fn a_lock_that_failed_is_left_alone_for_a_while_and_others_of_its_organisation_go_on() {
        let (mut turns, now) = (Turns::default(), Instant::now());
        let both: [Anywhere; 2] = periods(OrgId::generate());
        let first = turns.next_locks(both.to_vec(), now)[0];
        turns.had(first, now, false);
        let second = turns.next_locks(both.to_vec(), now)[0];
        assert_ne!(second, first);
        turns.had(second, now + PAUSE, true);
        assert_eq!(turns.next_locks(both.to_vec(), now + PAUSE * 2), [second]);
        assert_eq!(turns.next_locks(both.to_vec(), now + EVERY), [first]);
        assert_eq!(turns.next_locks(vec![], now), [] as [Anywhere; 0]);
        assert!(
            turns.orgs.is_empty() && turns.periods.is_empty() && turns.failed.is_empty(),
            "what is done is forgotten"
        );
    }

    #[test]
    fn what_is_not_due_is_looked_at_again_when_a_day_may_begin() {
        let now: Timestamp = "2026-06-01T08:01:00Z".parse().unwrap();
        let mut turns = Turns::default();
        let both: [Anywhere; 2] = periods(OrgId::generate());
        turns.not_before(both[0].1, next_quarter(now));
        assert_eq!(turns.next_warnings(both.to_vec(), now), [both[1]]);
        let quarter: Timestamp = "2026-06-01T08:15:00Z".parse().unwrap();
        assert_eq!(
            turns.next_warnings(both.to_vec(), quarter),
            [both[1], both[0]],
            "what was never looked at comes first"
        );
        assert_eq!(next_quarter(quarter), quarter + jiff::SignedDuration::from_mins(15));
    }
}
