//! Swaps in the database, and what says whether one is possible.

use super::domain::{AROUND, Day, Deal, Hand, Terms, Version};
use crate::approvals::domain::Request;
use crate::facts::domain::{Org, assignment_near};
use crate::facts::store as facts;
use crate::leave::{requests_store as leave, store as accounts};
use crate::periods::store as periods;
use crate::roster::domain::{Plans, dates, targets};
use crate::roster::store as roster;
use crate::schema::swaps as table;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};
use jiff_diesel::ToDiesel as _;
use rollcall_attendance_api::approvals::Approval;
use rollcall_attendance_api::swaps::Swap;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{EmployeeId, RosterSwapId, ShiftId};
use rollcall_org_api::facts::EmployeeFact;
use std::collections::{BTreeSet, HashMap};

#[derive(Queryable, Selectable)]
#[diesel(table_name = table)]
struct Row {
    swap_id: RosterSwapId,
    date: jiff_diesel::Date,
    shift_id: ShiftId,
    with_date: jiff_diesel::Date,
    with_shift_id: ShiftId,
}

impl Row {
    fn view(self, request: Request) -> Result<Swap, Fault> {
        let with = request.with_employee_id;
        let approval: Approval = request.approval;
        Ok(Swap {
            swap_id: self.swap_id,
            employee_id: request.employee_id,
            with_employee_id: with.ok_or_else(|| Fault::internal(anyhow::anyhow!("a swap with nobody")))?,
            date: self.date.to_jiff(),
            shift_id: self.shift_id,
            with_date: self.with_date.to_jiff(),
            with_shift_id: self.with_shift_id,
            reason: request.gist.reason,
            approval,
        })
    }
}

/// Adds the shifts that `request`, which is stored already, exchanges.
pub(super) fn add(
    conn: &mut PgConnection,
    tenant: &Tenant,
    request: Request,
    terms: Terms,
    (given, taken): (Version, Version),
) -> Result<Swap, Fault> {
    let row = (
        table::org_id.eq(tenant.org_id()),
        table::swap_id.eq(RosterSwapId(request.request_id.0)),
        table::date.eq(terms.date.to_diesel()),
        table::shift_id.eq(given.0),
        table::shift_version.eq(given.1),
        table::with_date.eq(terms.with_date.to_diesel()),
        table::with_shift_id.eq(taken.0),
        table::with_shift_version.eq(taken.1),
    );
    diesel::insert_into(table::table).values(row).execute(conn)?;
    one(conn, tenant, request)
}

/// What some requests exchange, in their order.
pub(super) fn of(conn: &mut PgConnection, tenant: &Tenant, requests: Vec<Request>) -> Result<Vec<Swap>, Fault> {
    let ids: Vec<RosterSwapId> = requests.iter().map(|request| RosterSwapId(request.request_id.0)).collect();
    let rows: Vec<Row> = table::table
        .filter(table::org_id.eq(tenant.org_id()).and(table::swap_id.eq_any(ids)))
        .select(Row::as_select())
        .load(conn)?;
    let mut rows: HashMap<_, _> = rows.into_iter().map(|row| (row.swap_id, row)).collect();
    let of = |request: Request| Some(rows.remove(&RosterSwapId(request.request_id.0))?.view(request));
    requests.into_iter().filter_map(of).collect()
}

/// What a request exchanges.
pub(super) fn one(conn: &mut PgConnection, tenant: &Tenant, request: Request) -> Result<Swap, Fault> {
    of(conn, tenant, vec![request])?.pop().ok_or(Fault::NotFound)
}

/// The versions of the shifts that were asked for.
pub(super) fn asked(conn: &mut PgConnection, tenant: &Tenant, id: RosterSwapId) -> Result<(Version, Version), Fault> {
    let row = table::table.find((tenant.org_id(), id));
    let columns = (table::shift_id, table::shift_version, table::with_shift_id, table::with_shift_version);
    let (given, version, taken, with_version) = row.select(columns).first(conn)?;
    Ok(((given, version), (taken, with_version)))
}

/// Holds until the transaction ends whatever says that a swap is possible, before it is looked at: whoever locks a period of
/// these days waits, whoever decides about leave of the two, and whoever plans, who is told that the roster has changed.
///
/// Periods before accounts, as where leave is given back; accounts by id; the roster last, which nobody holds who then
/// takes one of the others. So nobody waits in a circle.
pub(super) fn hold(conn: &mut PgConnection, tenant: &Tenant, swap: &Swap) -> Result<(), Fault> {
    let both = (swap.date.min(swap.with_date), swap.date.max(swap.with_date));
    // Whether they are open [`deal`] says, of the two dates alone.
    periods::hold_open(conn, tenant, both)?;
    for id in BTreeSet::from([swap.employee_id, swap.with_employee_id]) {
        accounts::lock_account(conn, tenant, id)?;
    }
    roster::count_change(conn, tenant)?;
    Ok(())
}

/// A swap between two people, by their ids, with all that says whether it is possible now.
pub(super) fn deal(
    conn: &mut PgConnection,
    tenant: &Tenant,
    org: &Org,
    (asker, other): (EmployeeId, EmployeeId),
    terms: Terms,
    now: Timestamp,
) -> Result<Deal, Fault> {
    let people = facts::employees(conn, tenant, &[asker, other])?;
    let person = |id: EmployeeId| people.iter().find(|person| person.employee_id == id).ok_or(Fault::NotFound);
    let (asker, other) = (person(asker)?, person(other)?);
    let both = [terms.date, terms.with_date];
    let around = both.into_iter().flat_map(|on| dates(on - AROUND.days(), on + AROUND.days()));
    let around: BTreeSet<Date> = around.collect();
    let span = (terms.date.min(terms.with_date) - AROUND.days(), terms.date.max(terms.with_date) + AROUND.days());
    let plans = roster::plans(conn, tenant, &targets(org, &people), span)?;
    let ids = [asker.employee_id, other.employee_id];
    let held = leave::held(conn, tenant, &ids, span)?;
    let hand = |person: &EmployeeFact| {
        let away = |on: Date| {
            let theirs = held.iter().filter(|leave| leave.employee_id == person.employee_id);
            theirs.into_iter().any(|leave| leave.from <= on && on <= leave.to)
        };
        hand(org, &plans, person, &around, away)
    };
    Ok(Deal { terms, asker: hand(asker), other: hand(other), locked: periods::locked_dates(conn, tenant, &both)?, now })
}

fn hand(org: &Org, plans: &Plans, person: &EmployeeFact, around: &BTreeSet<Date>, away: impl Fn(Date) -> bool) -> Hand {
    let mine = plans.of(org, person);
    let day = |on: Date| Day {
        zone: org.zone_on(person, on),
        shift: mine.decides(on).and_then(|entry| plans.shift_on(entry, on)).cloned(),
        on_leave: away(on),
        employed: person.works_on(on),
        site_id: assignment_near(person, on).map(|assignment| assignment.site_id),
    };
    let days = around.iter().map(|on| (*on, day(*on))).collect();
    Hand { employee_id: person.employee_id, name: person.name.clone(), days }
}
