//! Which swaps are possible, and what they make of the roster. Pure.

use crate::approvals::bench::Bench;
use crate::roster::domain::{NewEntry, Planned, Target};
use crate::workdays::facts::{Interval, ShiftFacts};
use crate::workdays::plan::Plan;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rollcall_attendance_api::approvals::RequestGist;
use rollcall_attendance_api::codes;
use rollcall_attendance_api::shifts::Shift;
use rollcall_attendance_api::swaps::{NewSwap, SwapObstacle};
use rollcall_common::validate::{self, Fields, Rejection};
use rollcall_ids::{EmployeeId, ShiftId, SiteId};
use rollcall_org_api::facts::EmployeeFact;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Days ahead: as far as people plan among themselves.
const AHEAD: i32 = 366;
/// Days around a day on which a plan may touch those of it: a shift lasts a day at most.
pub(crate) const AROUND: i32 = 2;

/// Which days are exchanged: that of whoever asks, and that of the colleague.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) date: Date,
    pub(crate) with_date: Date,
}

/// Whom a client asks and for which days; none: one of these is wrong, which is noted in `fields`, and nothing of such a
/// swap can be looked at. `colleague` is whoever was found by the id that they name.
pub(crate) fn parse(
    fields: &mut Fields,
    body: &NewSwap,
    bench: &Bench,
    colleague: Option<Arc<EmployeeFact>>,
) -> Option<(Terms, Arc<EmployeeFact>)> {
    let near = |date: Date| {
        let date = validate::date(date)?;
        let ahead = bench.today.until(date).map_or(i32::MAX, |span| span.get_days());
        let detail = || format!("must be from today to {AHEAD} days ahead");
        if (0..=AHEAD).contains(&ahead) { Ok(date) } else { Err(Rejection::new("date_out_of_range", detail())) }
    };
    let date = fields.take("/date", near(body.date));
    let with_date = fields.take_optional("/with_date", body.with_date.map(near));
    let known = colleague.ok_or_else(|| Rejection::new(codes::UNKNOWN_EMPLOYEE, "there is none of this id"));
    let colleague = known.and_then(|colleague| {
        let other = colleague.employee_id != bench.person.employee_id;
        if other { Ok(colleague) } else { Err(Rejection::new("same_person", "must be somebody else")) }
    });
    let colleague = fields.take("/with_employee_id", colleague);
    let terms = date.zip(with_date).map(|(date, with_date)| Terms { date, with_date: with_date.unwrap_or(date) });
    terms.zip(colleague)
}

/// Why a client asks, if they say it.
pub(crate) fn reason(body: &NewSwap) -> Option<Result<String, Rejection>> {
    body.reason.as_deref().map(|reason| validate::lines(reason, 500))
}

/// What is known of somebody on a date.
#[derive(Clone, Debug)]
pub(crate) struct Day {
    pub(crate) zone: TimeZone,
    pub(crate) shift: Option<Shift>,
    pub(crate) on_leave: bool,
    pub(crate) employed: bool,
    pub(crate) site_id: Option<SiteId>,
}

impl Day {
    fn span(&self, date: Date) -> Option<Interval> {
        self.shift.as_ref().map(|shift| span(shift, date, &self.zone))
    }
}

fn span(shift: &Shift, date: Date, zone: &TimeZone) -> Interval {
    Plan::of(&ShiftFacts::from(shift), date, zone).span
}

/// Somebody's days around those that are exchanged.
#[derive(Clone, Debug)]
pub(crate) struct Hand {
    pub(crate) employee_id: EmployeeId,
    pub(crate) name: String,
    pub(crate) days: BTreeMap<Date, Day>,
}

/// What is in the way of a swap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Obstacle {
    pub(crate) code: &'static str,
    /// Whose day.
    pub(crate) employee_id: EmployeeId,
    pub(crate) date: Date,
    pub(crate) detail: String,
}

impl From<Obstacle> for SwapObstacle {
    fn from(Obstacle { code, employee_id, date, detail }: Obstacle) -> Self {
        Self { code: code.to_owned(), employee_id, date, detail }
    }
}

/// A swap with all that says whether it is possible.
#[derive(Clone, Debug)]
pub(crate) struct Deal {
    pub(crate) terms: Terms,
    /// Whoever asks.
    pub(crate) asker: Hand,
    /// The colleague.
    pub(crate) other: Hand,
    /// Dates of periods that are locked.
    pub(crate) locked: Vec<Date>,
    pub(crate) now: Timestamp,
}

/// A version of a shift.
pub(crate) type Version = (ShiftId, i64);

fn version(shift: &Shift) -> Version {
    (shift.shift_id, shift.version)
}

impl Deal {
    /// The shift that whoever asks gives away, and the one they take over.
    pub(crate) fn shifts(&self) -> Option<(&Shift, &Shift)> {
        let given = self.asker.days.get(&self.terms.date)?.shift.as_ref()?;
        Some((given, self.other.days.get(&self.terms.with_date)?.shift.as_ref()?))
    }

    /// In few words.
    pub(crate) fn gist(&self, reason: Option<String>) -> RequestGist {
        let Terms { date, with_date } = self.terms;
        let label =
            self.shifts().map(|(given, taken)| format!("{} ↔ {} · {}", given.code, taken.code, self.other.name));
        RequestGist { from: date.min(with_date), to: date.max(with_date), minutes: None, label, reason }
    }

    /// What is in the way; nothing: it is possible.
    pub(crate) fn obstacles(&self) -> Vec<Obstacle> {
        let Terms { date, with_date } = self.terms;
        let mut found = Vec::new();
        for hand in [&self.asker, &self.other] {
            for on in self.dates() {
                self.look_at(hand, on, &mut found);
            }
        }
        for (hand, on) in [(&self.asker, date), (&self.other, with_date)] {
            match hand.days.get(&on).map(|day| day.span(on)) {
                None | Some(None) => found.push(obstacle("not_planned", hand, on, "has no shift to give away on")),
                Some(Some(span)) if span.start <= self.now.as_second() => {
                    found.push(obstacle("already_begun", hand, on, "has begun the shift of"));
                }
                Some(Some(_)) => {}
            }
        }
        if date == with_date {
            if self.shifts().is_some_and(|(given, taken)| given.shift_id == taken.shift_id) {
                found.push(obstacle("same_shift", &self.other, date, "has the same shift on"));
            }
        } else {
            for (hand, on) in [(&self.other, date), (&self.asker, with_date)] {
                if hand.days.get(&on).is_some_and(|day| day.shift.is_some()) {
                    found.push(obstacle("not_free", hand, on, "is not free on"));
                }
            }
        }
        if found.is_empty() {
            found.extend(self.collisions());
        }
        found
    }

    /// The same, and whether these are still the shifts that were asked for.
    pub(crate) fn obstacles_since(&self, asked: (Version, Version)) -> Vec<Obstacle> {
        let mut found = self.obstacles();
        let planned = |hand: &Hand, on: Date| hand.days.get(&on)?.shift.as_ref().map(version);
        let Terms { date, with_date } = self.terms;
        for (hand, on, was) in [(&self.asker, date, asked.0), (&self.other, with_date, asked.1)] {
            if planned(hand, on) != Some(was) {
                found.push(obstacle("plan_changed", hand, on, "has another plan by now for"));
            }
        }
        found
    }

    /// The plans that it makes: each for one person and one day.
    pub(crate) fn entries(&self) -> Vec<NewEntry> {
        let plan = |(employee_id, date, shift): (EmployeeId, Date, Option<&Shift>)| NewEntry {
            target: Target::Employee(employee_id),
            from: date,
            to: date,
            planned: shift.map_or(Planned::Off, |shift| Planned::Shift(shift.shift_id)),
        };
        self.after().into_iter().map(plan).collect()
    }

    fn dates(&self) -> Vec<Date> {
        let Terms { date, with_date } = self.terms;
        if date == with_date { vec![date] } else { vec![date, with_date] }
    }

    fn look_at(&self, hand: &Hand, on: Date, found: &mut Vec<Obstacle>) {
        let Some(day) = hand.days.get(&on) else { return };
        if !day.employed {
            found.push(obstacle("not_employed", hand, on, "does not work here on"));
        }
        if day.on_leave {
            found.push(obstacle("on_leave", hand, on, "is on leave on"));
        }
        if self.locked.contains(&on) && hand.employee_id == self.asker.employee_id {
            found.push(obstacle("period_locked", hand, on, "has a period that is locked on"));
        }
        // A shift is worked at the site of whoever works it.
        let elsewhere = self.asker.days.get(&on).is_some_and(|mine| mine.site_id != day.site_id);
        if elsewhere {
            found.push(obstacle("other_site", hand, on, "works at another site on"));
        }
    }

    /// What each is planned for on the days of the swap once it holds.
    fn after(&self) -> Vec<(EmployeeId, Date, Option<&Shift>)> {
        let Terms { date, with_date } = self.terms;
        let Some((given, taken)) = self.shifts() else { return Vec::new() };
        let (asker, other) = (self.asker.employee_id, self.other.employee_id);
        let mut plans = vec![(other, date, Some(given)), (asker, with_date, Some(taken))];
        if date != with_date {
            plans.extend([(asker, date, None), (other, with_date, None)]);
        }
        plans
    }

    /// Shifts of one person that would be planned at the same time.
    fn collisions(&self) -> Vec<Obstacle> {
        let after = self.after();
        let of = |hand: &Hand| {
            let mut planned: Vec<(Interval, Date)> = Vec::new();
            for (on, day) in &hand.days {
                let swapped = after.iter().find(|(id, date, _)| (*id, *date) == (hand.employee_id, *on));
                let shift = swapped.map_or(day.shift.as_ref(), |(_, _, shift)| *shift);
                planned.extend(shift.map(|shift| (span(shift, *on, &day.zone), *on)));
            }
            planned.sort_unstable_by_key(|(span, _)| span.start);
            let both = planned.windows(2).filter(|two| two[0].0.end > two[1].0.start);
            let days: Vec<Date> = both.flat_map(|two| [two[0].1, two[1].1]).collect();
            let swapped = |on: &Date| after.iter().any(|(id, date, _)| (*id, *date) == (hand.employee_id, *on));
            let days = days.into_iter().filter(swapped);
            days.map(|on| obstacle("shifts_collide", hand, on, "would have two shifts at once on")).collect::<Vec<_>>()
        };
        [of(&self.asker), of(&self.other)].concat()
    }
}

fn obstacle(code: &'static str, whose: &Hand, date: Date, says: &str) -> Obstacle {
    Obstacle { code, employee_id: whose.employee_id, date, detail: format!("{} {says} {date}", whose.name) }
}

/// What a client is told of what depends on the plan of the colleague.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Theirs {
    /// All of it: they see that plan.
    Seen,
    /// One refusal that gives no reason, and only when nothing of their own is wrong.
    Hidden,
    /// Nothing: something else that they ask for is wrong already.
    Unsaid,
}

/// What is in the way, as fields of what was asked for that are wrong. Whoever does not see the plan of the colleague
/// could otherwise probe it, unnoticed, by what cannot be asked for anyway: what is wrong besides would come alone when
/// the colleague is free. With nothing wrong besides, the colleague who is free is told of the swap.
pub(crate) fn refuse(fields: &mut Fields, terms: Terms, obstacles: Vec<Obstacle>, asker: EmployeeId, theirs: Theirs) {
    // Also when one's own next shift collides with the one that would be taken over.
    let hides = |one: &Obstacle| one.employee_id != asker || one.code == "shifts_collide";
    let (hidden, shown): (Vec<_>, Vec<_>) = obstacles.into_iter().partition(|one| theirs != Theirs::Seen && hides(one));
    if theirs == Theirs::Hidden && shown.is_empty() && !hidden.is_empty() {
        let detail = "nothing of theirs can be swapped for that day";
        fields.reject("/with_employee_id", Rejection::new(codes::COLLEAGUE_UNAVAILABLE, detail));
    }
    for Obstacle { code, date, detail, .. } in shown {
        let pointer = match code {
            "other_site" | "same_shift" => "/with_employee_id",
            _ if date == terms.date => "/date",
            _ => "/with_date",
        };
        fields.reject(pointer, Rejection::new(code, detail));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::ToSpan as _;
    use jiff::civil::date;
    use rollcall_attendance_api::policy::Policy;
    use rollcall_attendance_api::wall_time::WallTime;

    const MONDAY: Date = date(2026, 6, 1);
    const THURSDAY: Date = date(2026, 6, 4);

    fn shift(code: &str, start: &str, end: &str) -> Shift {
        let wall = |text: &str| WallTime::parse(text).unwrap();
        Shift {
            shift_id: ShiftId::generate(),
            code: code.into(),
            name: code.into(),
            start: wall(start),
            end: wall(end),
            breaks: vec![],
            valid_from: None,
            policy: Policy::default(),
            version: 1,
            created_at: Timestamp::UNIX_EPOCH,
        }
    }

    /// Somebody at `site` from the Saturday before to the Sunday after, who is free but for these days.
    fn hand(name: &str, site: SiteId, planned: &[(Date, &Shift)]) -> Hand {
        let day = |on: Date| Day {
            zone: TimeZone::get("Europe/Berlin").unwrap(),
            shift: planned.iter().find(|(date, _)| *date == on).map(|(_, shift)| (*shift).clone()),
            on_leave: false,
            employed: true,
            site_id: Some(site),
        };
        let days = (-2..=6).map(|n| MONDAY + n.days()).map(|on| (on, day(on))).collect();
        Hand { employee_id: EmployeeId::generate(), name: name.into(), days }
    }

    fn deal(terms: Terms, asker: Hand, other: Hand) -> Deal {
        Deal { terms, asker, other, locked: vec![], now: "2026-05-20T00:00:00Z".parse().unwrap() }
    }

    fn codes(deal: &Deal) -> Vec<(String, String, Date)> {
        let name = |id| if id == deal.asker.employee_id { &deal.asker.name } else { &deal.other.name };
        deal.obstacles().into_iter().map(|one| (one.code.to_owned(), name(one.employee_id).clone(), one.date)).collect()
    }

    fn same_day() -> Terms {
        Terms { date: MONDAY, with_date: MONDAY }
    }

    fn two_days() -> Terms {
        Terms { date: MONDAY, with_date: THURSDAY }
    }

    #[test]
    fn shifts_of_one_day_change_hands_and_of_two_days_each_gets_a_day_off() {
        let (early, late) = (shift("E", "06:00", "14:00"), shift("L", "14:00", "22:00"));
        let site = SiteId::generate();
        let one = deal(same_day(), hand("Ada", site, &[(MONDAY, &early)]), hand("Bob", site, &[(MONDAY, &late)]));
        assert_eq!(codes(&one), []);
        let plans = |deal: &Deal| -> Vec<_> {
            deal.entries().into_iter().map(|entry| (entry.target, entry.from, entry.planned)).collect()
        };
        let (ada, bob) = (Target::Employee(one.asker.employee_id), Target::Employee(one.other.employee_id));
        let (e, l) = (Planned::Shift(early.shift_id), Planned::Shift(late.shift_id));
        assert_eq!(plans(&one), [(bob, MONDAY, e), (ada, MONDAY, l)]);
        let two = deal(two_days(), hand("Ada", site, &[(MONDAY, &early)]), hand("Bob", site, &[(THURSDAY, &late)]));
        assert_eq!(codes(&two), []);
        let (ada, bob) = (Target::Employee(two.asker.employee_id), Target::Employee(two.other.employee_id));
        let expected =
            [(bob, MONDAY, e), (ada, THURSDAY, l), (ada, MONDAY, Planned::Off), (bob, THURSDAY, Planned::Off)];
        assert_eq!(plans(&two), expected);
        assert_eq!(two.gist(None).label.as_deref(), Some("E ↔ L · Bob"));
    }

    #[test]
    fn everything_in_the_way_is_named_with_whose_day_it_is() {
        let (early, late) = (shift("E", "06:00", "14:00"), shift("L", "14:00", "22:00"));
        let site = SiteId::generate();
        let ada = || hand("Ada", site, &[(MONDAY, &early)]);
        let bob = || hand("Bob", site, &[(MONDAY, &late)]);
        let named = |code: &str, who: &str, date| (code.to_owned(), who.to_owned(), date);
        let with = |change: &dyn Fn(&mut Deal)| {
            let mut deal = deal(same_day(), ada(), bob());
            change(&mut deal);
            codes(&deal)
        };
        let on = |hand: &mut Hand, change: &dyn Fn(&mut Day)| change(hand.days.get_mut(&MONDAY).unwrap());
        let found = with(&|deal| on(&mut deal.other, &|day| day.on_leave = true));
        assert_eq!(found, [named("on_leave", "Bob", MONDAY)]);
        let found = with(&|deal| on(&mut deal.asker, &|day| day.employed = false));
        assert_eq!(found, [named("not_employed", "Ada", MONDAY)]);
        let found = with(&|deal| on(&mut deal.other, &|day| day.site_id = Some(SiteId::generate())));
        assert_eq!(found, [named("other_site", "Bob", MONDAY)]);
        let found = with(&|deal| on(&mut deal.asker, &|day| day.shift = None));
        assert_eq!(found, [named("not_planned", "Ada", MONDAY)]);
        let found = with(&|deal| on(&mut deal.other, &|day| day.shift = Some(early.clone())));
        assert_eq!(found, [named("same_shift", "Bob", MONDAY)]);
        let found = with(&|deal| deal.locked = vec![MONDAY]);
        assert_eq!(found, [named("period_locked", "Ada", MONDAY)]);
        // Six in Berlin: the early one has begun and the late one has not.
        let found = with(&|deal| deal.now = "2026-06-01T04:00:00Z".parse().unwrap());
        assert_eq!(found, [named("already_begun", "Ada", MONDAY)]);
        let busy = deal(two_days(), hand("Ada", site, &[(MONDAY, &early), (THURSDAY, &early)]), bob());
        let expected = [
            named("not_planned", "Bob", THURSDAY),
            named("not_free", "Bob", MONDAY),
            named("not_free", "Ada", THURSDAY),
        ];
        assert_eq!(codes(&busy), expected);
    }

    #[test]
    fn a_night_that_would_run_into_the_next_morning_collides_and_one_that_ends_as_it_begins_does_not() {
        let (early, late) = (shift("E", "06:00", "14:00"), shift("L", "14:00", "22:00"));
        let (night, long) = (shift("N", "22:00", "06:00"), shift("N2", "22:00", "06:30"));
        let site = SiteId::generate();
        let tuesday = MONDAY + 1.day();
        let ada = || hand("Ada", site, &[(MONDAY, &late), (tuesday, &early)]);
        let touching = deal(same_day(), ada(), hand("Bob", site, &[(MONDAY, &night)]));
        assert_eq!(codes(&touching), []);
        let over = deal(same_day(), ada(), hand("Bob", site, &[(MONDAY, &long)]));
        assert_eq!(codes(&over), [("shifts_collide".to_owned(), "Ada".to_owned(), MONDAY)]);
    }

    #[test]
    fn another_version_of_a_shift_is_another_plan() {
        let (early, late) = (shift("E", "06:00", "14:00"), shift("L", "14:00", "22:00"));
        let site = SiteId::generate();
        let deal = deal(same_day(), hand("Ada", site, &[(MONDAY, &early)]), hand("Bob", site, &[(MONDAY, &late)]));
        let asked = (version(&early), version(&late));
        assert_eq!(deal.obstacles_since(asked), []);
        let changed = deal.obstacles_since((asked.0, (late.shift_id, 2)));
        assert_eq!((changed[0].code, changed[0].employee_id), ("plan_changed", deal.other.employee_id));
    }
}
