//! Gathers the facts that the engine needs for some people and dates: two range reads for all of them together.

use super::facts::{DayFacts, Facts, ShiftFacts};
use super::{is_anchored, margin, store};
use crate::devices::store as devices;
use crate::facts::domain::{Org, assignment_near};
use crate::leave::requests_store::{self as leave_store, Held};
use crate::overtime_requests::store as overtime_store;
use crate::roster::domain::{Plans, dates, targets};
use crate::roster::store as roster_store;
use diesel::pg::PgConnection;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use rollcall_attendance_api::shifts::Shift;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{EmployeeId, ShiftId, SiteId};
use rollcall_org_api::facts::EmployeeFact;
use std::collections::HashMap;
use std::sync::Arc;

/// Days of the past that are read: the first nearly always does; the next are for people who punch without a plan
/// and never rest long enough to show where one stretch of work ends.
pub(super) const LOOKBACKS: [i32; 4] = [3, 10, 40, 400];

/// The facts of each person, in their order, for the dates from `from` to `to`.
pub(crate) fn facts(
    conn: &mut PgConnection,
    tenant: &Tenant,
    org: &Org,
    people: &[EmployeeFact],
    (from, to): (Date, Date),
    now: Timestamp,
) -> Result<Vec<Facts>, Fault> {
    let mut found: HashMap<EmployeeId, Facts> = HashMap::with_capacity(people.len());
    let mut wanted: Vec<EmployeeFact> = people.to_vec();
    for lookback in LOOKBACKS {
        let since = from - lookback.days();
        let known_since = midnight_utc(since)?;
        let more = around(conn, tenant, org, &wanted, (since, to), now)?;
        let enough = |facts: &Facts| is_anchored(facts, known_since, from);
        wanted.retain(|person| more.get(&person.employee_id).is_some_and(|facts| !enough(facts)));
        found.extend(more);
        if wanted.is_empty() {
            break;
        }
    }
    Ok(people.iter().filter_map(|person| found.remove(&person.employee_id)).collect())
}

fn around(
    conn: &mut PgConnection,
    tenant: &Tenant,
    org: &Org,
    people: &[EmployeeFact],
    (since, to): (Date, Date),
    now: Timestamp,
) -> Result<HashMap<EmployeeId, Facts>, Fault> {
    let Reach { days: span, punches: between } = Reach::of((since, to))?;
    let plans = roster_store::plans(conn, tenant, &targets(org, people), span)?;
    let ids: Vec<EmployeeId> = people.iter().map(|person| person.employee_id).collect();
    let mut punches = store::punches(conn, tenant, &ids, between)?;
    let overtime = overtime_store::approved(conn, tenant, &ids, span)?;
    let held = leave_store::held(conn, tenant, &ids, span)?;
    // Only a site with devices waits for them.
    let reported = if org.has_devices() { devices::reported(conn, tenant)? } else { HashMap::new() };
    let known = Known { org, plans: &plans, overtime: &overtime, held: &held, reported: &reported };
    let mut shifts = Shifts::default();
    let of = |person: &EmployeeFact| {
        let punches = punches.remove(&person.employee_id).unwrap_or_default();
        (person.employee_id, Facts { now, days: days(&known, &mut shifts, person, span), punches })
    };
    Ok(people.iter().map(of).collect())
}

/// How much is read so that some dates can be computed.
pub(super) struct Reach {
    /// The first and the last day.
    pub(super) days: (Date, Date),
    /// From which instant to before which other one the punches.
    pub(super) punches: (Timestamp, Timestamp),
}

impl Reach {
    /// For the dates from `since` to `to`, of which some of the first may lack punches of the past.
    pub(super) fn of((since, to): (Date, Date)) -> Result<Self, Fault> {
        let days = (since - margin::DAYS_BEFORE.days(), to + margin::DAYS_AFTER.days());
        Ok(Self { days, punches: (midnight_utc(since)?, midnight_utc(days.1)?) })
    }
}

/// What is planned for one person on each date, without punches: what a leave of these dates costs.
pub(crate) fn planned_days(
    conn: &mut PgConnection,
    tenant: &Tenant,
    org: &Org,
    person: &EmployeeFact,
    dates: (Date, Date),
) -> Result<Vec<DayFacts>, Fault> {
    let plans = roster_store::plans(conn, tenant, &targets(org, std::slice::from_ref(person)), dates)?;
    let held = leave_store::held(conn, tenant, &[person.employee_id], dates)?;
    // What overtime was approved and what devices have sent changes no plan.
    let known = Known { org, plans: &plans, overtime: &HashMap::new(), held: &held, reported: &HashMap::new() };
    Ok(days(&known, &mut Shifts::default(), person, dates))
}

/// What was read for some people and dates.
struct Known<'a> {
    org: &'a Org,
    plans: &'a Plans,
    /// Approved minutes.
    overtime: &'a HashMap<(EmployeeId, Date), u32>,
    held: &'a [Held],
    /// Until when every device of a site with devices has reported.
    reported: &'a HashMap<SiteId, Timestamp>,
}

/// What is planned for a person on each date, what is celebrated there, and their leave.
fn days(known: &Known<'_>, shifts: &mut Shifts, person: &EmployeeFact, (from, to): (Date, Date)) -> Vec<DayFacts> {
    let Known { org, plans, overtime, held, reported } = *known;
    let mine = plans.of(org, person);
    let leave: Vec<&Held> = held.iter().filter(|leave| leave.employee_id == person.employee_id).collect();
    let mut day = |date: Date| {
        let version = mine.decides(date).and_then(|entry| plans.shift_on(entry, date));
        let mut facts = DayFacts {
            date,
            zone: org.zone_on(person, date),
            shift: version.map(|shift| shifts.of(shift)),
            holiday: org.holiday_on(person, date).cloned(),
            leave: None,
            leave_hours: Vec::new(),
            leave_costs: Vec::new(),
            overtime_approved: overtime.get(&(person.employee_id, date)).copied(),
            reported_until: reported_at(person, date, reported),
        };
        for leave in leave.iter().filter(|leave| leave.from <= date && date <= leave.to) {
            leave.piece.take_from(&mut facts);
            facts.leave_costs.push((leave.leave_type_id, leave.minutes_on(date)));
        }
        facts
    };
    dates(from, to).map(&mut day).collect()
}

/// Until when every device of the site has reported where somebody works on a date; none: there are none.
fn reported_at(person: &EmployeeFact, date: Date, reported: &HashMap<SiteId, Timestamp>) -> Option<Timestamp> {
    if reported.is_empty() {
        return None;
    }
    reported.get(&assignment_near(person, date)?.site_id).copied()
}

/// Shifts as the engine takes them, each made once.
#[derive(Default)]
struct Shifts {
    made: HashMap<(ShiftId, i64), Arc<ShiftFacts>>,
}

impl Shifts {
    fn of(&mut self, shift: &Shift) -> Arc<ShiftFacts> {
        let made = self.made.entry((shift.shift_id, shift.version));
        Arc::clone(made.or_insert_with(|| Arc::new(ShiftFacts::from(shift))))
    }
}

fn midnight_utc(date: Date) -> Result<Timestamp, Fault> {
    date.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp()).map_err(Fault::internal)
}
