//! The local copy of what org says: who works where, under whom, with which rights.
//!
//! Org's events keep it fresh; what is missing is asked for once and remembered. So a member who is known here
//! punches while every other service is down. What is used is in memory too, so that it costs no query.

mod authority;
mod backfill;
pub(crate) mod domain;
mod follow;
pub(crate) mod keep;
mod memory;
pub(crate) mod store;

pub use authority::Facts;
pub(crate) use authority::{People, org_is_away};
pub(crate) use backfill::GENERATION;
pub use domain::Member;

use crate::app::App;
use rollcall_attendance_api::codes::UNKNOWN_EMPLOYEE;
use rollcall_common::fault::Fault;
use rollcall_ids::EmployeeId;
use rollcall_org_api::facts::EmployeeFact;
use rollcall_org_api::rights::Permission;

/// A caller below `/orgs/{org_id}` who is a member there.
pub(crate) type InOrg = rollcall_common::tenant::InTenant<Facts>;

/// What a request carries, looked at only once it is known that the caller is a member: whoever is not is told 404
/// and nothing of what else is wrong.
pub(crate) type Then<T> = Result<T, Fault>;

/// The person that a request is about, the caller when it names nobody, if the caller may use `permission` on
/// them today.
pub(crate) async fn person(
    app: &App,
    at: &InOrg,
    employee_id: Option<EmployeeId>,
    permission: Permission,
) -> Result<EmployeeFact, Fault> {
    found(app, at, employee_id, permission).await?.ok_or(Fault::NotFound)
}

/// [`person`] for what a body asks for them; none: the organisation has no such person, which is one wrong field among
/// others and for [`unknown_employee`] to say. Who may ask for nobody else is not told who exists.
pub(crate) async fn person_of_body(
    app: &App,
    at: &InOrg,
    employee_id: Option<EmployeeId>,
    permission: Permission,
) -> Result<Option<EmployeeFact>, Fault> {
    let own = employee_id.is_none_or(|id| id == at.member.employee.employee_id);
    if !own && !at.member.may_for_others(permission) {
        return Err(Fault::Forbidden);
    }
    found(app, at, employee_id, permission).await
}

async fn found(
    app: &App,
    at: &InOrg,
    employee_id: Option<EmployeeId>,
    permission: Permission,
) -> Result<Option<EmployeeFact>, Fault> {
    let own = &at.member.employee;
    let person = match employee_id.filter(|id| *id != own.employee_id) {
        None => EmployeeFact::clone(own),
        Some(id) => match app.facts.employee(&at.tenant, id).await? {
            Some(person) => EmployeeFact::clone(&person),
            None => return Ok(None),
        },
    };
    let today = at.member.org.date_at(&person, app.core.clock.now());
    if at.member.may(permission, &person, today) { Ok(Some(person)) } else { Err(Fault::Forbidden) }
}

/// That a body names an employee whom the organisation does not have, with whatever else is wrong with it as far as
/// that can be said without them: `rest` is the body read on the caller's own date.
pub(crate) fn unknown_employee<T>(rest: Result<T, Fault>) -> Fault {
    let unknown = Fault::invalid("/employee_id", UNKNOWN_EMPLOYEE, "the organisation has none of this id");
    match (unknown, rest) {
        (unknown, Ok(_)) => unknown,
        (Fault::Invalid(mut errors), Err(Fault::Invalid(more))) => {
            errors.extend(more);
            Fault::Invalid(errors)
        }
        (_, Err(other)) => other,
    }
}
