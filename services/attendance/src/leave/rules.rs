//! The kinds of leave and policies of an organisation, and what follows from them for a person.

use super::book::Book;
use super::entries::{self, Posting};
use super::passage::{Course, Passage};
use super::stretches::{self, Gift, Piece};
use super::taking::{AHEAD, Account};
use super::{store, taking};
use crate::facts::domain::Org;
use crate::workdays;
use diesel::pg::PgConnection;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};
use rollcall_attendance_api::leave::{LeavePolicy, LeaveType};
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{LeaveEntryId, LeaveTypeId};
use rollcall_org_api::facts::EmployeeFact;
use std::collections::HashMap;
use std::sync::Arc;

/// The rules of an organisation.
pub(crate) struct Rules {
    pub(crate) org: Arc<Org>,
    pub(crate) types: Vec<LeaveType>,
    pub(crate) policies: Vec<LeavePolicy>,
    /// Days that are let pass after a month whose work counts.
    pub(super) settle_days: u16,
}

/// A person, and when it is for them.
#[derive(Clone, Copy)]
pub(crate) struct Whose<'a> {
    pub(crate) person: &'a EmployeeFact,
    pub(crate) today: Date,
    pub(crate) now: Timestamp,
}

impl Rules {
    pub(crate) fn load(
        conn: &mut PgConnection,
        tenant: &Tenant,
        org: Arc<Org>,
        settle_days: u16,
    ) -> Result<Self, Fault> {
        let policies = store::list_policies(conn, tenant, None, None, i64::MAX)?;
        let policies = policies.into_iter().map(|(_, policy)| policy).collect();
        Ok(Self { org, types: store::all_types(conn, tenant)?, policies, settle_days })
    }

    /// What is to come for a person up to `until`. Work that is not done yet earns nothing.
    pub(crate) fn ahead(&self, person: &EmployeeFact, of: LeaveTypeId, book: &Book, until: Date) -> Course<'_> {
        let mut course = self.course(person, of, until);
        let pieces = stretches::pieces(&course.stretches, book.earned(), self.settle_days, until);
        course.gifts = pieces.iter().filter(|piece| !piece.is_for_work()).map(|piece| piece.gift(0)).collect();
        course
    }

    /// The account of a book, with what is to come.
    pub(crate) fn account<'a>(book: &'a Book, course: &'a Course<'a>, today: Date) -> Account<'a> {
        taking::Account { book, course, today, fresh: LeaveEntryId::generate }
    }

    /// The day up to which a course must be known for what is asked of `day`.
    pub(crate) fn horizon(book: &Book, day: Date, today: Date) -> Date {
        let taken = book.debts().iter().map(|debt| debt.day).fold(day.max(today), Date::max);
        taken.saturating_add(AHEAD.days())
    }

    /// Does whatever was due for a person up to today, and enters it. Whoever calls holds their account.
    pub(crate) fn catch_up(
        &self,
        conn: &mut PgConnection,
        tenant: &Tenant,
        whose: Whose<'_>,
        books: &mut HashMap<LeaveTypeId, Book>,
    ) -> Result<(), Fault> {
        for of in &self.types {
            let book = books.entry(of.leave_type_id).or_default();
            self.catch_up_one(conn, tenant, whose, of.leave_type_id, book)?;
        }
        Ok(())
    }

    /// As [`Self::catch_up`], of one kind of leave.
    pub(crate) fn catch_up_one(
        &self,
        conn: &mut PgConnection,
        tenant: &Tenant,
        whose: Whose<'_>,
        of: LeaveTypeId,
        book: &mut Book,
    ) -> Result<(), Fault> {
        let course = self.due(conn, tenant, whose, of, book)?;
        let mut passage = Passage::new(book.clone(), &course, LeaveEntryId::generate);
        passage.to(whose.today);
        let employee_id = whose.person.employee_id;
        let posting = Posting { employee_id, leave_type_id: of, by: None, now: whose.now };
        for entry in passage.entered() {
            entries::post(conn, tenant, book, posting, entry.clone(), None)?;
        }
        Ok(())
    }

    /// What is due for a person by today and not entered yet, with what they have worked for it.
    fn due(
        &self,
        conn: &mut PgConnection,
        tenant: &Tenant,
        whose: Whose<'_>,
        of: LeaveTypeId,
        book: &Book,
    ) -> Result<Course<'_>, Fault> {
        let Whose { person, today, now } = whose;
        let mut course = self.course(person, of, today);
        let mut gift = |piece: &Piece<'_>| -> Result<Option<Gift>, Fault> {
            let worked = if piece.is_for_work() {
                // While a device keeps some of it the month waits: what is given once is not reckoned again.
                workdays::worked_minutes(conn, tenant, &self.org, person, piece.earned, now)?
            } else {
                Some(0)
            };
            Ok(worked.map(|worked| piece.gift(worked)))
        };
        let pieces = stretches::pieces(&course.stretches, book.earned(), self.settle_days, today);
        course.gifts = pieces.iter().filter_map(|piece| gift(piece).transpose()).collect::<Result<_, Fault>>()?;
        Ok(course)
    }

    fn course(&self, person: &EmployeeFact, of: LeaveTypeId, until: Date) -> Course<'_> {
        let stretches = stretches::stretches(&self.policies, &self.org, person, of, until);
        Course { gifts: Vec::new(), stretches, policies: &self.policies }
    }
}
