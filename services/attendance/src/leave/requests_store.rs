//! Requests for leave in the database.

use super::overlap::{self, Time};
use super::wish::{Piece, Wish, total};
use crate::approvals::domain::Request;
use crate::error::Error;
use crate::punches::store::{of_word, word};
use crate::schema::leave_requests as table;
use crate::workdays::facts::Interval;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use jiff::civil::Date;
use jiff_diesel::ToDiesel as _;
use rollcall_attendance_api::approvals::{Approval, RequestStatus};
use rollcall_attendance_api::leave::{LeaveDay, LeaveRequest};
use rollcall_attendance_api::wall_time::WallTime;
use rollcall_attendance_api::workdays::LeaveHours;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{EmployeeId, LeaveRequestId, LeaveTypeId};
use serde_json::Value;
use std::collections::HashMap;
use std::ops::Bound;

#[derive(Queryable, Selectable)]
#[diesel(table_name = table)]
struct Row {
    leave_request_id: LeaveRequestId,
    employee_id: EmployeeId,
    leave_type_id: LeaveTypeId,
    from_date: jiff_diesel::Date,
    to_date: jiff_diesel::Date,
    portion: Option<String>,
    hours_start: Option<String>,
    hours_end: Option<String>,
    reason: Option<String>,
    days: Value,
}

fn piece(portion: Option<String>, start: Option<String>, end: Option<String>) -> Result<Piece, Fault> {
    let wall = |text: Option<String>| text.as_deref().and_then(WallTime::parse);
    match (portion, wall(start), wall(end)) {
        (Some(portion), _, _) => Ok(Piece::Portion(of_word(portion)?)),
        (None, Some(start), Some(end)) => Ok(Piece::Hours(LeaveHours { start, end })),
        _ => Err(Fault::internal(anyhow::anyhow!("leave of no part of a day"))),
    }
}

impl Row {
    fn view(self, approval: Approval) -> Result<LeaveRequest, Fault> {
        let days: Vec<LeaveDay> = serde_json::from_value(self.days).map_err(Fault::internal)?;
        let (portion, hours) = match piece(self.portion, self.hours_start, self.hours_end)? {
            Piece::Portion(portion) => (Some(portion), None),
            Piece::Hours(hours) => (None, Some(hours)),
        };
        Ok(LeaveRequest {
            leave_request_id: self.leave_request_id,
            employee_id: self.employee_id,
            leave_type_id: self.leave_type_id,
            from: self.from_date.to_jiff(),
            to: self.to_date.to_jiff(),
            portion,
            hours,
            minutes: total(&days),
            days,
            reason: self.reason,
            approval,
        })
    }
}

/// Adds what is asked for; refused when it overlaps what holds or waits.
pub(crate) fn add(
    conn: &mut PgConnection,
    tenant: &Tenant,
    request: &Request,
    of: LeaveTypeId,
    wish: &Wish,
    days: &[LeaveDay],
    part: Interval,
) -> Result<LeaveRequest, Error> {
    let leave_request_id = LeaveRequestId(request.request_id.0);
    let (portion, hours) = match wish.piece {
        Piece::Portion(portion) => (Some(portion), None),
        Piece::Hours(hours) => (None, Some(hours)),
    };
    let row = (
        table::org_id.eq(tenant.org_id()),
        table::leave_request_id.eq(leave_request_id),
        table::employee_id.eq(request.employee_id),
        table::leave_type_id.eq(of),
        table::from_date.eq(wish.from.to_diesel()),
        table::to_date.eq(wish.to.to_diesel()),
        table::portion.eq(portion.map(|portion| word(&portion)).transpose()?),
        table::hours_start.eq(hours.map(|hours| hours.start.to_string())),
        table::hours_end.eq(hours.map(|hours| hours.end.to_string())),
        table::reason.eq(&wish.reason),
        table::part.eq(range(part)),
        table::days.eq(serde_json::to_value(days).map_err(Fault::internal)?),
        table::status.eq(word(&request.approval.status)?),
    );
    diesel::insert_into(table::table).values(row).execute(conn).map_err(Error::of_write)?;
    Ok(LeaveRequest {
        leave_request_id,
        employee_id: request.employee_id,
        leave_type_id: of,
        from: wish.from,
        to: wish.to,
        portion,
        hours,
        minutes: total(days),
        days: days.to_vec(),
        reason: wish.reason.clone(),
        approval: request.approval.clone(),
    })
}

/// Some of them with how they stand.
pub(crate) fn of(conn: &mut PgConnection, tenant: &Tenant, requests: Vec<Request>) -> Result<Vec<LeaveRequest>, Fault> {
    let ids: Vec<LeaveRequestId> = requests.iter().map(|request| LeaveRequestId(request.request_id.0)).collect();
    let rows: Vec<Row> = table::table
        .filter(table::org_id.eq(tenant.org_id()).and(table::leave_request_id.eq_any(ids)))
        .select(Row::as_select())
        .load(conn)?;
    let mut rows: HashMap<_, _> = rows.into_iter().map(|row| (row.leave_request_id, row)).collect();
    let of = |request: Request| Some(rows.remove(&LeaveRequestId(request.request_id.0))?.view(request.approval));
    requests.into_iter().filter_map(of).collect()
}

/// One of them.
pub(crate) fn one(conn: &mut PgConnection, tenant: &Tenant, request: Request) -> Result<LeaveRequest, Fault> {
    of(conn, tenant, vec![request])?.pop().ok_or(Fault::NotFound)
}

/// Notes how it stands.
pub(crate) fn note(conn: &mut PgConnection, tenant: &Tenant, request: &LeaveRequest) -> Result<(), Fault> {
    diesel::update(table::table.find((tenant.org_id(), request.leave_request_id)))
        .set(table::status.eq(word(&request.approval.status)?))
        .execute(conn)?;
    Ok(())
}

/// Notes for good what it costs, and which part of a day it takes.
pub(crate) fn freeze(
    conn: &mut PgConnection,
    tenant: &Tenant,
    request: &LeaveRequest,
    part: Interval,
) -> Result<(), Error> {
    diesel::update(table::table.find((tenant.org_id(), request.leave_request_id)))
        .set((
            table::days.eq(serde_json::to_value(&request.days).map_err(Fault::internal)?),
            table::part.eq(range(part)),
        ))
        .execute(conn)
        .map_err(Error::of_write)?;
    Ok(())
}

/// Notes the last day that stays of leave that is ended early, and what the days until then cost.
pub(crate) fn shorten(conn: &mut PgConnection, tenant: &Tenant, request: &LeaveRequest) -> Result<(), Fault> {
    diesel::update(table::table.find((tenant.org_id(), request.leave_request_id)))
        .set((
            table::to_date.eq(request.to.to_diesel()),
            table::days.eq(serde_json::to_value(&request.days).map_err(Fault::internal)?),
        ))
        .execute(conn)?;
    Ok(())
}

/// A part as the database keeps it.
fn range(part: Interval) -> (Bound<jiff_diesel::Timestamp>, Bound<jiff_diesel::Timestamp>) {
    let (start, end) = overlap::kept(part);
    (start.map(jiff_diesel::ToDiesel::to_diesel), end.map(jiff_diesel::ToDiesel::to_diesel))
}

/// What holds or waits of a person on some dates, beside one request.
pub(crate) fn beside(
    conn: &mut PgConnection,
    tenant: &Tenant,
    employee_id: EmployeeId,
    (from, to): (Date, Date),
    not: Option<LeaveRequestId>,
) -> Result<Vec<Time>, Fault> {
    let standing = [word(&RequestStatus::Pending)?, word(&RequestStatus::Approved)?];
    let rows: Vec<Row> = table::table
        .filter(table::org_id.eq(tenant.org_id()).and(table::employee_id.eq(employee_id)))
        .filter(table::status.eq_any(standing))
        .filter(table::from_date.le(to.to_diesel()).and(table::to_date.ge(from.to_diesel())))
        .select(Row::as_select())
        .load(conn)?;
    let others = rows.into_iter().filter(|row| Some(row.leave_request_id) != not);
    let time = |row: Row| {
        let (from, to) = (row.from_date.to_jiff(), row.to_date.to_jiff());
        Ok(Time { from, to, piece: piece(row.portion, row.hours_start, row.hours_end)? })
    };
    others.map(time).collect()
}

/// Minutes that requests of a person that wait would take, by kind of leave.
pub(crate) fn pending(
    conn: &mut PgConnection,
    tenant: &Tenant,
    employee_id: EmployeeId,
) -> Result<HashMap<LeaveTypeId, i64>, Fault> {
    let rows: Vec<(LeaveTypeId, Value)> = table::table
        .filter(table::org_id.eq(tenant.org_id()).and(table::employee_id.eq(employee_id)))
        .filter(table::status.eq(word(&RequestStatus::Pending)?))
        .select((table::leave_type_id, table::days))
        .load(conn)?;
    let mut pending = HashMap::new();
    for (of, days) in rows {
        let days: Vec<LeaveDay> = serde_json::from_value(days).map_err(Fault::internal)?;
        *pending.entry(of).or_insert(0) += i64::from(total(&days));
    }
    Ok(pending)
}

/// Leave that holds.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) employee_id: EmployeeId,
    pub(crate) leave_type_id: LeaveTypeId,
    pub(crate) from: Date,
    pub(crate) to: Date,
    pub(crate) piece: Piece,
    /// What each day costs.
    pub(crate) days: Vec<LeaveDay>,
}

impl Held {
    /// Minutes of a date.
    pub(crate) fn minutes_on(&self, date: Date) -> u32 {
        self.days.iter().filter(|day| day.date == date).map(|day| day.minutes).sum()
    }
}

/// The leave of some people that holds and touches the dates, by its first day.
pub(crate) fn held(
    conn: &mut PgConnection,
    tenant: &Tenant,
    people: &[EmployeeId],
    (from, to): (Date, Date),
) -> Result<Vec<Held>, Fault> {
    let rows: Vec<Row> = table::table
        .filter(table::org_id.eq(tenant.org_id()))
        .filter(table::employee_id.eq_any(people))
        // In the words of the index.
        .filter(diesel::dsl::sql::<diesel::sql_types::Bool>("status = 'approved'"))
        .filter(table::from_date.le(to.to_diesel()))
        .filter(table::to_date.ge(from.to_diesel()))
        .order((table::from_date, table::leave_request_id))
        .select(Row::as_select())
        .load(conn)?;
    let held = |row: Row| {
        Ok(Held {
            employee_id: row.employee_id,
            leave_type_id: row.leave_type_id,
            from: row.from_date.to_jiff(),
            to: row.to_date.to_jiff(),
            piece: piece(row.portion, row.hours_start, row.hours_end)?,
            days: serde_json::from_value(row.days).map_err(Fault::internal)?,
        })
    };
    rows.into_iter().map(held).collect()
}
