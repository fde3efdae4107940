//! Who works where on which day, against a naive model: random histories, and what each sees of them.

use crate::support::{Fixture, Seat, each, id};
use jiff::ToSpan as _;
use jiff::civil::{Date, date};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use rollcall_ids::{EmployeeId, UnitId};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Units besides the root: one below the other, and one beside them.
const UNITS: usize = 3;
const PEOPLE: usize = 8;
/// Days of the histories, around the tests' today.
const FIRST: Date = date(2026, 5, 1);
const DAYS: i32 = 60;

/// A person of the model: days count from [`FIRST`].
#[derive(Clone, Debug)]
struct Person {
    hired: i32,
    left: Option<i32>,
    /// First and last day, unit, and whether the manager of the test is their direct manager.
    held: Vec<(i32, Option<i32>, usize, bool)>,
}

impl Person {
    fn works(&self, day: i32) -> bool {
        self.hired <= day && self.left.is_none_or(|left| day <= left)
    }

    fn held(&self, day: i32) -> Option<(usize, bool)> {
        let holds = |(from, to, ..): &&(i32, Option<i32>, usize, bool)| *from <= day && to.is_none_or(|to| day <= to);
        self.held.iter().find(holds).map(|(.., unit, reports)| (*unit, *reports))
    }
}

fn day(offset: i32) -> Date {
    FIRST.checked_add(offset.days()).unwrap()
}

fn person() -> impl Strategy<Value = Person> {
    let stretch = (0..15_i32, 1..15_i32, 0..UNITS, any::<bool>());
    let open = any::<bool>();
    (0..30_i32, proptest::option::of(0..40_i32), proptest::collection::vec(stretch, 1..4), open).prop_map(
        |(hired, left, stretches, open)| {
            let mut at = hired;
            let mut held = Vec::new();
            for (gap, length, unit, reports) in stretches {
                let from = if held.is_empty() { hired } else { at + gap };
                at = from + length;
                held.push((from, Some(at - 1), unit, reports));
            }
            if open && let Some(last) = held.last_mut() {
                last.1 = None;
            }
            Person { hired, left: left.map(|left| hired + left), held }
        },
    )
}

/// The file that brings the people about.
fn file(people: &[Person]) -> String {
    let mut file = "number,name,hired_on,left_on,unit,manager_number,valid_from,valid_to\n".to_owned();
    for (number, person) in people.iter().enumerate() {
        let left = person.left.map(|left| day(left).to_string()).unwrap_or_default();
        for (from, to, unit, reports) in &person.held {
            let to = to.map(|to| day(to).to_string()).unwrap_or_default();
            let manager = if *reports { "boss" } else { "" };
            let (hired, from) = (day(person.hired), day(*from));
            writeln!(file, "p{number},Person {number},{hired},{left},U{unit},{manager},{from},{to}").unwrap();
        }
    }
    file
}

/// A company with a manager of the upper of two units, and the people of the model.
async fn company(f: &Fixture, people: &[Person]) -> (Seat, Seat, Vec<UnitId>) {
    let owner = f.found().await;
    let mut units: Vec<UnitId> = Vec::new();
    for number in 0..UNITS {
        let parent = if number == 1 { Some(units[0]) } else { None };
        let body = json!({"name": format!("Unit {number}"), "code": format!("U{number}"), "parent_id": parent});
        units.push(id(&f.post(owner, "/units", body).await.must(201)["unit_id"]));
    }
    let (manager, boss) = f.join(owner, "boss", &["manager"]).await;
    f.patch(owner, &format!("/units/{}", units[0]), json!({"head_employee_id": boss})).await.must(200);
    let done = f.import(owner, &file(people)).await;
    assert_eq!(done["status"], "committed", "{done}");
    (owner, manager, units)
}

fn numbers(page: &Value) -> BTreeSet<String> {
    each(page, "number").into_iter().filter(|number| number.starts_with('p')).map(str::to_owned).collect()
}

fn expected(people: &[Person], fits: impl Fn(&Person) -> bool) -> BTreeSet<String> {
    let fitting = people.iter().enumerate().filter(|(_, person)| fits(person));
    fitting.map(|(number, _)| format!("p{number}")).collect()
}

#[tokio::test]
async fn who_works_where_on_a_day_agrees_with_a_naive_model_and_a_manager_sees_nobody_else() {
    let f = Fixture::start().await;
    let mut runner = TestRunner::default();
    let strategy = proptest::collection::vec(person(), PEOPLE);
    let today = (date(2026, 6, 1) - FIRST).get_days();
    for _ in 0..5 {
        let people = strategy.new_tree(&mut runner).unwrap().current();
        let (owner, manager, units) = company(&f, &people).await;
        // What the manager reaches: the two units one above the other, and whoever reports to them.
        let reached = |person: &Person, on: i32| person.held(on).is_some_and(|(unit, reports)| unit < 2 || reports);
        for on in (-2..DAYS).step_by(7).chain([today]) {
            let as_of = format!("/employees?limit=200&as_of={}", day(on));
            let all = f.get(owner, &as_of).await.must(200);
            assert_eq!(numbers(&all), expected(&people, |person| person.works(on)), "{on}: {people:?}");
            let held: BTreeMap<&str, usize> = all["items"].as_array().unwrap().iter().map(shown).collect();
            for (number, person) in people.iter().enumerate().filter(|(_, person)| person.works(on)) {
                assert_eq!(held[format!("p{number}").as_str()], usize::from(person.held(on).is_some()));
            }
            for (unit, unit_id) in units.iter().enumerate() {
                let in_unit = f.get(owner, &format!("{as_of}&unit_id={unit_id}")).await.must(200);
                let there = |held: usize| held == unit || (unit == 0 && held == 1);
                let fits = |person: &Person| person.works(on) && person.held(on).is_some_and(|(held, _)| there(held));
                assert_eq!(numbers(&in_unit), expected(&people, fits), "unit {unit} on {on}: {people:?}");
            }
            let left = f.get(owner, &format!("{as_of}&status=left")).await.must(200);
            assert_eq!(numbers(&left), expected(&people, |person| person.left.is_some_and(|left| left < on)));
            let seen = f.get(manager, &as_of).await.must(200);
            let in_sight = |person: &Person| person.works(on) && reached(person, on) && reached(person, today);
            assert_eq!(numbers(&seen), expected(&people, in_sight), "seen on {on}: {people:?}");
        }
        for (number, person) in people.iter().enumerate() {
            let text = format!("/employees?text=p{number}");
            let employee: EmployeeId = id(&f.get(owner, &text).await.must(200)["items"][0]["employee_id"]);
            let status = f.get(manager, &format!("/employees/{employee}")).await.status;
            assert_eq!(status == 200, reached(person, today), "p{number}: {people:?}");
        }
    }
}

/// Number and how many assignments are shown.
fn shown(item: &Value) -> (&str, usize) {
    (item["number"].as_str().unwrap(), item["assignments"].as_array().unwrap().len())
}

#[tokio::test]
async fn whatever_is_moved_the_units_stay_one_tree() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let mut units: Vec<UnitId> = vec![id(&f.get(owner, "/me").await.must(200)["unit"]["unit_id"])];
    for number in 0..5 {
        let body = json!({"name": format!("Unit {number}"), "parent_id": units[number / 2]});
        units.push(id(&f.post(owner, "/units", body).await.must(201)["unit_id"]));
    }
    let mut runner = TestRunner::default();
    let moves =
        proptest::collection::vec((0..units.len(), 0..units.len()), 40).new_tree(&mut runner).unwrap().current();
    // Two at a time, so that some meet.
    for pair in moves.chunks(2) {
        let shift = |(unit, parent): (usize, usize)| {
            let (path, body) = (format!("/units/{}", units[unit]), json!({"parent_id": units[parent]}));
            async {
                let (path, body) = (path, body);
                f.patch(owner, &path, body).await
            }
        };
        let (one, other) = tokio::join!(shift(pair[0]), shift(pair[1]));
        for reply in [one, other] {
            assert!([200, 409].contains(&reply.status.as_u16()), "{}", reply.body);
        }
        let tree = f.get(owner, "/units/tree").await.must(200);
        assert_eq!(count(&tree), units.len(), "no unit is lost or twice: {tree}");
    }
}

fn count(node: &Value) -> usize {
    1 + node["children"].as_array().unwrap().iter().map(count).sum::<usize>()
}

#[tokio::test]
async fn the_past_cannot_be_asked_for_nonsense() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    f.get(owner, "/employees?as_of=0001-01-01").await.refused(422, "invalid_input");
    f.get(owner, "/employees?as_of=yesterday").await.refused(400, "malformed_input");
    assert_eq!(each(&f.get(owner, "/employees?as_of=2026-05-31").await.must(200), "number").len(), 0);
}
