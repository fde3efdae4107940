//! Periods and frozen days in the database.

use crate::error::Error;
use crate::punches::store::{of_word, word};
use crate::schema::{employees, frozen_workdays as kept, periods as table};
use diesel::connection::SimpleConnection as _;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff_diesel::ToDiesel as _;
use rollcall_attendance_api::periods::{Period, PeriodStatus};
use rollcall_attendance_api::workdays::Workday;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{EmployeeId, OrgId, PeriodId};
use rollcall_org_api::facts::EmployeeFact;
use serde_json::Value;
use std::collections::HashMap;

/// A period with what only the service needs of it.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) period: Period,
    /// Counts the locks.
    pub(crate) generation: i64,
    /// The last person whose days are kept by the lock that goes on.
    pub(crate) frozen_up_to: Option<EmployeeId>,
    pub(crate) locked_by: Option<EmployeeId>,
    pub(crate) warn_on: Option<Date>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = table)]
struct Row {
    period_id: PeriodId,
    name: String,
    from_date: jiff_diesel::Date,
    to_date: jiff_diesel::Date,
    status: String,
    generation: i64,
    frozen_up_to: Option<EmployeeId>,
    people_done: i32,
    people_total: i32,
    pending_days: i32,
    locked_by: Option<EmployeeId>,
    locked_at: Option<jiff_diesel::Timestamp>,
    warn_on: Option<jiff_diesel::Date>,
    version: i64,
}

impl Row {
    fn stored(self) -> Result<Stored, Fault> {
        let count = |people: i32| u32::try_from(people).map_err(Fault::internal);
        let period = Period {
            period_id: self.period_id,
            name: self.name,
            from: self.from_date.to_jiff(),
            to: self.to_date.to_jiff(),
            status: of_word(self.status)?,
            people_done: count(self.people_done)?,
            people_total: count(self.people_total)?,
            pending_days: count(self.pending_days)?,
            locked_at: self.locked_at.map(jiff_diesel::Timestamp::to_jiff),
            version: self.version,
        };
        Ok(Stored {
            period,
            generation: self.generation,
            frozen_up_to: self.frozen_up_to,
            locked_by: self.locked_by,
            warn_on: self.warn_on.map(jiff_diesel::Date::to_jiff),
        })
    }
}

/// Adds an open period.
pub(super) fn add(conn: &mut PgConnection, tenant: &Tenant, stored: &Stored) -> Result<(), Error> {
    let period = &stored.period;
    let row = (
        table::org_id.eq(tenant.org_id()),
        table::period_id.eq(period.period_id),
        table::name.eq(&period.name),
        table::from_date.eq(period.from.to_diesel()),
        table::to_date.eq(period.to.to_diesel()),
        table::status.eq(word(&period.status)?),
        table::generation.eq(stored.generation),
        table::people_done.eq(0),
        table::people_total.eq(0),
        table::warn_on.eq(stored.warn_on.map(jiff_diesel::ToDiesel::to_diesel)),
        table::version.eq(period.version),
    );
    diesel::insert_into(table::table).values(row).execute(conn).map_err(Error::of_write)?;
    Ok(())
}

/// One of them.
pub(crate) fn one(conn: &mut PgConnection, tenant: &Tenant, id: PeriodId) -> Result<Option<Stored>, Fault> {
    let row = table::table.find((tenant.org_id(), id)).select(Row::as_select()).first(conn).optional()?;
    row.map(Row::stored).transpose()
}

/// One of them, which nobody else changes before the transaction ends.
pub(super) fn locked(conn: &mut PgConnection, tenant: &Tenant, id: PeriodId) -> Result<Option<Stored>, Fault> {
    let query = table::table.find((tenant.org_id(), id)).select(Row::as_select()).for_update();
    query.first(conn).optional()?.map(Row::stored).transpose()
}

/// The same, unless somebody else is at it.
pub(super) fn taken(conn: &mut PgConnection, tenant: &Tenant, id: PeriodId) -> Result<Option<Stored>, Fault> {
    let query = table::table.find((tenant.org_id(), id)).select(Row::as_select()).for_update().skip_locked();
    query.first(conn).optional()?.map(Row::stored).transpose()
}

/// Where a page starts.
pub(super) type After = (Date, PeriodId);

/// A page, the latest first.
pub(super) fn list(
    conn: &mut PgConnection,
    tenant: &Tenant,
    after: Option<After>,
    limit: i64,
) -> Result<Vec<Stored>, Fault> {
    let mut query = table::table
        .filter(table::org_id.eq(tenant.org_id()))
        .order((table::from_date.desc(), table::period_id.desc()))
        .select(Row::as_select())
        .limit(limit)
        .into_boxed();
    if let Some((from, id)) = after {
        let same = table::from_date.eq(from.to_diesel()).and(table::period_id.lt(id));
        query = query.filter(table::from_date.lt(from.to_diesel()).or(same));
    }
    query.load::<Row>(conn)?.into_iter().map(Row::stored).collect()
}

/// Notes how a locked period stands now.
pub(super) fn note(conn: &mut PgConnection, tenant: &Tenant, stored: &Stored) -> Result<(), Fault> {
    let period = &stored.period;
    let count = |people: u32| i32::try_from(people).map_err(Fault::internal);
    diesel::update(table::table.find((tenant.org_id(), period.period_id)))
        .set((
            table::status.eq(word(&period.status)?),
            table::generation.eq(stored.generation),
            table::frozen_up_to.eq(stored.frozen_up_to),
            table::people_done.eq(count(period.people_done)?),
            table::people_total.eq(count(period.people_total)?),
            table::pending_days.eq(count(period.pending_days)?),
            table::locked_by.eq(stored.locked_by),
            table::locked_at.eq(period.locked_at.map(jiff_diesel::ToDiesel::to_diesel)),
            table::warn_on.eq(stored.warn_on.map(jiff_diesel::ToDiesel::to_diesel)),
            table::version.eq(period.version),
        ))
        .execute(conn)?;
    Ok(())
}

/// How many people the organisation has and had.
pub(crate) fn people_count(conn: &mut PgConnection, tenant: &Tenant) -> Result<u32, Fault> {
    let count: i64 = employees::table.filter(employees::org_id.eq(tenant.org_id())).count().get_result(conn)?;
    u32::try_from(count).map_err(Fault::internal)
}

/// Some people of the organisation, by id.
pub(super) fn people(
    conn: &mut PgConnection,
    tenant: &Tenant,
    after: Option<EmployeeId>,
    limit: i64,
) -> Result<Vec<EmployeeFact>, Fault> {
    let mut query = employees::table
        .filter(employees::org_id.eq(tenant.org_id()))
        .order(employees::employee_id)
        .select(employees::fact)
        .limit(limit)
        .into_boxed();
    if let Some(after) = after {
        query = query.filter(employees::employee_id.gt(after));
    }
    let facts: Vec<Value> = query.load(conn)?;
    facts.into_iter().map(|fact| serde_json::from_value(fact).map_err(Fault::internal)).collect()
}

/// Keeps days for a lock.
pub(super) fn keep(
    conn: &mut PgConnection,
    tenant: &Tenant,
    (period_id, generation): (PeriodId, i64),
    days: &[Workday],
) -> Result<(), Fault> {
    // Six values to a row: far below the 65,535 that a statement may have.
    for some in days.chunks(2_000) {
        let row = |day: &Workday| {
            Ok((
                kept::org_id.eq(tenant.org_id()),
                kept::employee_id.eq(day.employee_id),
                kept::work_date.eq(day.work_date.to_diesel()),
                kept::generation.eq(generation),
                kept::period_id.eq(period_id),
                kept::day.eq(serde_json::to_value(day).map_err(Fault::internal)?),
            ))
        };
        let rows = some.iter().map(row).collect::<Result<Vec<_>, Fault>>()?;
        diesel::insert_into(kept::table).values(rows).execute(conn)?;
    }
    Ok(())
}

/// What is frozen of some people on some dates.
#[derive(Debug, Default)]
pub(crate) struct Frozen {
    ranges: Vec<(Date, Date)>,
    days: HashMap<EmployeeId, Vec<Workday>>,
}

impl Frozen {
    /// Whether a date is in a period that is locked: then only what was kept counts.
    pub(crate) fn holds(&self, date: Date) -> bool {
        self.ranges.iter().any(|(from, to)| (*from..=*to).contains(&date))
    }

    /// Whether all of the dates are.
    pub(crate) fn covers(&self, (from, to): (Date, Date)) -> bool {
        crate::roster::domain::dates(from, to).all(|date| self.holds(date))
    }

    /// The days kept of a person.
    pub(crate) fn take(&mut self, employee_id: EmployeeId) -> Vec<Workday> {
        self.days.remove(&employee_id).unwrap_or_default()
    }
}

/// What is frozen of some people on some dates: by periods that are locked or closed, and by their last lock.
pub(crate) fn frozen(
    conn: &mut PgConnection,
    tenant: &Tenant,
    people: &[EmployeeId],
    (from, to): (Date, Date),
) -> Result<Frozen, Fault> {
    let holding: Vec<(PeriodId, i64, jiff_diesel::Date, jiff_diesel::Date)> = table::table
        .filter(table::org_id.eq(tenant.org_id()))
        .filter(table::status.eq_any([word(&PeriodStatus::Locked)?, word(&PeriodStatus::Closed)?]))
        .filter(table::from_date.le(to.to_diesel()).and(table::to_date.ge(from.to_diesel())))
        .select((table::period_id, table::generation, table::from_date, table::to_date))
        .load(conn)?;
    let mut frozen = Frozen::default();
    for (period_id, generation, first, last) in holding {
        frozen.ranges.push((first.to_jiff(), last.to_jiff()));
        let days: Vec<(EmployeeId, Value)> = kept::table
            .filter(kept::org_id.eq(tenant.org_id()).and(kept::employee_id.eq_any(people)))
            .filter(kept::work_date.ge(from.to_diesel()).and(kept::work_date.le(to.to_diesel())))
            .filter(kept::period_id.eq(period_id).and(kept::generation.eq(generation)))
            .order((kept::employee_id, kept::work_date))
            .select((kept::employee_id, kept::day))
            .load(conn)?;
        for (employee_id, day) in days {
            let mut day: Workday = serde_json::from_value(day).map_err(Fault::internal)?;
            day.frozen = true;
            day.version = generation;
            frozen.days.entry(employee_id).or_default().push(day);
        }
    }
    for days in frozen.days.values_mut() {
        days.sort_by_key(|day| day.work_date);
    }
    Ok(frozen)
}

/// Those of `dates` that are in a period which is locked, or being locked.
pub(crate) fn locked_dates(conn: &mut PgConnection, tenant: &Tenant, dates: &[Date]) -> Result<Vec<Date>, Fault> {
    let (Some(first), Some(last)) = (dates.iter().min(), dates.iter().max()) else { return Ok(Vec::new()) };
    let locked: Vec<(jiff_diesel::Date, jiff_diesel::Date)> = table::table
        .filter(table::org_id.eq(tenant.org_id()).and(table::status.ne(word(&PeriodStatus::Open)?)))
        .filter(table::from_date.le(last.to_diesel()).and(table::to_date.ge(first.to_diesel())))
        .select((table::from_date, table::to_date))
        .load(conn)?;
    let holds = |date: &Date| locked.iter().any(|(from, to)| (from.to_jiff()..=to.to_jiff()).contains(date));
    Ok(dates.iter().copied().filter(holds).collect())
}

/// Whether none of the dates is in a period that is locked, or being locked; nor is until the transaction ends.
pub(crate) fn hold_open(conn: &mut PgConnection, tenant: &Tenant, (from, to): (Date, Date)) -> Result<bool, Fault> {
    let touched: Vec<String> = table::table
        .filter(table::org_id.eq(tenant.org_id()))
        .filter(table::from_date.le(to.to_diesel()).and(table::to_date.ge(from.to_diesel())))
        .order(table::period_id)
        .select(table::status)
        .for_share()
        .load(conn)?;
    let open = word(&PeriodStatus::Open)?;
    Ok(touched.iter().all(|status| *status == open))
}

/// A period of any organisation.
pub(super) type Anywhere = (OrgId, PeriodId);

/// Periods that something is to be done about, of all organisations: locks that go on, and those to warn of on `date`. All
/// of them, for whichever were left out might be the ones that wait longest; only their ids.
pub(super) fn at_work(conn: &mut PgConnection, date: Date) -> Result<(Vec<Anywhere>, Vec<Anywhere>), Fault> {
    conn.batch_execute("SELECT set_config('app.job', 'work_on_periods', true)")?;
    let locking = word(&PeriodStatus::Locking)?;
    let of = table::table.select((table::org_id, table::period_id));
    let locking = of.filter(table::status.eq(&locking)).load(conn)?;
    let to_warn_of = of.filter(table::warn_on.le(date.to_diesel())).load(conn)?;
    Ok((locking, to_warn_of))
}

/// When it is noted that a period was locked.
pub(super) fn locked_now(stored: &mut Stored, now: Timestamp) {
    stored.period.status = PeriodStatus::Locked;
    stored.period.locked_at = Some(now);
    stored.period.version += 1;
}
