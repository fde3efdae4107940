//! Which plan decides a day.

use crate::facts::domain::{Org, assignment_near};
use crate::rotations::domain::Cycle;
use jiff::ToSpan as _;
use jiff::civil::Date;
use rollcall_attendance_api::codes;
use rollcall_attendance_api::roster::{NewRosterEntry, PlannedBy, RosterBody};
use rollcall_attendance_api::shifts::Shift;
use rollcall_common::fault::Fault;
use rollcall_common::validate::{self, Fields, Rejection};
use rollcall_ids::{EmployeeId, RosterEntryId, RotationId, ShiftId, SiteId, UnitId};
use rollcall_org_api::facts::EmployeeFact;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use uuid::Uuid;

/// Plans in one request at most.
const ENTRIES: usize = 500;
/// Days of one plan at most: three years.
const DAYS: i32 = 1_100;

/// For whom a plan is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Target {
    /// One person.
    Employee(EmployeeId),
    /// A unit and all below it.
    Unit(UnitId),
    /// A site.
    Site(SiteId),
}

impl Target {
    /// Its kind and id as they are stored.
    pub(crate) fn parts(self) -> (&'static str, Uuid) {
        match self {
            Self::Employee(id) => ("employee", id.0),
            Self::Unit(id) => ("unit", id.0),
            Self::Site(id) => ("site", id.0),
        }
    }

    /// From kind and id as they are stored.
    pub(crate) fn of_parts(kind: &str, id: Uuid) -> Option<Self> {
        match kind {
            "employee" => Some(Self::Employee(EmployeeId(id))),
            "unit" => Some(Self::Unit(UnitId(id))),
            "site" => Some(Self::Site(SiteId(id))),
            _ => None,
        }
    }

    /// How strongly it holds: a person's plan beats a unit's, which beats a site's.
    pub(crate) fn planned_by(self) -> PlannedBy {
        match self {
            Self::Employee(_) => PlannedBy::Employee,
            Self::Unit(_) => PlannedBy::Unit,
            Self::Site(_) => PlannedBy::Site,
        }
    }
}

/// What is planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Planned {
    /// A day off.
    Off,
    /// A shift, every day.
    Shift(ShiftId),
    /// What the rotation says of the day.
    Rotation(RotationId),
}

impl Planned {
    /// The rotation, if it is one.
    pub(crate) fn rotation(self) -> Option<RotationId> {
        match self {
            Self::Rotation(id) => Some(id),
            Self::Off | Self::Shift(_) => None,
        }
    }
}

/// A plan to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewEntry {
    pub(crate) target: Target,
    pub(crate) from: Date,
    pub(crate) to: Date,
    pub(crate) planned: Planned,
}

/// A stored plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) id: RosterEntryId,
    /// Ascends in the order of planning.
    pub(crate) seq: i64,
    pub(crate) plan: NewEntry,
}

/// What exists of all that a client names.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) org: Arc<Org>,
    pub(crate) people: HashMap<EmployeeId, Arc<EmployeeFact>>,
    pub(crate) shifts: HashSet<ShiftId>,
    pub(crate) rotations: HashSet<RotationId>,
}

impl Known {
    /// The fields of an entry that name what does not exist, each with its code. Of several targets, which is one too
    /// many, each is looked at.
    fn lacks(&self, entry: &NewRosterEntry) -> impl Iterator<Item = (&'static str, &'static str)> {
        let person = entry.employee_id.is_some_and(|id| !self.people.contains_key(&id));
        let unit = entry.unit_id.is_some_and(|id| self.org.unit(id).is_none());
        let site = entry.site_id.is_some_and(|id| self.org.site(id).is_none());
        let shift = entry.shift_id.flatten().is_some_and(|id| !self.shifts.contains(&id));
        let rotation = entry.rotation_id.is_some_and(|id| !self.rotations.contains(&id));
        let fields = [
            (person, ("employee_id", codes::UNKNOWN_EMPLOYEE)),
            (unit, ("unit_id", codes::UNKNOWN_UNIT)),
            (site, ("site_id", codes::UNKNOWN_SITE)),
            (shift, ("shift_id", codes::UNKNOWN_SHIFT)),
            (rotation, ("rotation_id", codes::UNKNOWN_ROTATION)),
        ];
        fields.into_iter().filter_map(|(unknown, field)| unknown.then_some(field))
    }
}

/// The entries that are looked at: as many as there may be, however many come.
pub(crate) fn looked_at(body: &RosterBody) -> impl Iterator<Item = &NewRosterEntry> {
    body.entries.iter().take(ENTRIES)
}

/// What a client sent, or every field that is wrong; of all that it names, what is `known` exists.
pub(crate) fn parse(body: &RosterBody, known: &Known) -> Result<Vec<NewEntry>, Fault> {
    let mut fields = Fields::new();
    if body.entries.is_empty() || body.entries.len() > ENTRIES {
        fields.reject("/entries", Rejection::new("length", format!("must be 1 to {ENTRIES}")));
    }
    let mut parsed = Vec::new();
    for (index, entry) in looked_at(body).enumerate() {
        let pointer = format!("/entries/{index}");
        parsed.extend(parse_entry(&mut fields, &pointer, entry));
        for (field, code) in known.lacks(entry) {
            let unknown = Rejection::new(code, "the organisation has none of this id");
            fields.reject(&format!("{pointer}/{field}"), unknown);
        }
    }
    fields.finish()?;
    Ok(parsed)
}

fn parse_entry(fields: &mut Fields, pointer: &str, entry: &NewRosterEntry) -> Option<NewEntry> {
    let given =
        [entry.employee_id.map(Target::Employee), entry.unit_id.map(Target::Unit), entry.site_id.map(Target::Site)];
    let mut given = given.into_iter().flatten();
    let target = if let (Some(target), None) = (given.next(), given.next()) {
        Some(target)
    } else {
        let detail = "must name exactly one of employee_id, unit_id and site_id";
        fields.reject(pointer, Rejection::new("one_target", detail));
        None
    };
    let from = fields.take(&format!("{pointer}/from"), validate::date(entry.from));
    let to = fields.take(&format!("{pointer}/to"), validate::date(entry.to).and_then(|to| in_order(entry.from, to)));
    let shift = || entry.shift_id.flatten().map_or(Planned::Off, Planned::Shift);
    let planned = entry.rotation_id.map_or_else(shift, Planned::Rotation);
    Some(NewEntry { target: target?, from: from?, to: to?, planned })
}

fn in_order(from: Date, to: Date) -> Result<Date, Rejection> {
    if to < from {
        return Err(Rejection::new("before_from", "must not be before from"));
    }
    if (to - from).get_days() > DAYS {
        return Err(Rejection::new("range_too_long", format!("must be at most {DAYS} days after from")));
    }
    Ok(to)
}

/// The dates of a query: in order, in range, at most 366 of them.
pub(crate) fn range(from: Date, to: Date) -> Result<(Date, Date), Fault> {
    let mut fields = Fields::new();
    fields.take("?from", validate::date(from));
    if fields.take("?to", validate::date(to)).is_some() {
        if to < from {
            fields.reject("?to", Rejection::new("before_from", "must not be before from"));
        } else if from.year() >= 1900 && (to - from).get_days() > 365 {
            fields.reject("?to", Rejection::new("range_too_long", "must be at most 366 days, both ends included"));
        }
    }
    fields.finish()?;
    Ok((from, to))
}

/// All dates from `from` to `to`, both included.
pub(crate) fn dates(from: Date, to: Date) -> impl Iterator<Item = Date> {
    from.series(1.day()).take_while(move |date| *date <= to)
}

/// Everything that plans for these people may be addressed to.
pub(crate) fn targets(org: &Org, people: &[EmployeeFact]) -> HashSet<Target> {
    let of = |person: &EmployeeFact| {
        let units = person.assignments.iter().flat_map(|a| org.unit_and_above(a.unit_id)).map(Target::Unit);
        let sites = person.assignments.iter().map(|a| Target::Site(a.site_id));
        units.chain(sites).chain([Target::Employee(person.employee_id)]).collect::<Vec<_>>()
    };
    people.iter().flat_map(of).collect()
}

/// Plans and the shifts they name, around some people and dates.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plans {
    entries: Vec<Entry>,
    versions: HashMap<ShiftId, Vec<Shift>>,
    cycles: HashMap<RotationId, Cycle>,
}

impl Plans {
    /// Puts them together; `cycles` are those of the rotations that the entries name, `versions` all versions of the
    /// shifts that either names.
    pub(crate) fn new(mut entries: Vec<Entry>, versions: Vec<Shift>, cycles: HashMap<RotationId, Cycle>) -> Self {
        // The strongest first: by kind, then the later.
        entries.sort_by_key(|entry| (entry.plan.target.planned_by(), std::cmp::Reverse(entry.seq)));
        let mut by_shift: HashMap<ShiftId, Vec<Shift>> = HashMap::new();
        for version in versions {
            by_shift.entry(version.shift_id).or_default().push(version);
        }
        for versions in by_shift.values_mut() {
            // The one that decides a date first: of those that hold by then the latest, of two from one date on the later.
            versions.sort_by_key(|shift| std::cmp::Reverse((shift.valid_from, shift.version)));
        }
        Self { entries, versions: by_shift, cycles }
    }

    /// What was planned before these were.
    pub(crate) fn without(&self, ids: &[RosterEntryId]) -> Self {
        let mut before = self.clone();
        before.entries.retain(|entry| !ids.contains(&entry.id));
        before
    }

    /// What was planned before a shift had this version.
    pub(crate) fn without_version(&self, (shift_id, version): (ShiftId, i64)) -> Self {
        let mut before = self.clone();
        if let Some(versions) = before.versions.get_mut(&shift_id) {
            versions.retain(|shift| shift.version != version);
        }
        before
    }

    /// Those that may concern `person`.
    pub(crate) fn of<'a>(&'a self, org: &Org, person: &'a EmployeeFact) -> PlansOf<'a> {
        let lines: HashMap<_, _> =
            person.assignments.iter().map(|a| (a.unit_id, org.unit_and_above(a.unit_id))).collect();
        let concerns = |entry: &&Entry| match entry.plan.target {
            Target::Employee(id) => id == person.employee_id,
            Target::Unit(id) => lines.values().any(|line| line.contains(&id)),
            Target::Site(id) => person.assignments.iter().any(|a| a.site_id == id),
        };
        let entries = self.entries.iter().filter(concerns).collect();
        PlansOf { person, entries, lines }
    }

    /// The shift that `entry` plans for `date`, as it is on that date; none: a day off.
    pub(crate) fn shift_on(&self, entry: &Entry, date: Date) -> Option<&Shift> {
        let shift_id = match entry.plan.planned {
            Planned::Off => None,
            Planned::Shift(id) => Some(id),
            Planned::Rotation(id) => self.cycles.get(&id)?.on(date),
        };
        self.version_on(shift_id?, date)
    }

    /// The version of a shift that holds on `date`: a version that was made for a later date beforehand still holds from
    /// then on when another one is made for an earlier date.
    fn version_on(&self, shift_id: ShiftId, date: Date) -> Option<&Shift> {
        let holds = |shift: &&Shift| shift.valid_from.is_none_or(|from| from <= date);
        self.versions.get(&shift_id)?.iter().find(holds)
    }
}

/// The plans that may concern one person.
pub(crate) struct PlansOf<'a> {
    person: &'a EmployeeFact,
    /// Strongest first.
    entries: Vec<&'a Entry>,
    /// Each unit they ever belonged to, with all above it.
    lines: HashMap<UnitId, Vec<UnitId>>,
}

impl<'a> PlansOf<'a> {
    /// The plan that decides `date`. Nothing is planned for days on which somebody is not employed.
    pub(crate) fn decides(&self, date: Date) -> Option<&'a Entry> {
        if !self.person.works_on(date) {
            return None;
        }
        let assignment = assignment_near(self.person, date);
        let line = assignment.and_then(|a| self.lines.get(&a.unit_id));
        let covers = |entry: &&&Entry| {
            let plan = &entry.plan;
            let addressed = match plan.target {
                Target::Employee(_) => true,
                Target::Unit(id) => line.is_some_and(|line| line.contains(&id)),
                Target::Site(id) => assignment.is_some_and(|a| a.site_id == id),
            };
            addressed && plan.from <= date && date <= plan.to
        };
        self.entries.iter().find(covers).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use rollcall_attendance_api::policy::Policy;
    use rollcall_attendance_api::wall_time::WallTime;

    /// Plans with a shift of these versions, each with the date that it was made for.
    fn plans(shift_id: ShiftId, versions: &[(i64, Option<Date>)]) -> Plans {
        let wall = |text: &str| WallTime::parse(text).unwrap();
        let version = |&(version, valid_from): &(i64, Option<Date>)| Shift {
            shift_id,
            code: "DAY".into(),
            name: "Day".into(),
            start: wall("09:00"),
            end: wall("18:00"),
            breaks: vec![],
            valid_from,
            policy: Policy::default(),
            version,
            created_at: jiff::Timestamp::UNIX_EPOCH,
        };
        Plans::new(vec![], versions.iter().map(version).collect(), HashMap::new())
    }

    #[test]
    fn of_the_versions_that_hold_by_a_date_the_latest_decides_and_of_two_from_one_date_the_later_made() {
        let id = ShiftId::generate();
        let (may, june, july, august) = (date(2026, 5, 1), date(2026, 6, 1), date(2026, 7, 1), date(2026, 8, 1));
        let made = [(1, None), (2, Some(july)), (3, Some(june)), (4, Some(may)), (6, Some(august)), (5, Some(august))];
        let all = plans(id, &made);
        let on = |date: Date| all.version_on(id, date).unwrap().version;
        assert_eq!([may - 1.day(), may, june, july, august].map(on), [1, 4, 3, 2, 6]);
        // What somebody is told of is what the version changed, and no more.
        let before = all.without_version((id, 3));
        assert_eq!([june, july].map(|date| before.version_on(id, date).unwrap().version), [4, 2]);
    }
}
