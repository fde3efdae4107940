//! What time does to a book: leave is earned, a year ends, what was not taken expires, and what was taken for days to
//! come finds its sources. Pure: what has happened by today and what will have happened by some day is one function,
//! so a promise made today and what is entered when its day comes cannot differ.
//!
//! Leave for a day to come may take from what does not exist yet: what a year will give, or what will be carried into
//! it. It is entered without a source then, as a debt of its day, and on that day takes from what expires first, as
//! all leave does. Giving ahead what is to be earned was the other way; but nobody knows yet what will be left over.

use super::accrual;
use super::book::{Book, Entry, Payment, Source};
use super::stretches::{self, Gift, Stretch};
use jiff::civil::Date;
use rollcall_attendance_api::leave::{LeaveEntryKind as Kind, LeavePolicy};
use rollcall_ids::LeaveEntryId;

/// What is to come for a person and kind of leave.
#[derive(Clone, Debug)]
pub(crate) struct Course<'a> {
    /// What is earned, in the order in which it is due.
    pub(crate) gifts: Vec<Gift>,
    /// Which policy holds from when to when.
    pub(crate) stretches: Vec<Stretch<'a>>,
    pub(crate) policies: &'a [LeavePolicy],
}

/// A book to which time passes.
#[derive(Clone, Debug)]
pub(crate) struct Passage<'a> {
    pub(crate) book: Book,
    course: &'a Course<'a>,
    /// How many of the gifts were given.
    given: usize,
    /// The day that it has come to.
    at: Date,
    /// What was entered on the way.
    entered: Vec<Entry>,
    /// What found no source on its day.
    late: Vec<(Date, i64)>,
    fresh: fn() -> LeaveEntryId,
}

impl<'a> Passage<'a> {
    /// Begins before all time; `fresh` makes ids.
    pub(crate) fn new(book: Book, course: &'a Course<'a>, fresh: fn() -> LeaveEntryId) -> Self {
        Self { book, course, given: 0, at: Date::MIN, entered: Vec::new(), late: Vec::new(), fresh }
    }

    /// What time has entered so far, in its order.
    pub(crate) fn entered(&self) -> &[Entry] {
        &self.entered
    }

    /// Days for which something was taken that found no source on its day, and how much: also if another paid it later.
    pub(crate) fn late(&self) -> &[(Date, i64)] {
        &self.late
    }

    /// Whether a source is one that time has made on the way: there is no such entry yet.
    pub(crate) fn has_made(&self, source: LeaveEntryId) -> bool {
        self.entered.iter().any(|entry| entry.id == source)
    }

    /// Lets time pass until the end of what happens at the beginning of `until`. Days that are over are passed again
    /// without anything happening on them, unless something was not done in time.
    pub(crate) fn to(&mut self, until: Date) {
        while self.at < until {
            let day = self.next_day().map_or(until, |next| next.min(until));
            self.end_year(day);
            self.expire(day);
            self.earn(day);
            self.pay(day);
            self.at = day;
        }
    }

    /// The next day on which something may happen.
    fn next_day(&self) -> Option<Date> {
        let due = self.course.gifts.get(self.given).map(|gift| gift.due_on);
        let sources = || self.book.sources().iter().filter(|source| source.left > 0);
        let over = sources().filter_map(|source| source.expires_on?.tomorrow().ok());
        let debts = self.book.debts();
        let begun = sources().map(|source| source.from).filter(|_| !debts.is_empty());
        let days = debts.iter().map(|debt| debt.day).chain(begun).chain(over);
        days.chain(due).filter(|day| *day > self.at).min()
    }

    fn enter(&mut self, entry: Entry) {
        self.book.add(entry.clone());
        self.entered.push(entry);
    }

    fn entry(&self, kind: Kind, minutes: i64, day: Date) -> Entry {
        Entry::new((self.fresh)(), kind, minutes, day)
    }

    /// Of what was earned for a leave year that ended the day before, some goes on into the next.
    fn end_year(&mut self, start: Date) {
        let Ok(last) = start.yesterday() else { return };
        let Some(left_over) = self.book.first_left_over(last) else { return };
        let Course { stretches, policies, .. } = self.course;
        let Some((policy, rule)) = stretches::rule_on(stretches, policies, left_over.policy, last) else { return };
        let parts = self.book.carried(last, rule.limit_minutes.map(i64::from));
        let minutes: i64 = parts.iter().map(|part| part.minutes).sum();
        if minutes <= 0 {
            return;
        }
        let (policy, expires_on) = (Some(policy), accrual::carried_until(rule, start));
        self.enter(Entry { expires_on, policy, ..self.entry(Kind::CarryOver, minutes, start) });
        for part in parts {
            let out = self.entry(Kind::CarryOver, -part.minutes, start);
            self.enter(Entry { policy, source: part.source, ..out });
        }
    }

    /// What could be taken before `day` and was not is gone.
    fn expire(&mut self, day: Date) {
        for Source { id, left, expires_on, policy, .. } in self.book.expired(day) {
            let after = expires_on.and_then(|last| last.tomorrow().ok()).unwrap_or(day);
            let gone = self.entry(Kind::Expiry, -left, after);
            self.enter(Entry { source: Some(id), policy, ..gone });
        }
    }

    fn earn(&mut self, day: Date) {
        while let Some(gift) = self.course.gifts.get(self.given).filter(|gift| gift.due_on <= day) {
            self.given += 1;
            let minutes = accrual::capped(gift.minutes, self.book.balance_on(gift.due_on), gift.cap);
            let earned = self.entry(Kind::Accrual, minutes, gift.due_on);
            let (expires_on, policy, dates) = (gift.expires_on, Some(gift.policy), Some(gift.earned));
            self.enter(Entry { expires_on, policy, earned: dates, ..earned });
        }
    }

    /// What was taken for days up to this one, or is owed, takes from what there is now.
    fn pay(&mut self, day: Date) {
        for Payment { debt, source, minutes } in self.book.payments(day) {
            let request = debt.request;
            let taken = if request.is_some() { Kind::Use } else { Kind::Adjust };
            let back = self.entry(Kind::Return, minutes, debt.day);
            self.enter(Entry { request, ..back });
            let taken = self.entry(taken, -minutes, debt.day);
            self.enter(Entry { request, source: Some(source), ..taken });
        }
        let late = self.book.debts().iter().filter(|debt| debt.day == day).map(|debt| debt.minutes).sum();
        if late > 0 {
            self.late.push((day, late));
        }
    }
}
