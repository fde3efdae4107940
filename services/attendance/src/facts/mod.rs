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
    let own = &at.member.employee;
    let person = match employee_id.filter(|id| *id != own.employee_id) {
        None => EmployeeFact::clone(own),
        Some(id) => EmployeeFact::clone(&*app.facts.employee(&at.tenant, id).await?.ok_or(Fault::NotFound)?),
    };
    let today = at.member.org.date_at(&person, app.core.clock.now());
    if at.member.may(permission, &person, today) { Ok(person) } else { Err(Fault::Forbidden) }
}
