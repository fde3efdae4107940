//! The table of organisations.

use crate::error::Error;
use crate::orgs::domain::Org;
use crate::schema::{employees, orgs};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use jiff::Timestamp;
use jiff_diesel::ToDiesel as _;
use rollcall_common::auth::Caller;
use rollcall_common::paging::Page;
use rollcall_common::tenant::Tenant;
use rollcall_ids::OrgId;

/// Lets the transaction of a founder, which has no tenant yet, into the organisation that it founds, and out again:
/// what is remembered under the founder's `Idempotency-Key` belongs to no organisation.
pub(crate) fn within<T>(
    conn: &mut PgConnection,
    tenant: &Tenant,
    work: impl FnOnce(&mut PgConnection) -> Result<T, Error>,
) -> Result<T, Error> {
    enter(conn, &tenant.org_id().to_string())?;
    let done = work(conn)?;
    enter(conn, "")?;
    Ok(done)
}

fn enter(conn: &mut PgConnection, org: &str) -> Result<(), Error> {
    diesel::sql_query("SELECT set_config('app.org_id', $1, true)").bind::<Text, _>(org).execute(conn)?;
    Ok(())
}

/// Adds it.
pub(crate) fn insert(conn: &mut PgConnection, tenant: &Tenant, org: &Org, at: Timestamp) -> Result<(), Error> {
    diesel::insert_into(orgs::table)
        .values((
            orgs::org_id.eq(tenant.org_id()),
            orgs::name.eq(&org.name),
            orgs::time_zone.eq(&org.time_zone),
            orgs::locale.eq(&org.locale),
            orgs::country.eq(&org.country),
            orgs::week_start.eq(org.week_start.name()),
            orgs::version.eq(org.version),
            orgs::created_at.eq(at.to_diesel()),
            orgs::updated_at.eq(at.to_diesel()),
        ))
        .execute(conn)?;
    Ok(())
}

/// The organisation; none when the tenant does not exist here.
pub(crate) fn find(conn: &mut PgConnection, tenant: &Tenant) -> Result<Option<Org>, Error> {
    Ok(orgs::table.find(tenant.org_id()).select(Org::as_select()).first(conn).optional()?)
}

/// The organisation, held until the transaction ends. What spans several rows (the tree of units, who is an owner)
/// changes only under this lock, so that two such changes see each other. It lets others refer to the row.
pub(crate) fn lock(conn: &mut PgConnection, tenant: &Tenant) -> Result<Org, Error> {
    Ok(orgs::table.find(tenant.org_id()).select(Org::as_select()).for_no_key_update().first(conn)?)
}

/// Writes it with the next version; it must be locked.
pub(crate) fn save(conn: &mut PgConnection, tenant: &Tenant, org: &Org, at: Timestamp) -> Result<Org, Error> {
    let saved = diesel::update(orgs::table.find(tenant.org_id()))
        .set((
            orgs::name.eq(&org.name),
            orgs::time_zone.eq(&org.time_zone),
            orgs::locale.eq(&org.locale),
            orgs::country.eq(&org.country),
            orgs::week_start.eq(org.week_start.name()),
            orgs::version.eq(orgs::version + 1),
            orgs::updated_at.eq(at.to_diesel()),
        ))
        .returning(Org::as_returning())
        .get_result(conn)?;
    Ok(saved)
}

/// An organisation with the days from and to which somebody is employed there.
pub(crate) type Employment = (Org, jiff_diesel::Date, jiff_diesel::NullableDate);

/// A page of the caller's employments, past ones too, ordered by organisation.
pub(crate) fn of_caller(
    conn: &mut PgConnection,
    caller: &Caller,
    page: &Page<OrgId>,
) -> Result<Vec<Employment>, Error> {
    let mut query = orgs::table
        .inner_join(employees::table)
        .filter(employees::user_id.eq(caller.user_id))
        .order(orgs::org_id.asc())
        .limit(page.fetch())
        .select((Org::as_select(), employees::hired_on, employees::left_on))
        .into_boxed();
    if let Some(after) = page.after {
        query = query.filter(orgs::org_id.gt(after));
    }
    Ok(query.load(conn)?)
}

/// A page of all organisations, ordered by id, for a service that starts empty. A policy lets this job see them.
pub(crate) fn everywhere(conn: &mut PgConnection, page: &Page<OrgId>) -> Result<Vec<Org>, Error> {
    diesel::sql_query("SELECT set_config('app.job', 'list_orgs', true)").execute(conn)?;
    let mut query = orgs::table.order(orgs::org_id.asc()).limit(page.fetch()).select(Org::as_select()).into_boxed();
    if let Some(after) = page.after {
        query = query.filter(orgs::org_id.gt(after));
    }
    Ok(query.load(conn)?)
}
