//! The ledger in the database: added to, never edited.

use super::book::{Book, Entry, Source};
use crate::punches::store::{of_word, word};
use crate::schema::leave_entries as table;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use jiff::Timestamp;
use jiff_diesel::ToDiesel as _;
use rollcall_attendance_api::leave::{LeaveEntry, LeaveEntryKind};
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{EmployeeId, LeaveEntryId, LeavePolicyId, LeaveRequestId, LeaveTypeId};
use std::collections::HashMap;

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
    earned_from: Option<jiff_diesel::Date>,
    earned_to: Option<jiff_diesel::Date>,
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
            earned_from: self.earned_from.map(jiff_diesel::Date::to_jiff),
            earned_to: self.earned_to.map(jiff_diesel::Date::to_jiff),
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

/// Whose ledger is written to, and by whom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Posting {
    pub(crate) employee_id: EmployeeId,
    pub(crate) leave_type_id: LeaveTypeId,
    /// None: the service by itself.
    pub(crate) by: Option<EmployeeId>,
    pub(crate) now: Timestamp,
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
        earned: entry.earned_from.zip(entry.earned_to),
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

/// Enters one more, in the book too.
pub(crate) fn post(
    conn: &mut PgConnection,
    tenant: &Tenant,
    book: &mut Book,
    posting: Posting,
    entry: Entry,
    note: Option<&str>,
) -> Result<LeaveEntry, Fault> {
    let Posting { employee_id, leave_type_id, by, now } = posting;
    let (earned_from, earned_to) = entry.earned.unzip();
    let row = (
        table::org_id.eq(tenant.org_id()),
        table::leave_entry_id.eq(entry.id),
        table::employee_id.eq(employee_id),
        table::leave_type_id.eq(leave_type_id),
        table::kind.eq(word(&entry.kind)?),
        table::minutes.eq(entry.minutes),
        table::effective_on.eq(entry.effective_on.to_diesel()),
        table::expires_on.eq(entry.expires_on.map(jiff_diesel::ToDiesel::to_diesel)),
        table::source_id.eq(entry.source),
        table::leave_request_id.eq(entry.request),
        table::leave_policy_id.eq(entry.policy),
        table::reason_key.eq(reason_key(leave_type_id, book, &entry)),
        table::note.eq(note),
        table::created_at.eq(now.to_diesel()),
        table::created_by.eq(by),
        table::earned_from.eq(earned_from.map(jiff_diesel::ToDiesel::to_diesel)),
        table::earned_to.eq(earned_to.map(jiff_diesel::ToDiesel::to_diesel)),
    );
    diesel::insert_into(table::table).values(row).execute(conn)?;
    let posted = LeaveEntry {
        leave_entry_id: entry.id,
        employee_id,
        leave_type_id,
        kind: entry.kind,
        minutes: entry.minutes,
        effective_on: entry.effective_on,
        expires_on: entry.expires_on,
        earned_from,
        earned_to,
        source_id: entry.source,
        leave_request_id: entry.request,
        leave_policy_id: entry.policy,
        note: note.map(str::to_owned),
        created_at: now,
        created_by: by,
    };
    book.add(entry);
    Ok(posted)
}

/// What the service itself enters an entry for, which the database keeps unique: what is earned from a date on, and the
/// first, second … time that something goes on into a leave year.
fn reason_key(of: LeaveTypeId, book: &Book, entry: &Entry) -> Option<String> {
    match (entry.kind, entry.earned, entry.source) {
        (LeaveEntryKind::Accrual, Some((from, _)), _) => Some(format!("earned:{of}:{from}")),
        (LeaveEntryKind::CarryOver, _, None) => {
            let start = entry.effective_on;
            let same = |source: &&Source| source.kind == LeaveEntryKind::CarryOver && source.from == start;
            Some(format!("carried:{of}:{start}:{}", book.sources().iter().filter(same).count()))
        }
        _ => None,
    }
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
