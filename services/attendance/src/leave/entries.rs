//! The ledger in the database: added to, never edited.

use super::book::{Book, Entry, Part};
use crate::punches::store::{of_word, word};
use crate::schema::leave_entries as table;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff_diesel::ToDiesel as _;
use rollcall_attendance_api::leave::{LeaveEntry, LeaveEntryKind};
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{EmployeeId, LeaveEntryId, LeavePolicyId, LeaveRequestId, LeaveTypeId};
use std::collections::{HashMap, HashSet};

#[derive(Queryable, Selectable)]
#[diesel(table_name = table)]
struct Row {
    leave_entry_id: LeaveEntryId,
    seq: i64,
    employee_id: EmployeeId,
    leave_type_id: LeaveTypeId,
    kind: String,
    minutes: i64,
    effective_on: jiff_diesel::Date,
    expires_on: Option<jiff_diesel::Date>,
    source_id: Option<LeaveEntryId>,
    leave_request_id: Option<LeaveRequestId>,
    leave_policy_id: Option<LeavePolicyId>,
    note: Option<String>,
    created_at: jiff_diesel::Timestamp,
    created_by: Option<EmployeeId>,
}

impl Row {
    fn view(self) -> Result<(i64, LeaveEntry), Fault> {
        let entry = LeaveEntry {
            leave_entry_id: self.leave_entry_id,
            employee_id: self.employee_id,
            leave_type_id: self.leave_type_id,
            kind: of_word(self.kind)?,
            minutes: self.minutes,
            effective_on: self.effective_on.to_jiff(),
            expires_on: self.expires_on.map(jiff_diesel::Date::to_jiff),
            source_id: self.source_id,
            leave_request_id: self.leave_request_id,
            leave_policy_id: self.leave_policy_id,
            note: self.note,
            created_at: self.created_at.to_jiff(),
            created_by: self.created_by,
        };
        Ok((self.seq, entry))
    }
}

/// Whose ledger is written to, what for, and by whom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Posting {
    pub(crate) employee_id: EmployeeId,
    pub(crate) leave_type_id: LeaveTypeId,
    pub(crate) request: Option<LeaveRequestId>,
    pub(crate) policy: Option<LeavePolicyId>,
    /// None: the service by itself.
    pub(crate) by: Option<EmployeeId>,
    pub(crate) now: Timestamp,
}

impl Posting {
    /// An entry of this posting, not yet stored.
    pub(crate) fn entry(self, kind: LeaveEntryKind, minutes: i64, effective_on: Date) -> LeaveEntry {
        LeaveEntry {
            leave_entry_id: LeaveEntryId::generate(),
            employee_id: self.employee_id,
            leave_type_id: self.leave_type_id,
            kind,
            minutes,
            effective_on,
            expires_on: None,
            source_id: None,
            leave_request_id: self.request,
            leave_policy_id: self.policy,
            note: None,
            created_at: self.now,
            created_by: self.by,
        }
    }
}

fn in_book(entry: &LeaveEntry) -> Entry {
    Entry {
        id: entry.leave_entry_id,
        kind: entry.kind,
        minutes: entry.minutes,
        effective_on: entry.effective_on,
        expires_on: entry.expires_on,
        source: entry.source_id,
        request: entry.leave_request_id,
        policy: entry.leave_policy_id,
    }
}

/// The books of a person by kind of leave. To be written to, their account must be locked.
pub(crate) fn books(
    conn: &mut PgConnection,
    tenant: &Tenant,
    employee_id: EmployeeId,
) -> Result<HashMap<LeaveTypeId, Book>, Fault> {
    let rows: Vec<Row> = table::table
        .filter(table::org_id.eq(tenant.org_id()))
        .filter(table::employee_id.eq(employee_id))
        .order(table::seq)
        .select(Row::as_select())
        .load(conn)?;
    let mut books: HashMap<LeaveTypeId, Book> = HashMap::new();
    for row in rows {
        let (_, entry) = row.view()?;
        books.entry(entry.leave_type_id).or_default().add(in_book(&entry));
    }
    Ok(books)
}

/// Enters what must not be entered twice; false: it is there.
pub(crate) fn add_once(
    conn: &mut PgConnection,
    tenant: &Tenant,
    book: &mut Book,
    entry: &LeaveEntry,
    reason_key: Option<&str>,
) -> Result<bool, Fault> {
    let row = (
        table::org_id.eq(tenant.org_id()),
        table::leave_entry_id.eq(entry.leave_entry_id),
        table::employee_id.eq(entry.employee_id),
        table::leave_type_id.eq(entry.leave_type_id),
        table::kind.eq(word(&entry.kind)?),
        table::minutes.eq(entry.minutes),
        table::effective_on.eq(entry.effective_on.to_diesel()),
        table::expires_on.eq(entry.expires_on.map(jiff_diesel::ToDiesel::to_diesel)),
        table::source_id.eq(entry.source_id),
        table::leave_request_id.eq(entry.leave_request_id),
        table::leave_policy_id.eq(entry.leave_policy_id),
        table::reason_key.eq(reason_key),
        table::note.eq(&entry.note),
        table::created_at.eq(entry.created_at.to_diesel()),
        table::created_by.eq(entry.created_by),
    );
    let key = (table::org_id, table::employee_id, table::reason_key);
    let added = diesel::insert_into(table::table).values(row).on_conflict(key).do_nothing().execute(conn)?;
    if added > 0 {
        book.add(in_book(entry));
    }
    Ok(added > 0)
}

/// Enters one more.
pub(crate) fn add(conn: &mut PgConnection, tenant: &Tenant, book: &mut Book, entry: &LeaveEntry) -> Result<(), Fault> {
    add_once(conn, tenant, book, entry, None).map(drop)
}

/// Enters parts of sources that are all taken, or all given back.
pub(crate) fn add_parts(
    conn: &mut PgConnection,
    tenant: &Tenant,
    book: &mut Book,
    posting: Posting,
    (kind, sign, day): (LeaveEntryKind, i64, Date),
    parts: &[Part],
) -> Result<(), Fault> {
    for part in parts {
        let mut entry = posting.entry(kind, sign * part.minutes, day);
        entry.source_id = part.source;
        add(conn, tenant, book, &entry)?;
    }
    Ok(())
}

/// Pays what is owed from what there is on `day`: the debt is given back, and taken from the source instead.
pub(crate) fn pay(
    conn: &mut PgConnection,
    tenant: &Tenant,
    book: &mut Book,
    posting: Posting,
    day: Date,
) -> Result<(), Fault> {
    for payment in book.payments(day) {
        let posting = Posting { request: payment.request, ..posting };
        // A debt of an adjustment belongs to no request.
        let (back, taken) = match payment.request {
            Some(_) => (LeaveEntryKind::Return, LeaveEntryKind::Use),
            None => (LeaveEntryKind::Return, LeaveEntryKind::Adjust),
        };
        add(conn, tenant, book, &posting.entry(back, payment.minutes, day))?;
        let mut entry = posting.entry(taken, -payment.minutes, day);
        entry.source_id = Some(payment.source);
        add(conn, tenant, book, &entry)?;
    }
    Ok(())
}

/// A page of the ledger of a person, newest first, with what each entry is ordered by.
pub(crate) fn list(
    conn: &mut PgConnection,
    tenant: &Tenant,
    employee_id: EmployeeId,
    of: Option<LeaveTypeId>,
    after: Option<i64>,
    limit: i64,
) -> Result<Vec<(i64, LeaveEntry)>, Fault> {
    let mut query = table::table
        .filter(table::org_id.eq(tenant.org_id()))
        .filter(table::employee_id.eq(employee_id))
        .order(table::seq.desc())
        .select(Row::as_select())
        .limit(limit)
        .into_boxed();
    if let Some(of) = of {
        query = query.filter(table::leave_type_id.eq(of));
    }
    if let Some(seq) = after {
        query = query.filter(table::seq.lt(seq));
    }
    query.load::<Row>(conn)?.into_iter().map(Row::view).collect()
}

/// What the service itself has entered for a person, and what for.
pub(crate) fn reason_keys(
    conn: &mut PgConnection,
    tenant: &Tenant,
    employee_id: EmployeeId,
) -> Result<HashSet<String>, Fault> {
    let keys: Vec<Option<String>> = table::table
        .filter(table::org_id.eq(tenant.org_id()))
        .filter(table::employee_id.eq(employee_id))
        .filter(table::reason_key.is_not_null())
        .select(table::reason_key)
        .load(conn)?;
    Ok(keys.into_iter().flatten().collect())
}
