//! Every route of the service.

use crate::{
    assignments, audit, delegations, employees, holidays, imports, invitations, members, orgs, roles, sites, units,
};
use rollcall_common::problem::{FieldError, Problem};
use utoipa_actix_web::service_config::ServiceConfig;

/// Title, text and tags of the description.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Rollcall org",
        description = "Who works where, under whom, with which rights. Refusals are `application/problem+json` \
            (RFC 9457); lists are paged by `limit` and `cursor`; a `POST` that creates takes `Idempotency-Key`; \
            `ETag` is the version of a resource and `If-Match` protects a change.",
        version = "1",
    ),
    components(schemas(Problem, FieldError)),
    tags(
        (name = "orgs", description = "Organisations"),
        (name = "units", description = "The tree of departments"),
        (name = "sites", description = "Places of work"),
        (name = "holidays", description = "Calendars of public holidays"),
        (name = "employees", description = "People, where they work and their roles"),
        (name = "imports", description = "Employees and assignments in bulk, from and to CSV"),
        (name = "roles", description = "What may be done, and to whom"),
        (name = "delegations", description = "Who decides in whose place"),
        (name = "invitations", description = "How an employee gets to their account"),
        (name = "audit", description = "The record of changes"),
        (name = "internal", description = "For other services, with a service token"),
    ),
)]
pub(crate) struct Description;

/// Registers them.
pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(orgs::handlers::found)
        .service(orgs::handlers::list)
        .service(orgs::handlers::find)
        .service(orgs::handlers::patch)
        .service(members::handlers::me)
        .service(units::handlers::create)
        .service(units::handlers::list)
        .service(units::chart::show)
        .service(units::handlers::find)
        .service(units::handlers::patch)
        .service(units::handlers::remove)
        .service(sites::handlers::create)
        .service(sites::handlers::list)
        .service(sites::handlers::find)
        .service(sites::handlers::patch)
        .service(sites::handlers::remove)
        .service(holidays::handlers::create)
        .service(holidays::handlers::list)
        .service(holidays::handlers::find)
        .service(holidays::handlers::patch)
        .service(holidays::handlers::remove)
        .service(holidays::handlers::holidays)
        .service(holidays::handlers::add)
        .service(holidays::handlers::drop_day)
        .service(holidays::imports::import)
        .service(employees::handlers::hire)
        .service(employees::handlers::list)
        .service(employees::handlers::find)
        .service(employees::handlers::patch)
        .service(assignments::handlers::list)
        .service(assignments::handlers::create)
        .service(assignments::handlers::patch)
        .service(assignments::handlers::remove)
        .service(roles::own::list)
        .service(roles::own::find)
        .service(roles::own::create)
        .service(roles::own::patch)
        .service(roles::own::remove)
        .service(roles::handlers::give)
        .service(roles::handlers::take)
        .service(delegations::handlers::create)
        .service(delegations::handlers::list)
        .service(delegations::handlers::find)
        .service(delegations::handlers::remove)
        .service(imports::handlers::create)
        .service(imports::handlers::list)
        .service(imports::handlers::find)
        .service(imports::handlers::lines)
        .service(imports::handlers::commit)
        .service(imports::export::export)
        .service(invitations::handlers::create)
        .service(invitations::handlers::list)
        .service(invitations::handlers::find)
        .service(invitations::handlers::accept)
        .service(audit::handlers::list)
        .service(members::internal::by_user)
        .service(members::internal::find)
        .service(members::internal::snapshot)
        .service(members::internal::calendars)
        .service(members::internal::all);
}
