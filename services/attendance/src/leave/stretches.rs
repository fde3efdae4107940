//! Which dates somebody earns leave for, and by which policy. Pure.
//!
//! Each accrual names the dates that it is earned for. What is still to be earned are the dates on which some policy
//! holds and which no entry names: so it does not matter how often or how late it is looked at, nor how policies were
//! changed, ended or replaced meanwhile; no date is earned twice, and none is left out. Remembering which policy had
//! given for which of its periods, as was done before, gave a year twice when another policy took over in its middle.

use super::accrual;
use super::domain::policy_for;
use crate::facts::domain::Org;
use jiff::ToSpan as _;
use jiff::civil::Date;
use rollcall_attendance_api::leave::{Accrual, CarryOver, LeavePolicy};
use rollcall_ids::{LeavePolicyId, LeaveTypeId};
use rollcall_org_api::facts::EmployeeFact;
use std::collections::BTreeSet;

/// Dates on which one policy holds for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stretch<'a> {
    pub(crate) policy: &'a LeavePolicy,
    pub(crate) from: Date,
    pub(crate) to: Date,
}

/// Something that is earned at once: for dates of one year or month of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece<'a> {
    pub(crate) policy: &'a LeavePolicy,
    /// First and last day of the whole year or month.
    pub(crate) whole: (Date, Date),
    /// First and last of the dates that it is earned for.
    pub(crate) earned: (Date, Date),
    /// The day on which it is given.
    pub(crate) due_on: Date,
}

/// A [`Piece`] with what it comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gift {
    pub(crate) policy: LeavePolicyId,
    pub(crate) earned: (Date, Date),
    pub(crate) due_on: Date,
    pub(crate) minutes: i64,
    /// The balance above which nothing is earned.
    pub(crate) cap: Option<u32>,
    /// Last day on which it can be taken.
    pub(crate) expires_on: Option<Date>,
}

impl Piece<'_> {
    /// Whether it depends on how long somebody has worked on its dates.
    pub(crate) fn is_for_work(&self) -> bool {
        matches!(self.policy.body.accrual, Accrual::WorkedHours { .. })
    }

    /// What it comes to, with so many minutes worked on its dates.
    pub(crate) fn gift(&self, worked: u32) -> Gift {
        let body = &self.policy.body;
        Gift {
            policy: self.policy.leave_policy_id,
            earned: self.earned,
            due_on: self.due_on,
            minutes: accrual::minutes(body.accrual, self.whole, self.earned, worked),
            cap: body.cap_minutes,
            expires_on: body.carry_over.map(|_| accrual::year_end(body.year_starts_month, self.due_on)),
        }
    }
}

/// Which policy holds for a person from when to when, in the order of time: on the dates of their employment, as far as
/// is needed for what is due by `until`.
pub(crate) fn stretches<'a>(
    policies: &'a [LeavePolicy],
    org: &Org,
    person: &EmployeeFact,
    of: LeaveTypeId,
    until: Date,
) -> Vec<Stretch<'a>> {
    let mine: Vec<&LeavePolicy> = policies.iter().filter(|policy| policy.body.leave_type_id == of).collect();
    let Some(earliest) = mine.iter().map(|policy| policy.body.valid_from).min() else { return Vec::new() };
    let first = earliest.max(person.hired_on);
    // A year that has begun by then is given whole.
    let last = until.saturating_add(1.year());
    let last = person.left_on.map_or(last, |left| left.min(last));
    // Another policy may hold from each of these days on, and from no other.
    let mut borders = BTreeSet::from([first]);
    let after = |to: Option<Date>| to.and_then(|to| to.tomorrow().ok());
    let changes = mine.iter().flat_map(|policy| [Some(policy.body.valid_from), after(policy.body.valid_to)]);
    let moves = person.assignments.iter().flat_map(|a| [Some(a.valid_from), after(a.valid_to)]);
    borders.extend(changes.chain(moves).flatten().filter(|day| first < *day && *day <= last));
    let mut all: Vec<Stretch<'a>> = Vec::new();
    let borders: Vec<Date> = borders.into_iter().filter(|day| *day <= last).collect();
    for (index, from) in borders.iter().copied().enumerate() {
        let to = borders.get(index + 1).map_or(last, |next| next.yesterday().unwrap_or(*next));
        let Some(policy) = policy_for(policies, org, person, of, from) else { continue };
        match all.last_mut() {
            Some(before) if before.policy.leave_policy_id == policy.leave_policy_id && before.to + 1.day() == from => {
                before.to = to;
            }
            _ => all.push(Stretch { policy, from, to }),
        }
    }
    all
}

/// What is to be earned and due by `until`, in the order in which it is due. `earned` are the dates that are; after a
/// month whose work counts `settle_days` are let pass.
pub(crate) fn pieces<'a>(
    stretches: &[Stretch<'a>],
    earned: impl Iterator<Item = (Date, Date)>,
    settle_days: u16,
    until: Date,
) -> Vec<Piece<'a>> {
    let mut earned: Vec<(Date, Date)> = earned.collect();
    earned.sort_unstable();
    let mut pieces = Vec::new();
    for Stretch { policy, from, to } in stretches.iter().copied() {
        let (mut start, months) = match policy.body.accrual {
            Accrual::None => continue,
            Accrual::Yearly { .. } => (accrual::year_start(policy.body.year_starts_month, from), 12),
            Accrual::Monthly { .. } | Accrual::WorkedHours { .. } => (from.first_of_month(), 1),
        };
        while start <= to.min(until) {
            let next = start + months.months();
            let whole = (start, next - 1.day());
            for earned in without((from.max(start), to.min(whole.1)), &earned) {
                let due_on = match policy.body.accrual {
                    Accrual::WorkedHours { .. } => next + i32::from(settle_days).days(),
                    _ => earned.0,
                };
                if due_on <= until {
                    pieces.push(Piece { policy, whole, earned, due_on });
                }
            }
            start = next;
        }
    }
    pieces.sort_by_key(|piece| (piece.due_on, piece.earned));
    pieces
}

/// What of some dates is none of `taken`, which are in the order of time.
fn without((from, to): (Date, Date), taken: &[(Date, Date)]) -> Vec<(Date, Date)> {
    let (mut free, mut next) = (Vec::new(), from);
    for (first, last) in taken.iter().filter(|(first, last)| *last >= from && *first <= to) {
        if next < *first {
            free.push((next, *first - 1.day()));
        }
        next = next.max(*last + 1.day());
    }
    if next <= to {
        free.push((next, to));
    }
    free
}

/// By which rule a leave year goes on that ends on `last`: that of the policy that holds then, and else of the one by
/// which it was earned. A policy that has no such rule lets all of it go on.
pub(crate) fn rule_on(
    stretches: &[Stretch<'_>],
    policies: &[LeavePolicy],
    earned_by: Option<LeavePolicyId>,
    last: Date,
) -> Option<(LeavePolicyId, CarryOver)> {
    let holds = stretches.iter().find(|one| one.from <= last && last <= one.to).map(|one| one.policy);
    let policy = holds.or_else(|| policies.iter().find(|policy| Some(policy.leave_policy_id) == earned_by))?;
    let everything = CarryOver { limit_minutes: None, expires_after_months: None };
    Some((policy.leave_policy_id, policy.body.carry_over.unwrap_or(everything)))
}
