//! Where somebody's leave of one kind is written to: their account is held, and what time has done is done.

use super::book::{Book, Entry, Taken};
use super::entries::{self, Posting};
use super::overlap::{self, meet};
use super::requests_store as wishes;
use super::rules::{Rules, Whose};
use super::store;
use super::taking::Short;
use super::wish::Wish;
use crate::approvals::bench::Bench;
use crate::error::Error;
use crate::workdays;
use crate::workdays::facts::Interval;
use diesel::pg::PgConnection;
use jiff::Timestamp;
use jiff::civil::Date;
use rollcall_attendance_api::leave::{LeaveDay, LeaveEntry, LeaveEntryKind, LeaveType};
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{EmployeeId, LeaveEntryId, LeaveRequestId};
use std::sync::Arc;

/// The ledger of a person and kind of leave that is written to.
pub(crate) struct Desk<'a> {
    rules: Rules,
    whose: Whose<'a>,
    of: &'a LeaveType,
    pub(crate) book: Book,
}

impl<'a> Desk<'a> {
    /// Holds the account until the transaction ends, and enters whatever was due until now.
    pub(crate) fn open(
        conn: &mut PgConnection,
        tenant: &Tenant,
        bench: &'a Bench,
        of: &'a LeaveType,
        settle_days: u16,
        now: Timestamp,
    ) -> Result<Self, Fault> {
        let whose = Whose { person: &bench.person, today: bench.today, now };
        store::lock_account(conn, tenant, bench.person.employee_id)?;
        let rules = Rules::load(conn, tenant, Arc::clone(&bench.org), settle_days)?;
        let mut books = entries::books(conn, tenant, bench.person.employee_id)?;
        let book = books.remove(&of.leave_type_id).unwrap_or_default();
        let mut desk = Self { rules, whose, of, book };
        desk.settle(conn, tenant)?;
        Ok(desk)
    }

    /// What each day of a wish costs by the plan of now, and which part of a day it takes; refused when it meets other
    /// leave than `id`.
    pub(crate) fn cost(
        &self,
        conn: &mut PgConnection,
        tenant: &Tenant,
        wish: &Wish,
        id: Option<LeaveRequestId>,
    ) -> Result<(Vec<LeaveDay>, Interval), Error> {
        let (person, dates) = (self.whose.person, (wish.from, wish.to));
        let mut days = workdays::planned_days(conn, tenant, &self.rules.org, person, dates)?;
        for day in days.iter_mut().filter(|day| !person.works_on(day.date)) {
            day.shift = None; // Whoever is not employed has nothing to be free from.
        }
        let others = wishes::beside(conn, tenant, person.employee_id, dates, id)?;
        if others.iter().any(|other| meet(wish.time(), *other, &days)) {
            return Err(Error::LeaveOverlaps);
        }
        let first = days.first().ok_or_else(|| Fault::internal(anyhow::anyhow!("a wish has a day")))?;
        let part = overlap::part(wish.piece, first);
        Ok((wish.cost(&days), part))
    }

    /// What is to be entered when these days are taken; or why there is not enough, in a sentence.
    pub(crate) fn take(&self, days: &[LeaveDay], request: Option<LeaveRequestId>) -> Result<Vec<Entry>, String> {
        if !self.of.body.from_balance {
            return Ok(Vec::new());
        }
        let days: Vec<(Date, i64)> = days.iter().map(|day| (day.date, i64::from(day.minutes))).collect();
        self.taken(&days, request)
    }

    /// As [`Self::take`], whatever the kind of leave is taken from.
    pub(crate) fn taken(&self, days: &[(Date, i64)], request: Option<LeaveRequestId>) -> Result<Vec<Entry>, String> {
        let Some((last, _)) = days.last() else { return Ok(Vec::new()) };
        let until = Rules::horizon(&self.book, *last, self.whose.today);
        let course = self.rules.ahead(self.whose.person, self.of.leave_type_id, &self.book, until);
        let account = Rules::account(&self.book, &course, self.whose.today);
        account.take(days, request, self.of.body.allows_debt).map_err(|short| match short {
            Short::Of { day, minutes, available } => {
                format!("{day} costs {minutes} minutes, and there are {available}")
            }
            Short::Later(day) => format!("nothing would be left for {day}, which is approved"),
        })
    }

    /// Enters what was taken.
    pub(crate) fn post(
        &mut self,
        conn: &mut PgConnection,
        tenant: &Tenant,
        entries: Vec<Entry>,
        by: EmployeeId,
    ) -> Result<(), Fault> {
        for entry in entries {
            self.enter(conn, tenant, entry, by, None)?;
        }
        Ok(())
    }

    /// Enters one more.
    pub(crate) fn enter(
        &mut self,
        conn: &mut PgConnection,
        tenant: &Tenant,
        entry: Entry,
        by: EmployeeId,
        note: Option<&str>,
    ) -> Result<LeaveEntry, Fault> {
        let posting = Posting {
            employee_id: self.whose.person.employee_id,
            leave_type_id: self.of.leave_type_id,
            by: Some(by),
            now: self.whose.now,
        };
        entries::post(conn, tenant, &mut self.book, posting, entry, note)
    }

    /// Gives back what a request has taken for the days from `from` on, to where it was taken from.
    pub(crate) fn give_back(
        &mut self,
        conn: &mut PgConnection,
        tenant: &Tenant,
        (id, from): (LeaveRequestId, Date),
        by: EmployeeId,
    ) -> Result<(), Fault> {
        for Taken { part, day } in self.book.taken_by(id).into_iter().filter(|taken| taken.day >= from) {
            let back = Entry::new(LeaveEntryId::generate(), LeaveEntryKind::Return, part.minutes, day);
            let back = Entry { source: part.source, request: Some(id), ..back };
            self.enter(conn, tenant, back, by, None)?;
        }
        self.settle(conn, tenant)
    }

    /// Enters what is due: leave that was earned, a year that ended, debts that are paid by what there is now.
    pub(crate) fn settle(&mut self, conn: &mut PgConnection, tenant: &Tenant) -> Result<(), Fault> {
        self.rules.catch_up_one(conn, tenant, self.whose, self.of.leave_type_id, &mut self.book)
    }
}
