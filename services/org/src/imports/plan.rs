//! What a file comes to, against what is there: a verdict per line, and the people as they would be. Pure, so the dry run
//! and the commit are the same decision.

use crate::employees::domain::{Assignment, Dossier, Employee, EmploymentType};
use crate::imports::columns::Column;
use crate::imports::domain::{LineError, LineVerdict, Verdict};
use crate::imports::entry::{Entry, Place, entry};
use crate::imports::labels::Labels;
use crate::imports::table::Table;
use jiff::civil::Date;
use rollcall_common::validate::Rejection;
use rollcall_ids::{AssignmentId, EmployeeId, SiteId, UnitId};
use std::collections::HashMap;

/// What is there.
pub(crate) struct Directory {
    /// By number.
    pub(crate) people: HashMap<String, Dossier>,
    pub(crate) units: Labels<UnitId>,
    pub(crate) sites: Labels<SiteId>,
    /// Where somebody works of whom the file does not say it.
    pub(crate) root: UnitId,
    pub(crate) first_site: SiteId,
}

/// Somebody as they would be.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    /// As they are; none when they are new.
    pub(crate) before: Option<Dossier>,
    pub(crate) employee: Employee,
    /// All of theirs, ordered by `valid_from`.
    pub(crate) assignments: Vec<Assignment>,
}

impl Person {
    /// Whether anything of theirs changes.
    pub(crate) fn changes(&self) -> bool {
        self.before.as_ref().is_none_or(|was| was.employee != self.employee || was.assignments != self.assignments)
    }

    /// Whether the days of employment of somebody who is there change.
    pub(crate) fn moves_employment(&self) -> bool {
        let days = |employee: &Employee| (employee.hired_on, employee.left_on);
        self.before.as_ref().is_some_and(|was| days(&was.employee) != days(&self.employee))
    }

    /// Whether the invitation of somebody without an account would go elsewhere.
    pub(crate) fn is_readdressed(&self) -> bool {
        self.before.as_ref().is_some_and(|was| was.employee.is_readdressed_as(&self.employee))
    }
}

/// What a file comes to.
pub(crate) struct Plan {
    pub(crate) lines: Vec<LineVerdict>,
    pub(crate) people: Vec<Person>,
}

/// Decides. `may_decide_over` says of somebody who is there whether the sender may move their days or their address.
pub(crate) fn plan(
    table: &Table,
    directory: &Directory,
    may_decide_over: impl Fn(&Dossier) -> bool,
    done: impl Fn(usize),
) -> Plan {
    let mut ids: HashMap<&str, EmployeeId> =
        directory.people.iter().map(|(number, dossier)| (number.as_str(), dossier.employee.employee_id)).collect();
    let entries: Vec<(i32, Result<Entry, Vec<LineError>>)> =
        table.records.iter().map(|record| (record.line, entry(table, record))).collect();
    for (_, entry) in &entries {
        if let Ok(entry) = entry {
            ids.entry(&entry.number).or_insert_with(EmployeeId::generate);
        }
    }
    let mut planner = Planner { table, directory, ids: &ids, people: Vec::new(), of: HashMap::new() };
    let mut lines = Vec::with_capacity(entries.len());
    for (index, (line, entry)) in entries.iter().enumerate() {
        let outcome = match entry {
            Err(errors) => Err(errors.clone()),
            Ok(entry) => planner.take(*line, entry),
        };
        lines.push((*line, outcome));
        done(index + 1);
    }
    let people = planner.people;
    let verdict = |(line, outcome): (i32, Result<usize, Vec<LineError>>)| match outcome {
        Err(errors) => LineVerdict { line, verdict: Verdict::Rejected, errors },
        Ok(index) => judge(table, line, &people[index].person, &may_decide_over),
    };
    let lines = lines.into_iter().map(verdict).collect();
    Plan { lines, people: people.into_iter().map(|drawn| drawn.person).collect() }
}

/// The verdict on a line that was taken, by the person it is about.
fn judge(table: &Table, line: i32, person: &Person, may_decide_over: impl Fn(&Dossier) -> bool) -> LineVerdict {
    let mut errors = Vec::new();
    let header = |column: Column| table.headers.get(&column).cloned().unwrap_or_default();
    if let Some(pair) = person.assignments.windows(2).find(|pair| overlap(&pair[0], &pair[1])) {
        let detail = format!("two assignments hold on {}", pair[1].valid_from);
        errors.push(LineError::new(header(Column::ValidFrom), Rejection::new("assignment_overlap", detail)));
    }
    if let Some(before) = &person.before
        && (person.moves_employment() || person.is_readdressed())
        && !may_decide_over(before)
    {
        let why = Rejection::new("not_allowed", "you may not decide over their address and days of employment");
        errors.push(LineError::new(header(Column::Number), why));
    }
    let verdict = match &person.before {
        _ if !errors.is_empty() => Verdict::Rejected,
        None => Verdict::Create,
        Some(_) if person.changes() => Verdict::Change,
        Some(_) => Verdict::Unchanged,
    };
    LineVerdict { line, verdict, errors }
}

fn overlap(earlier: &Assignment, later: &Assignment) -> bool {
    earlier.valid_to.is_none_or(|to| to >= later.valid_from)
}

/// Somebody of whom the file has spoken.
struct Drawn<'a> {
    person: Person,
    /// Where first, in which words, and whether with a date.
    line: i32,
    entry: &'a Entry,
    /// First days of which the file has spoken.
    days: Vec<Option<Date>>,
}

struct Planner<'a> {
    table: &'a Table,
    directory: &'a Directory,
    ids: &'a HashMap<&'a str, EmployeeId>,
    people: Vec<Drawn<'a>>,
    of: HashMap<&'a str, usize>,
}

impl<'a> Planner<'a> {
    fn header(&self, column: Column) -> String {
        self.table.headers.get(&column).map_or(column.name(), String::as_str).to_owned()
    }

    /// Takes a line into account; answers whom it is about.
    fn take(&mut self, line: i32, entry: &'a Entry) -> Result<usize, Vec<LineError>> {
        let day = entry.place.as_ref().map(|place| place.valid_from);
        let index = match self.of.get(entry.number.as_str()) {
            Some(index) => {
                self.must_go_together(&self.people[*index], entry)?;
                *index
            }
            None => self.draw(line, entry)?,
        };
        if let Some(place) = &entry.place {
            self.put(index, place)?;
        }
        self.people[index].days.push(day);
        Ok(index)
    }

    /// Several lines are of one person when they say the same of them and each says from when on it speaks.
    fn must_go_together(&self, first: &Drawn<'_>, entry: &Entry) -> Result<(), Vec<LineError>> {
        let same = Entry { place: None, dated: true, ..first.entry.clone() } == Entry { place: None, ..entry.clone() };
        let day = entry.place.as_ref().map(|place| place.valid_from);
        if same && first.entry.dated && !first.days.contains(&day) {
            return Ok(());
        }
        let detail =
            format!("is on line {} already; further lines need the same person and another valid_from", first.line);
        Err(vec![LineError::new(self.header(Column::Number), Rejection::new("duplicate_number", detail))])
    }

    fn draw(&mut self, line: i32, entry: &'a Entry) -> Result<usize, Vec<LineError>> {
        let known = self.ids.get(entry.number.as_str());
        let employee_id = known.copied().unwrap_or_else(EmployeeId::generate);
        let before = self.directory.people.get(&entry.number).cloned();
        let has = |column| self.table.headers.contains_key(&column);
        let was = before.as_ref().map(|was| was.employee.clone());
        let employee = Employee {
            employee_id,
            number: entry.number.clone(),
            name: entry.name.clone(),
            email: if has(Column::Email) {
                entry.email.clone()
            } else {
                was.as_ref().and_then(|was| was.email.clone())
            },
            user_id: was.as_ref().and_then(|was| was.user_id),
            hired_on: entry.hired_on,
            left_on: if has(Column::LeftOn) { entry.left_on } else { was.as_ref().and_then(|was| was.left_on) },
            version: was.as_ref().map_or(1, |was| was.version),
        };
        if employee.left_on.is_some_and(|left| left < employee.hired_on) {
            let why = Rejection::new("after_left_on", "must not be after the last day of work");
            return Err(vec![LineError::new(self.header(Column::HiredOn), why)]);
        }
        let mut assignments = before.as_ref().map(|was| was.assignments.clone()).unwrap_or_default();
        // As when somebody's first day is changed otherwise: what starts on it moves along.
        if let Some(was) = &was
            && let Some(first) = assignments.iter_mut().find(|held| held.valid_from == was.hired_on)
        {
            first.valid_from = employee.hired_on;
        }
        let person = Person { before, employee, assignments };
        let new = person.before.is_none();
        self.people.push(Drawn { person, line, entry, days: vec![] });
        let index = self.people.len() - 1;
        self.of.insert(&entry.number, index);
        if new && entry.place.is_none() {
            self.put(index, &everything_as_usual(entry.hired_on))?;
        }
        Ok(index)
    }

    /// Puts an assignment among those of the person: it is the one that starts on the same day, or another.
    fn put(&mut self, index: usize, place: &Place) -> Result<(), Vec<LineError>> {
        let (directory, ids) = (self.directory, self.ids);
        let mut errors = Vec::new();
        let mut note = |column: Column, why: Rejection| errors.push(LineError::new(self.header(column), why));
        let unit = place.unit.as_deref().map(|word| directory.units.find(word)).transpose();
        let unit = unit.map_err(|why| note(Column::Unit, why)).ok().flatten();
        let site = place.site.as_deref().map(|word| directory.sites.find(word)).transpose();
        let site = site.map_err(|why| note(Column::Site, why)).ok().flatten();
        let manager = place.manager_number.as_deref().map(|number| (number, ids.get(number).copied()));
        let employee_id = self.people[index].person.employee.employee_id;
        match manager {
            Some((_, None)) => {
                let why = Rejection::new("unknown_employee", "nobody has this number");
                note(Column::ManagerNumber, why);
            }
            Some((_, Some(id))) if id == employee_id => {
                let why = Rejection::new("own_manager", "nobody is their own manager");
                note(Column::ManagerNumber, why);
            }
            _ => {}
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let has = |column| self.table.headers.contains_key(&column);
        let (says_manager, says_position, says_end) =
            (has(Column::ManagerNumber), has(Column::Position), has(Column::ValidTo));
        let manager_id = manager.and_then(|(_, id)| id);
        let assignments = &mut self.people[index].person.assignments;
        if let Some(held) = assignments.iter_mut().find(|held| held.valid_from == place.valid_from) {
            held.unit_id = unit.unwrap_or(held.unit_id);
            held.site_id = site.unwrap_or(held.site_id);
            held.manager_id = if says_manager { manager_id } else { held.manager_id };
            held.position = if says_position { place.position.clone() } else { held.position.take() };
            held.employment_type = place.employment_type.unwrap_or(held.employment_type);
            held.valid_to = if says_end { place.valid_to } else { held.valid_to };
        } else {
            assignments.push(Assignment {
                assignment_id: AssignmentId::generate(),
                employee_id,
                unit_id: unit.unwrap_or(directory.root),
                site_id: site.unwrap_or(directory.first_site),
                manager_id,
                position: place.position.clone(),
                employment_type: place.employment_type.unwrap_or(EmploymentType::FullTime),
                valid_from: place.valid_from,
                valid_to: place.valid_to,
            });
            assignments.sort_by_key(|held| held.valid_from);
        }
        Ok(())
    }
}

/// Where somebody works of whom the file does not say it.
fn everything_as_usual(valid_from: Date) -> Place {
    Place {
        unit: None,
        site: None,
        manager_number: None,
        position: None,
        employment_type: None,
        valid_from,
        valid_to: None,
    }
}
