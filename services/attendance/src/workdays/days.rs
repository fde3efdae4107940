//! The days of some people, as they are served: frozen where a period is locked, computed everywhere else.

use super::plan::next_midnight;
use super::{compute, facts, gather, view};
use crate::facts::domain::Org;
use crate::periods::store::{self as periods, Frozen};
use diesel::pg::PgConnection;
use jiff::Timestamp;
use jiff::civil::Date;
use rollcall_attendance_api::workdays::Workday;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::EmployeeId;
use rollcall_org_api::facts::EmployeeFact;

/// What was read to say what the days of some people came to.
pub(crate) struct Read {
    people: Vec<(EmployeeFact, Option<facts::Facts>)>,
    frozen: Frozen,
    dates: (Date, Date),
}

/// Reads all that is needed for the days from `from` to `to`.
pub(crate) fn read(
    conn: &mut PgConnection,
    tenant: &Tenant,
    org: &Org,
    people: Vec<EmployeeFact>,
    dates: (Date, Date),
    now: Timestamp,
) -> Result<Read, Fault> {
    let ids: Vec<EmployeeId> = people.iter().map(|person| person.employee_id).collect();
    let frozen = periods::frozen(conn, tenant, &ids, dates)?;
    // Where all is frozen there is nothing to compute.
    let facts = if frozen.covers(dates) {
        people.iter().map(|_| None).collect()
    } else {
        gather::facts(conn, tenant, org, &people, dates, now)?.into_iter().map(Some).collect::<Vec<_>>()
    };
    Ok(Read { people: people.into_iter().zip(facts).collect(), frozen, dates })
}

/// Reads what the days come to by the facts, whatever is frozen.
pub(crate) fn read_open(
    conn: &mut PgConnection,
    tenant: &Tenant,
    org: &Org,
    people: Vec<EmployeeFact>,
    dates: (Date, Date),
    now: Timestamp,
) -> Result<Read, Fault> {
    let facts = gather::facts(conn, tenant, org, &people, dates, now)?;
    Ok(Read { people: people.into_iter().zip(facts.into_iter().map(Some)).collect(), frozen: Frozen::default(), dates })
}

impl Read {
    /// Whether all that was punched on these dates is here: of a date that is not frozen the devices of its site have
    /// reported since, on rest days too, and nobody is still in as far as is known.
    pub(crate) fn is_reported(&self) -> bool {
        let (from, to) = self.dates;
        let open = |date: Date| from <= date && date <= to && !self.frozen.holds(date);
        self.people.iter().filter_map(|(_, facts)| facts.as_ref()).all(|facts| {
            let silent = facts.days.iter().filter(|day| open(day.date)).any(|day| {
                let over = next_midnight(day.date, &day.zone);
                day.reported_until.is_some_and(|until| until.as_second() < over)
            });
            !silent && compute(facts, from, to).iter().all(|day| !open(day.date) || day.waits_until.is_none())
        })
    }

    /// The days of each person, by date: those on which they were employed, and others only if they punched or worked
    /// all the same. Takes time: not for a thread that serves.
    pub(crate) fn days(self) -> Vec<(EmployeeFact, Vec<Workday>)> {
        let Self { people, mut frozen, dates: (from, to) } = self;
        let mut all = Vec::with_capacity(people.len());
        for (person, facts) in people {
            let mut days = frozen.take(person.employee_id);
            if let Some(facts) = facts {
                days.extend(of_person(&person, &facts, (from, to)).filter(|day| !frozen.holds(day.work_date)));
                days.sort_by_key(|day| day.work_date);
            }
            all.push((person, days));
        }
        all
    }
}

fn of_person(person: &EmployeeFact, facts: &facts::Facts, (from, to): (Date, Date)) -> impl Iterator<Item = Workday> {
    let days = compute(facts, from, to).into_iter();
    let kept = days.filter(|day| person.works_on(day.date) || !day.punches.is_empty() || day.worked_minutes > 0);
    kept.map(|day| view::workday(person.employee_id, day))
}
