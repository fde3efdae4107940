//! Writing what a plan comes to, in one transaction and few statements.

use crate::act::Act;
use crate::assignments::store as assignments;
use crate::audit::store as audit;
use crate::employees::domain::{Assignment, Dossier, Employee};
use crate::employees::store as employees;
use crate::error::Error;
use crate::imports::plan::Person;
use crate::invitations::store as invitations;
use crate::roles::domain::Role;
use crate::roles::store as roles;
use diesel::pg::PgConnection;
use rollcall_common::tenant::Tenant;

/// Rows written in one statement.
const BATCH: usize = 500;

/// Writes everybody who changes, with the traces that each change leaves. Whoever is there already must be locked.
pub(crate) fn apply(
    conn: &mut PgConnection,
    tenant: &Tenant,
    act: &Act,
    people: &[Person],
    done: impl Fn(usize),
) -> Result<(), Error> {
    let (new, old): (Vec<&Person>, Vec<&Person>) =
        people.iter().filter(|person| person.changes()).partition(|person| person.before.is_none());
    for batch in new.chunks(BATCH) {
        let hired: Vec<&Employee> = batch.iter().map(|person| &person.employee).collect();
        employees::insert_all(conn, tenant, &hired, act.at)?;
        let ids: Vec<_> = hired.iter().map(|employee| employee.employee_id).collect();
        roles::give_all(conn, tenant, &ids, Role::Employee, act.at)?;
    }
    for person in &old {
        employees::save(conn, tenant, &person.employee, act.at)?;
        // Who got the mail at the old address is not let in by it.
        if person.is_readdressed() {
            invitations::replace_open(conn, tenant, person.employee.employee_id, act.at)?;
        }
    }
    // Changes before additions: what ends makes room for what begins.
    let mut added: Vec<Assignment> = Vec::new();
    for person in new.iter().chain(&old) {
        for assignment in &person.assignments {
            match held_before(person, assignment) {
                None => added.push(assignment.clone()),
                Some(held) if held != assignment => assignments::save(conn, tenant, assignment)?,
                Some(_) => {}
            }
        }
    }
    for batch in added.chunks(BATCH) {
        assignments::insert_all(conn, tenant, batch, act.at)?;
    }
    let mut told = 0;
    for batch in new.iter().chain(&old).copied().collect::<Vec<_>>().chunks(BATCH) {
        let after: Vec<Dossier> = batch.iter().copied().map(after).collect();
        let changes = batch.iter().zip(&after);
        let entries = changes.map(|(person, after)| act.employee_entry(action(person), person.before.as_ref(), after));
        audit::append_all(conn, tenant, entries.collect::<Result<_, _>>()?)?;
        act.employee_facts(conn, tenant, &after)?;
        told += batch.len();
        done(told);
    }
    Ok(())
}

fn held_before<'a>(person: &'a Person, assignment: &Assignment) -> Option<&'a Assignment> {
    let before = person.before.as_ref()?;
    before.assignments.iter().find(|held| held.assignment_id == assignment.assignment_id)
}

const fn action(person: &Person) -> &'static str {
    match person.before {
        None => "employee.created",
        Some(_) => "employee.changed",
    }
}

/// Somebody as they are once it is written.
fn after(person: &Person) -> Dossier {
    let (employee, assignments) = (person.employee.clone(), person.assignments.clone());
    match &person.before {
        None => Dossier { employee, assignments, roles: vec![Role::Employee.into()], headed: vec![] },
        Some(before) => {
            let employee = Employee { version: before.employee.version + 1, ..employee };
            Dossier { employee, assignments, roles: before.roles.clone(), headed: before.headed.clone() }
        }
    }
}
