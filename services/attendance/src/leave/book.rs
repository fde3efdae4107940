//! The arithmetic of the ledger of one person and one kind of leave. Pure.

use jiff::civil::Date;
use rollcall_attendance_api::leave::LeaveEntryKind;
use rollcall_ids::{LeaveEntryId, LeavePolicyId, LeaveRequestId};

/// An entry, as far as it is reckoned with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) id: LeaveEntryId,
    pub(crate) kind: LeaveEntryKind,
    pub(crate) minutes: i64,
    pub(crate) effective_on: Date,
    pub(crate) expires_on: Option<Date>,
    /// The source that it takes from or gives back to.
    pub(crate) source: Option<LeaveEntryId>,
    pub(crate) request: Option<LeaveRequestId>,
    /// The policy that it follows from.
    pub(crate) policy: Option<LeavePolicyId>,
    /// The first and the last of the dates that it is earned for: none of them is earned again.
    pub(crate) earned: Option<(Date, Date)>,
}

impl Entry {
    /// An entry that says no more than this.
    pub(crate) fn new(id: LeaveEntryId, kind: LeaveEntryKind, minutes: i64, effective_on: Date) -> Self {
        let (expires_on, source, request, policy, earned) = (None, None, None, None, None);
        Self { id, kind, minutes, effective_on, expires_on, source, request, policy, earned }
    }

    /// Whether others can take from it.
    fn is_source(&self) -> bool {
        self.source.is_none() && self.minutes > 0 && self.kind != LeaveEntryKind::Return
    }
}

/// An entry that gives, and what is left of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) id: LeaveEntryId,
    pub(crate) kind: LeaveEntryKind,
    pub(crate) left: i64,
    pub(crate) from: Date,
    pub(crate) expires_on: Option<Date>,
    pub(crate) policy: Option<LeavePolicyId>,
}

impl Source {
    /// Whether it can be taken from for this day.
    pub(crate) fn holds_on(&self, day: Date) -> bool {
        self.from <= day && self.expires_on.is_none_or(|last| day <= last)
    }
}

/// A part of what is taken or given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// Of which source; none: a debt.
    pub(crate) source: Option<LeaveEntryId>,
    /// Always more than 0.
    pub(crate) minutes: i64,
}

/// A part that was taken for a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) part: Part,
    pub(crate) day: Date,
}

/// What was taken for a day without a source: of a day to come, from what it will have; else for want of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Debt {
    /// What for; none: an adjustment by hand.
    pub(crate) request: Option<LeaveRequestId>,
    pub(crate) day: Date,
    pub(crate) minutes: i64,
}

/// A debt that a source pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Payment {
    pub(crate) debt: Debt,
    pub(crate) source: LeaveEntryId,
    /// As much of it as this source pays.
    pub(crate) minutes: i64,
}

/// The ledger of one person and kind of leave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Book {
    entries: Vec<Entry>,
    /// The one that expires first is first.
    sources: Vec<Source>,
}

impl Book {
    /// Puts it together.
    #[cfg(test)]
    pub(crate) fn new(entries: Vec<Entry>) -> Self {
        let mut book = Self { entries: Vec::with_capacity(entries.len()), sources: Vec::new() };
        for entry in entries {
            book.add(entry);
        }
        book
    }

    /// Enters one more.
    pub(crate) fn add(&mut self, entry: Entry) {
        if entry.is_source() {
            let Entry { id, kind, minutes: left, effective_on: from, expires_on, policy, .. } = entry;
            let added = Source { id, kind, left, from, expires_on, policy };
            let order = |s: &Source| (s.expires_on.is_none(), s.expires_on, s.from, s.id);
            let place = self.sources.partition_point(|source| order(source) <= order(&added));
            self.sources.insert(place, added);
        } else if let Some(source) = self.sources.iter_mut().find(|source| Some(source.id) == entry.source) {
            source.left += entry.minutes;
        }
        self.entries.push(entry);
    }

    /// What was entered, in its order.
    #[cfg(test)]
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What there is to take from, the one that expires first first.
    pub(crate) fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// The dates that something is earned for, by the entry that says so.
    pub(crate) fn earned(&self) -> impl Iterator<Item = (Date, Date)> {
        self.entries.iter().filter_map(|entry| entry.earned)
    }

    /// The sum of what counts on `day`.
    pub(crate) fn balance_on(&self, day: Date) -> i64 {
        self.entries.iter().filter(|entry| entry.effective_on <= day).map(|entry| entry.minutes).sum()
    }

    /// What was taken without a source.
    #[cfg(test)]
    pub(crate) fn debt(&self) -> i64 {
        self.debts().iter().map(|debt| debt.minutes).sum()
    }

    /// What is left of all that can be taken from for `day`.
    pub(crate) fn held_on(&self, day: Date) -> i64 {
        self.sources.iter().filter(|source| source.holds_on(day)).map(|source| source.left).sum()
    }

    /// What expires next, from `day` on: the last day, and how much is left of all that has it.
    pub(crate) fn next_expiry(&self, day: Date) -> Option<(Date, i64)> {
        let has = |source: &&Source| source.left > 0 && source.expires_on.is_some_and(|last| day <= last);
        let last = self.sources.iter().find(has)?.expires_on?;
        let same = self.sources.iter().filter(|source| source.expires_on == Some(last));
        Some((last, same.map(|source| source.left).sum()))
    }

    /// From what `minutes` for `day` are taken: first from what expires first; what no source has is a debt, if that
    /// is allowed. None: there is not enough.
    pub(crate) fn draw(&self, minutes: i64, day: Date, may_owe: bool) -> Option<Vec<Part>> {
        let (mut parts, mut rest) = (Vec::new(), minutes);
        for source in self.sources.iter().filter(|source| source.holds_on(day) && source.left > 0) {
            let taken = rest.min(source.left);
            if taken > 0 {
                parts.push(Part { source: Some(source.id), minutes: taken });
                rest -= taken;
            }
        }
        if rest > 0 {
            parts.push(Part { source: None, minutes: rest });
        }
        (rest <= 0 || may_owe).then_some(parts)
    }

    /// What a request has taken and not given back, by source and day.
    pub(crate) fn taken_by(&self, request: LeaveRequestId) -> Vec<Taken> {
        let mine = || self.entries.iter().filter(|entry| entry.request == Some(request));
        let of = |entry: &Entry| Taken {
            part: Part { source: entry.source, minutes: entry.minutes.abs() },
            day: entry.effective_on,
        };
        let mut back: Vec<Taken> = mine().filter(|entry| entry.minutes > 0).map(of).collect();
        let mut taken: Vec<Taken> = mine().filter(|entry| entry.minutes < 0).map(of).collect();
        // What was given back for a day was of that day; older entries name the day on which it was given back.
        for same_day in [true, false] {
            for one in &mut taken {
                let given = back.iter_mut().filter(|given| given.part.source == one.part.source);
                for given in given.filter(|given| !same_day || given.day == one.day) {
                    let part = one.part.minutes.min(given.part.minutes);
                    one.part.minutes -= part;
                    given.part.minutes -= part;
                }
            }
        }
        taken.retain(|one| one.part.minutes > 0);
        taken
    }

    /// What was taken without a source, by its day.
    pub(crate) fn debts(&self) -> Vec<Debt> {
        let (mut debts, mut paid): (Vec<Debt>, Vec<Debt>) = (Vec::new(), Vec::new());
        for entry in self.entries.iter().filter(|entry| entry.source.is_none() && !entry.is_source()) {
            let (request, day, minutes) = (entry.request, entry.effective_on, entry.minutes);
            let list = if minutes < 0 { &mut debts } else { &mut paid };
            match list.iter_mut().find(|debt| (debt.request, debt.day) == (request, day)) {
                Some(debt) => debt.minutes += minutes.abs(),
                None => list.push(Debt { request, day, minutes: minutes.abs() }),
            }
        }
        debts.sort_by_key(|debt| debt.day);
        for same_day in [true, false] {
            for debt in &mut debts {
                let of = paid.iter_mut().filter(|paid| paid.request == debt.request);
                for paid in of.filter(|paid| !same_day || paid.day == debt.day) {
                    let part = debt.minutes.min(paid.minutes);
                    debt.minutes -= part;
                    paid.minutes -= part;
                }
            }
        }
        debts.retain(|debt| debt.minutes > 0);
        debts
    }

    /// Which debts of days up to `day` are paid by what there is on `day`.
    pub(crate) fn payments(&self, day: Date) -> Vec<Payment> {
        let mut payments = Vec::new();
        let mut sources: Vec<Source> = self.sources.iter().filter(|source| source.holds_on(day)).copied().collect();
        if sources.iter().all(|source| source.left <= 0) {
            return payments;
        }
        for debt in self.debts().into_iter().filter(|debt| debt.day <= day) {
            let mut owed = debt.minutes;
            for source in &mut sources {
                let minutes = owed.min(source.left);
                if minutes > 0 {
                    payments.push(Payment { debt, source: source.id, minutes });
                    source.left -= minutes;
                    owed -= minutes;
                }
            }
        }
        payments
    }

    /// What has expired before `today` and is still there.
    pub(crate) fn expired(&self, today: Date) -> Vec<Source> {
        let over = |source: &&Source| source.left > 0 && source.expires_on.is_some_and(|last| last < today);
        self.sources.iter().filter(over).copied().collect()
    }

    /// What was earned for the leave year that ends on `last` and nobody took.
    fn left_over(&self, last: Date) -> impl Iterator<Item = &Source> {
        let ends = move |source: &&Source| {
            source.kind == LeaveEntryKind::Accrual && source.expires_on == Some(last) && source.left > 0
        };
        self.sources.iter().filter(ends)
    }

    /// The first of what is left over at the end of the leave year.
    pub(crate) fn first_left_over(&self, last: Date) -> Option<Source> {
        self.left_over(last).next().copied()
    }

    /// Of what was earned for the leave year that ends on `last`, what goes on into the next: at most `limit`, what has
    /// gone on already counted in. What was carried into that year is not carried again.
    pub(crate) fn carried(&self, last: Date, limit: Option<i64>) -> Vec<Part> {
        let start = last.tomorrow().unwrap_or(last);
        let mut room = limit.map_or(i64::MAX, |limit| limit - self.moved(None, start));
        let mut parts = Vec::new();
        for source in self.left_over(last) {
            let minutes = source.left.min(room);
            if minutes > 0 {
                parts.push(Part { source: Some(source.id), minutes });
                room -= minutes;
            }
        }
        parts
    }

    /// How much was carried over on `start`, of a source or of all.
    pub(crate) fn moved(&self, of: Option<LeaveEntryId>, start: Date) -> i64 {
        let out = |entry: &&Entry| {
            let from = entry.source.is_some_and(|source| of.is_none_or(|of| of == source));
            // What was put into the year and taken back from it is no source's that ended.
            let ended =
                || self.sources.iter().any(|s| Some(s.id) == entry.source && s.kind != LeaveEntryKind::CarryOver);
            entry.kind == LeaveEntryKind::CarryOver && entry.effective_on == start && from && ended()
        };
        -self.entries.iter().filter(out).map(|entry| entry.minutes).sum::<i64>()
    }

    /// How much of a source has expired and was not given back.
    pub(crate) fn expired_of(&self, of: LeaveEntryId) -> i64 {
        let mine = self.entries.iter().filter(|entry| entry.source == Some(of));
        let over = |entry: &&Entry| match entry.kind {
            LeaveEntryKind::Expiry => true,
            // Of no request: what had expired is there again.
            LeaveEntryKind::Return => entry.request.is_none(),
            _ => false,
        };
        -mine.filter(over).map(|entry| entry.minutes).sum::<i64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::ToSpan as _;
    use jiff::civil::date;
    use proptest::prelude::*;
    use rollcall_attendance_api::leave::LeaveEntryKind as Kind;

    const DAY: i64 = 480;

    fn entry(kind: Kind, minutes: i64, on: Date) -> Entry {
        Entry::new(LeaveEntryId::generate(), kind, minutes, on)
    }

    fn until(expires_on: Date, mut entry: Entry) -> Entry {
        entry.expires_on = Some(expires_on);
        entry
    }

    /// Takes leave, as the service enters it; false: there is not enough.
    fn take(book: &mut Book, request: LeaveRequestId, minutes: i64, on: Date, may_owe: bool) -> bool {
        let Some(parts) = book.draw(minutes, on, may_owe) else { return false };
        for part in parts {
            let taken = entry(Kind::Use, -part.minutes, on);
            book.add(Entry { source: part.source, request: Some(request), ..taken });
        }
        true
    }

    fn give_back(book: &mut Book, request: LeaveRequestId) {
        for Taken { part, day } in book.taken_by(request) {
            let back = entry(Kind::Return, part.minutes, day);
            book.add(Entry { source: part.source, request: Some(request), ..back });
        }
    }

    fn pay(book: &mut Book, on: Date) {
        for Payment { debt: Debt { request, day, .. }, source, minutes } in book.payments(on) {
            book.add(Entry { request, ..entry(Kind::Return, minutes, day) });
            book.add(Entry { request, source: Some(source), ..entry(Kind::Use, -minutes, day) });
        }
    }

    fn expire(book: &mut Book, today: Date) -> i64 {
        let expired = book.expired(today);
        for source in &expired {
            book.add(Entry { source: Some(source.id), ..entry(Kind::Expiry, -source.left, today) });
        }
        expired.iter().map(|source| source.left).sum()
    }

    #[test]
    fn of_ten_days_carried_over_and_eight_used_before_they_expire_two_expire() {
        let march = date(2027, 3, 31);
        let mut book = Book::new(vec![
            until(march, entry(Kind::CarryOver, 10 * DAY, date(2027, 1, 1))),
            entry(Kind::Accrual, 30 * DAY, date(2027, 1, 1)),
        ]);
        assert!(take(&mut book, LeaveRequestId::generate(), 8 * DAY, date(2027, 2, 8), false));
        assert_eq!(book.next_expiry(date(2027, 3, 1)), Some((march, 2 * DAY)));
        assert_eq!(expire(&mut book, march), 0, "the last day it can still be taken");
        assert_eq!(expire(&mut book, date(2027, 4, 1)), 2 * DAY);
        assert_eq!(expire(&mut book, date(2027, 4, 1)), 0, "once");
        assert_eq!(book.balance_on(date(2027, 4, 1)), 30 * DAY);
        assert_eq!(book.next_expiry(date(2027, 4, 1)), None);
    }

    #[test]
    fn what_expires_before_the_day_or_begins_after_it_is_not_taken_from() {
        let old = until(date(2027, 3, 31), entry(Kind::CarryOver, DAY, date(2027, 1, 1)));
        let new = entry(Kind::Accrual, DAY, date(2027, 6, 1));
        let book = Book::new(vec![old.clone(), new.clone()]);
        let from = |day| book.draw(DAY, day, false).map(|parts| parts[0].source);
        assert_eq!(from(date(2027, 3, 31)), Some(Some(old.id)));
        assert_eq!(from(date(2027, 4, 1)), None);
        assert_eq!(from(date(2027, 6, 1)), Some(Some(new.id)));
        assert_eq!(book.held_on(date(2027, 4, 1)), 0);
    }

    #[test]
    fn a_debt_is_paid_by_the_next_source_and_given_back_to_it() {
        let mut book = Book::default();
        let (request, spring) = (LeaveRequestId::generate(), date(2027, 5, 1));
        assert!(!take(&mut book, request, DAY, spring, false));
        assert!(take(&mut book, request, DAY, spring, true));
        assert_eq!((book.debt(), book.held_on(spring)), (DAY, 0));
        let earned = entry(Kind::Accrual, 3 * DAY, date(2027, 6, 1));
        book.add(earned.clone());
        pay(&mut book, date(2027, 6, 1));
        assert_eq!((book.debt(), book.held_on(date(2027, 6, 1))), (0, 2 * DAY));
        let part = Part { source: Some(earned.id), minutes: DAY };
        assert_eq!(book.taken_by(request), [Taken { part, day: spring }]);
        give_back(&mut book, request);
        assert_eq!((book.sources()[0].left, book.taken_by(request)), (3 * DAY, vec![]));
    }

    #[test]
    fn a_debt_of_a_day_to_come_waits_for_it() {
        let mut book = Book::new(vec![entry(Kind::Grant, DAY, date(2027, 1, 1))]);
        let (request, june) = (LeaveRequestId::generate(), date(2027, 6, 1));
        book.add(Entry { request: Some(request), ..entry(Kind::Use, -DAY, june) });
        assert_eq!(book.payments(date(2027, 5, 31)), []);
        pay(&mut book, june);
        assert_eq!((book.debt(), book.held_on(june)), (0, 0));
    }

    #[test]
    fn what_was_paid_on_another_day_than_it_was_taken_for_is_paid() {
        let (request, spring, june) = (Some(LeaveRequestId::generate()), date(2027, 5, 1), date(2027, 6, 1));
        let earned = entry(Kind::Accrual, 3 * DAY, june);
        let mut book = Book::new(vec![
            Entry { request, ..entry(Kind::Use, -DAY, spring) },
            Entry { request, ..entry(Kind::Use, -DAY, spring + 1.day()) },
            earned.clone(),
            Entry { request, ..entry(Kind::Return, DAY, june) },
            Entry { request, source: Some(earned.id), ..entry(Kind::Use, -DAY, june) },
        ]);
        assert_eq!(book.debts(), [Debt { request, day: spring + 1.day(), minutes: DAY }]);
        give_back(&mut book, request.unwrap());
        assert_eq!((book.debt(), book.sources()[0].left), (0, 3 * DAY));
    }

    #[test]
    fn a_year_carries_over_no_more_than_its_limit() {
        let last = date(2026, 12, 31);
        let earned = |days: i64| until(last, entry(Kind::Accrual, days * DAY, date(2026, 1, 1)));
        let before = until(last, entry(Kind::CarryOver, DAY, date(2026, 1, 1)));
        let by_hand = until(last, entry(Kind::Grant, DAY, date(2026, 1, 1)));
        let (first, second) = (earned(3), earned(5));
        let mut book = Book::new(vec![first.clone(), second, before, by_hand]);
        let sum = |book: &Book, last, limit| book.carried(last, limit).iter().map(|part| part.minutes).sum::<i64>();
        assert_eq!([Some(4 * DAY), None, Some(0)].map(|limit| sum(&book, last, limit)), [4 * DAY, 8 * DAY, 0]);
        assert_eq!(sum(&book, date(2027, 12, 31), None), 0);
        // What has gone on counts.
        book.add(Entry { source: Some(first.id), ..entry(Kind::CarryOver, -DAY, date(2027, 1, 1)) });
        assert_eq!([Some(4 * DAY), None].map(|limit| sum(&book, last, limit)), [3 * DAY, 7 * DAY]);
    }

    /// What may happen to a book.
    #[derive(Clone, Debug)]
    enum Act {
        Give { minutes: i64, on: i32, lasts: Option<i32> },
        Take { minutes: i64, on: i32, may_owe: bool },
        GiveBack { which: usize },
        Pay,
        Expire,
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            3 => (1..2_000i64, 0..400i32, proptest::option::of(0..200i32))
                .prop_map(|(minutes, on, lasts)| Act::Give { minutes, on, lasts }),
            4 => (1..2_000i64, 0..400i32, any::<bool>())
                .prop_map(|(minutes, on, may_owe)| Act::Take { minutes, on, may_owe }),
            2 => (0..8usize).prop_map(|which| Act::GiveBack { which }),
            1 => Just(Act::Pay),
            1 => Just(Act::Expire),
        ]
    }

    fn day(n: i32) -> Date {
        date(2026, 1, 1) + n.days()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        #[test]
        fn whatever_happens_the_balance_is_the_sum_and_no_source_gives_more_than_it_has(
            acts in proptest::collection::vec(act(), 0..30),
        ) {
            let (mut book, mut requests) = (Book::default(), Vec::new());
            for (n, act) in acts.into_iter().enumerate() {
                let now = day(i32::try_from(n).unwrap() * 15);
                match act {
                    Act::Give { minutes, on, lasts } => {
                        let given = entry(Kind::Grant, minutes, day(on));
                        book.add(Entry { expires_on: lasts.map(|lasts| day(on + lasts)), ..given });
                    }
                    Act::Take { minutes, on, may_owe } => {
                        let before = book.clone();
                        let request = LeaveRequestId::generate();
                        if take(&mut book, request, minutes, day(on), may_owe) {
                            let taken: i64 = book.taken_by(request).iter().map(|taken| taken.part.minutes).sum();
                            prop_assert_eq!(taken, minutes, "exactly what was asked for");
                            requests.push(request);
                            // Taking and giving back is as if nothing had been: for every source, and for debts.
                            let mut undone = book.clone();
                            give_back(&mut undone, request);
                            prop_assert_eq!(undone.sources(), before.sources());
                            prop_assert_eq!(undone.debt(), before.debt());
                        } else {
                            prop_assert!(!may_owe);
                            prop_assert_eq!(&book, &before);
                        }
                    }
                    Act::GiveBack { which } => {
                        if let Some(request) = requests.get(which) {
                            give_back(&mut book, *request);
                            prop_assert_eq!(book.taken_by(*request), vec![]);
                        }
                    }
                    Act::Pay => pay(&mut book, now),
                    Act::Expire => {
                        expire(&mut book, now);
                        prop_assert_eq!(book.expired(now), vec![]);
                    }
                }
                let left: i64 = book.sources().iter().map(|source| source.left).sum();
                let sum: i64 = book.entries.iter().map(|entry| entry.minutes).sum();
                prop_assert_eq!(book.balance_on(Date::MAX), sum);
                prop_assert_eq!(sum, left - book.debt());
                prop_assert!(book.debt() >= 0);
                prop_assert!(book.sources().iter().all(|source| source.left >= 0), "{:?}", book.sources());
                prop_assert_eq!(&Book::new(book.entries.clone()), &book, "in whatever steps it was put together");
            }
        }

        #[test]
        fn what_expires_first_is_taken_first(
            lasts in proptest::collection::vec(proptest::option::of(0..300i32), 1..8), minutes in 1..2_000i64,
        ) {
            let given = lasts.iter().map(|lasts| {
                let given = entry(Kind::Grant, 300, day(0));
                Entry { expires_on: lasts.map(day), ..given }
            });
            let book = Book::new(given.collect());
            let on = day(10);
            let Some(parts) = book.draw(minutes, on, false) else {
                prop_assert!(book.held_on(on) < minutes);
                return Ok(());
            };
            let last_of = |part: &Part| {
                let source = book.sources().iter().find(|source| Some(source.id) == part.source).unwrap();
                source.expires_on.unwrap_or(Date::MAX)
            };
            prop_assert!(parts.iter().map(last_of).is_sorted());
            prop_assert!(parts.iter().all(|part| last_of(part) >= on));
            // Whatever expires before the last one that was touched is used up.
            let latest = parts.iter().map(last_of).max().unwrap();
            let of_sources = book.sources().iter().filter(|s| s.expires_on.is_some_and(|last| last >= on && last < latest));
            for source in of_sources {
                let whole = Part { source: Some(source.id), minutes: source.left };
                prop_assert!(parts.contains(&whole));
            }
        }
    }
}
