//! What may be taken for which day, and from what. Pure.
//!
//! Nothing is promised that its day cannot keep: whoever takes leave for days to come takes from what they will have
//! then, and leaves enough for what was taken before for days that are later still.

use super::book::{Book, Entry, Part, Source};
use super::passage::{Course, Passage};
use jiff::ToSpan as _;
use jiff::civil::Date;
use rollcall_attendance_api::leave::LeaveEntryKind as Kind;
use rollcall_ids::{LeaveEntryId, LeaveRequestId};

/// Days ahead that are looked at for what expires next: as far as leave can be asked for.
pub(crate) const AHEAD: i32 = 800;

/// There is not enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Short {
    /// For this day: what there is.
    Of {
        /// The day.
        day: Date,
        /// What it costs.
        minutes: i64,
        /// What there is.
        available: i64,
    },
    /// For this day, which was taken before.
    Later(Date),
}

/// The ledger of a person and kind of leave, what is to come, and what day it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Account<'a> {
    pub(crate) book: &'a Book,
    /// Up to the last day that is asked about, and every day for which something was taken.
    pub(crate) course: &'a Course<'a>,
    pub(crate) today: Date,
    /// Makes ids.
    pub(crate) fresh: fn() -> LeaveEntryId,
}

/// What somebody has of a kind of leave on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) balance: i64,
    pub(crate) available: i64,
    pub(crate) next_expiry: Option<(Date, i64)>,
}

impl<'a> Account<'a> {
    fn passage(&self) -> Passage<'a> {
        let mut passage = Passage::new(self.book.clone(), self.course, self.fresh);
        passage.to(self.today);
        passage
    }

    /// The last day for which something was taken that has no source yet, or `day`.
    fn horizon(&self, day: Date) -> Date {
        self.book.debts().iter().map(|debt| debt.day).fold(self.today.max(day), Date::max)
    }

    /// What is entered when so much is taken for these days, which are in the order of time; `request` is what for.
    pub(crate) fn take(
        &self,
        days: &[(Date, i64)],
        request: Option<LeaveRequestId>,
        may_owe: bool,
    ) -> Result<Vec<Entry>, Short> {
        let Some((last, _)) = days.last() else { return Ok(Vec::new()) };
        let horizon = self.horizon(*last);
        let kind = if request.is_some() { Kind::Use } else { Kind::Adjust };
        let (mut passage, mut entries) = (self.passage(), Vec::new());
        for &(day, minutes) in days.iter().filter(|(_, minutes)| *minutes > 0) {
            if day < self.today {
                for back in self.regained(&passage.book, day, minutes) {
                    passage.book.add(back.clone());
                    entries.push(back);
                }
            }
            passage.to(day);
            let short = || Short::Of { day, minutes, available: passage.book.held_on(day) };
            let parts = passage.book.draw(minutes, day, may_owe).ok_or_else(short)?;
            let mut later = 0;
            for Part { source, minutes } in parts {
                let taken = Entry::new((self.fresh)(), kind, -minutes, day);
                let taken = Entry { source, request, ..taken };
                passage.book.add(taken.clone());
                // What is not there yet is found when the day comes.
                match source.filter(|source| !passage.has_made(*source)) {
                    Some(_) => entries.push(taken),
                    None => later += minutes,
                }
            }
            if later > 0 {
                let taken = Entry::new((self.fresh)(), kind, -later, day);
                entries.push(Entry { request, ..taken });
            }
        }
        if !may_owe {
            self.keeps(passage, horizon)?;
        }
        Ok(entries)
    }

    /// Whether what was taken before for days up to `horizon` is as well provided for as without what is taken now.
    fn keeps(&self, mut with: Passage<'_>, horizon: Date) -> Result<(), Short> {
        if self.book.debts().is_empty() {
            return Ok(());
        }
        let mut without = self.passage();
        without.to(horizon);
        with.to(horizon);
        match with.late().iter().find(|late| !without.late().contains(late)) {
            Some((day, _)) if sum(with.late()) > sum(without.late()) => Err(Short::Later(*day)),
            _ => Ok(()),
        }
    }

    /// For leave of a day that is over: what could be taken then, and has expired or was carried over since, is there
    /// again, as much as is needed.
    fn regained(&self, book: &Book, day: Date, minutes: i64) -> Vec<Entry> {
        let (mut back, mut rest) = (Vec::new(), minutes);
        let mut give = |kind, minutes: i64, on, source| {
            let entry = Entry::new((self.fresh)(), kind, minutes, on);
            back.push(Entry { source: Some(source), ..entry });
        };
        let held: Vec<Source> = book.sources().iter().filter(|source| source.holds_on(day)).copied().collect();
        // Of sources that expire on one day first what is there, then what is gone, then what went on.
        for same in held.chunk_by(|one, other| one.expires_on == other.expires_on) {
            rest -= rest.min(same.iter().map(|source| source.left).sum());
            let Some(start) = same[0].expires_on.and_then(|last| last.tomorrow().ok()) else { continue };
            for source in same {
                let expired = rest.min(book.expired_of(source.id));
                if expired > 0 {
                    give(Kind::Return, expired, start, source.id);
                    rest -= expired;
                }
            }
            // What went on is taken from where it went, as far as it is still there.
            let into = |into: &&Source| into.kind == Kind::CarryOver && into.from == start;
            let mut room: Vec<(Source, i64)> =
                book.sources().iter().filter(into).map(|into| (*into, into.left + book.expired_of(into.id))).collect();
            for source in same {
                let mut moved = rest.min(book.moved(Some(source.id), start));
                for (into, room) in &mut room {
                    let part = moved.min(*room);
                    if part <= 0 {
                        continue;
                    }
                    let of_gone = (part - (*room - book.expired_of(into.id)).max(0)).max(0);
                    if of_gone > 0 {
                        give(Kind::Return, of_gone, into.expires_on.map_or(start, |last| last + 1.day()), into.id);
                    }
                    give(Kind::CarryOver, -part, start, into.id);
                    give(Kind::CarryOver, part, start, source.id);
                    (*room, moved, rest) = (*room - part, moved - part, rest - part);
                }
            }
        }
        back
    }

    /// How somebody stands on a day: before today by what was entered, from then on by what will have happened.
    pub(crate) fn standing(&self, day: Date) -> Standing {
        let available = self.available(day);
        if day < self.today {
            let next_expiry = self.book.next_expiry(day);
            return Standing { balance: self.book.balance_on(day), available, next_expiry };
        }
        let mut passage = self.passage();
        passage.to(day);
        Standing { balance: passage.book.balance_on(day), available, next_expiry: next_expiry(passage, day) }
    }

    /// The most that can be taken for a day; less than 0 when more was taken than there is.
    fn available(&self, day: Date) -> i64 {
        let mut passage = self.passage();
        passage.to(day);
        let back = if day < self.today { self.regained(&passage.book, day, i64::MAX) } else { Vec::new() };
        let there = |entry: &&Entry| {
            let source = passage.book.sources().iter().find(|source| Some(source.id) == entry.source);
            entry.minutes > 0 && source.is_some_and(|source| source.holds_on(day))
        };
        let held = passage.book.held_on(day) + back.iter().filter(there).map(|entry| entry.minutes).sum::<i64>();
        let debts = passage.book.debts();
        let due: i64 = debts.iter().filter(|debt| debt.day <= day.max(self.today)).map(|debt| debt.minutes).sum();
        if debts.is_empty() || due > 0 {
            return held - due; // Where something is owed, what there is would have paid it.
        }
        // What was taken for days to come needs some of it: the most is between what is safe and what is not.
        let (mut safe, mut most) = (0, held);
        while safe < most {
            let middle = safe + (most - safe + 1) / 2;
            if self.take(&[(day, middle)], None, false).is_ok() { safe = middle } else { most = middle - 1 }
        }
        if safe > 0 {
            return safe;
        }
        passage.to(self.horizon(day));
        -sum(passage.late())
    }
}

fn sum(late: &[(Date, i64)]) -> i64 {
    late.iter().map(|(_, minutes)| minutes).sum()
}

/// The next day after which something is gone if nobody takes it, and how much.
fn next_expiry(mut passage: Passage<'_>, day: Date) -> Option<(Date, i64)> {
    let limit = day.saturating_add(AHEAD.days());
    let mut seen = passage.entered().len();
    loop {
        let ends = |source: &Source| source.expires_on.filter(|last| source.left > 0 && day <= *last);
        let last = passage.book.sources().iter().find_map(ends)?;
        if last > limit {
            return passage.book.next_expiry(day);
        }
        passage.to(last + 1.day());
        let new = &passage.entered()[seen..];
        let gone: i64 = new.iter().filter(|entry| entry.kind == Kind::Expiry).map(|entry| -entry.minutes).sum();
        if gone > 0 {
            return Some((last, gone));
        }
        seen += new.len();
    }
}
