//! `/internal/v1/orgs/{org_id}`: what services ask when their copy of org's facts misses something.

use crate::app::App;
use crate::delegations::domain::Delegation;
use crate::delegations::store as delegations;
use crate::employees::domain::Dossier;
use crate::employees::{list, store as employees};
use crate::error::Error;
use crate::holidays::store as holidays;
use crate::orgs::store as orgs;
use crate::responses;
use crate::sites::store as sites;
use crate::units::store as units;
use crate::values::zone;
use actix_web::{get, web};
use diesel::pg::PgConnection;
use rollcall_common::answer::Answer;
use rollcall_common::auth::ServiceCaller;
use rollcall_common::db::Unscoped;
use rollcall_common::describe::PageParams;
use rollcall_common::extract::{Path, Query};
use rollcall_common::fault::Fault;
use rollcall_common::paging::{PageQuery, Paged};
use rollcall_common::tenant::Tenant;
use rollcall_ids::{EmployeeId, OrgId, UserId};
use rollcall_org_api::facts::{SiteFact, UnitFact};
use rollcall_org_api::internal::{HolidayCalendars, Member, Orgs, Snapshot};

/// The employee that an account is
#[utoipa::path(
    operation_id = "get_member_by_user",
    tag = "internal",
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("user_id" = UserId, Path, description = "The account"),
    ),
    responses((status = 200, description = "They", body = Member), responses::Internal),
    security(("service" = [])),
)]
#[get("/internal/v1/orgs/{org_id}/members/by-user/{user_id}")]
pub(crate) async fn by_user(
    app: web::Data<App>,
    service: ServiceCaller,
    path: Path<(OrgId, UserId)>,
) -> Result<Answer, Error> {
    let (org_id, user_id) = path.0;
    member(&app, &service, org_id, move |conn, tenant| employees::by_user(conn, tenant, user_id)).await
}

/// One employee
#[utoipa::path(
    operation_id = "get_member",
    tag = "internal",
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("employee_id" = EmployeeId, Path, description = "The employee"),
    ),
    responses((status = 200, description = "They", body = Member), responses::Internal),
    security(("service" = [])),
)]
#[get("/internal/v1/orgs/{org_id}/members/{employee_id}")]
pub(crate) async fn find(
    app: web::Data<App>,
    service: ServiceCaller,
    path: Path<(OrgId, EmployeeId)>,
) -> Result<Answer, Error> {
    let (org_id, employee_id) = path.0;
    member(&app, &service, org_id, move |conn, tenant| employees::find(conn, tenant, employee_id)).await
}

async fn member<F>(app: &App, service: &ServiceCaller, org_id: OrgId, look: F) -> Result<Answer, Error>
where
    F: FnOnce(&mut PgConnection, &Tenant) -> Result<Option<Dossier>, Error> + Send + 'static,
{
    let tenant = Tenant::of_service(service, org_id);
    let now = app.core.clock.now();
    let read = app.core.db.transaction(tenant, move |conn| {
        let dossier = look(conn, &tenant)?.ok_or(Fault::NotFound)?;
        let org = orgs::find(conn, &tenant)?.ok_or(Fault::NotFound)?;
        let today = now.to_zoned(zone(&org.time_zone)).date();
        let (units, sites) = surroundings(conn, &tenant)?;
        Ok(Answer::ok(&Member { org: org.fact(), employee: dossier.fact(today), units, sites })?)
    });
    read.await
}

fn surroundings(conn: &mut PgConnection, tenant: &Tenant) -> Result<(Vec<UnitFact>, Vec<SiteFact>), Error> {
    let units = units::all(conn, tenant)?.iter().map(crate::units::domain::Unit::fact).collect();
    let sites = sites::all(conn, tenant)?.iter().map(crate::sites::domain::Site::fact).collect();
    Ok((units, sites))
}

/// A page of everything
#[utoipa::path(
    operation_id = "get_snapshot",
    tag = "internal",
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        PageParams,
    ),
    responses((status = 200, description = "A page", body = Snapshot), responses::Internal),
    security(("service" = [])),
)]
#[get("/internal/v1/orgs/{org_id}/snapshot")]
pub(crate) async fn snapshot(
    app: web::Data<App>,
    service: ServiceCaller,
    Path(org_id): Path<OrgId>,
    Query(query): Query<PageQuery>,
) -> Result<Answer, Error> {
    let tenant = Tenant::of_service(&service, org_id);
    let page = query.page::<EmployeeId>()?;
    let now = app.core.clock.now();
    let read = app.core.db.transaction(tenant, move |conn| {
        let org = orgs::find(conn, &tenant)?.ok_or(Fault::NotFound)?;
        let today = now.to_zoned(zone(&org.time_zone)).date();
        let (units, sites) = if page.after.is_none() { surroundings(conn, &tenant)? } else { (vec![], vec![]) };
        let rows = list::everybody(conn, &tenant, &page)?;
        let Paged { items, next_cursor } = Paged::new(rows, &page, |dossier| dossier.employee.employee_id)?;
        let employees = items.iter().map(|dossier| dossier.fact(today)).collect();
        let (holiday_calendars, delegations) = match page.after {
            None => (holidays::all(conn, &tenant)?, delegations::current(conn, &tenant, today)?),
            Some(_) => (vec![], vec![]),
        };
        let delegations = delegations.iter().map(Delegation::fact).collect();
        let org = org.fact();
        Ok(Answer::ok(&Snapshot { org, units, sites, holiday_calendars, delegations, employees, next_cursor })?)
    });
    read.await
}

/// All holiday calendars of an organisation
#[utoipa::path(
    operation_id = "get_all_holiday_calendars",
    tag = "internal",
    params(("org_id" = OrgId, Path, description = "The organisation")),
    responses((status = 200, description = "They", body = HolidayCalendars), responses::Internal),
    security(("service" = [])),
)]
#[get("/internal/v1/orgs/{org_id}/holiday-calendars")]
pub(crate) async fn calendars(
    app: web::Data<App>,
    service: ServiceCaller,
    Path(org_id): Path<OrgId>,
) -> Result<Answer, Error> {
    let tenant = Tenant::of_service(&service, org_id);
    let read = app.core.db.transaction(tenant, move |conn| {
        orgs::find(conn, &tenant)?.ok_or(Fault::NotFound)?;
        Ok(Answer::ok(&HolidayCalendars { items: holidays::all(conn, &tenant)? })?)
    });
    read.await
}

/// A page of all organisations
#[utoipa::path(
    operation_id = "list_all_orgs",
    tag = "internal",
    params(PageParams),
    responses((status = 200, description = "A page", body = Orgs), responses::Internal),
    security(("service" = [])),
)]
#[get("/internal/v1/orgs")]
pub(crate) async fn all(
    app: web::Data<App>,
    _: ServiceCaller,
    Query(query): Query<PageQuery>,
) -> Result<Answer, Error> {
    let page = query.page::<OrgId>()?;
    let read = app.core.db.transaction(Unscoped, move |conn| {
        let rows = orgs::everywhere(conn, &page)?;
        let Paged { items, next_cursor } = Paged::new(rows, &page, |org| org.org_id)?;
        Ok(Answer::ok(&Orgs { items: items.iter().map(crate::orgs::domain::Org::fact).collect(), next_cursor })?)
    });
    read.await
}
