//! The table of sites.

use crate::error::Error;
use crate::schema::{assignments, sites};
use crate::sites::domain::{Site, SiteRow};
use crate::units::store::still_held;
use diesel::dsl::exists;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff_diesel::ToDiesel as _;
use rollcall_common::fault::Fault;
use rollcall_common::paging::Page;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{HolidayCalendarId, SiteId};
use serde_json::Value;

/// A radius was checked to be at most 100,000.
fn radius(site: &Site) -> Option<i32> {
    site.geofence.map(|fence| i32::try_from(fence.radius_m).unwrap_or(i32::MAX))
}

fn earlier(site: &Site) -> Result<Value, Fault> {
    serde_json::to_value(&site.earlier_time_zones).map_err(Fault::internal)
}

/// Adds one.
pub(crate) fn insert(conn: &mut PgConnection, tenant: &Tenant, site: &Site, at: Timestamp) -> Result<(), Error> {
    diesel::insert_into(sites::table)
        .values((
            sites::org_id.eq(tenant.org_id()),
            sites::site_id.eq(site.site_id),
            sites::name.eq(&site.name),
            sites::time_zone.eq(&site.time_zone),
            sites::latitude.eq(site.geofence.map(|fence| fence.latitude)),
            sites::longitude.eq(site.geofence.map(|fence| fence.longitude)),
            sites::radius_m.eq(radius(site)),
            sites::allowed_networks.eq(&site.allowed_networks),
            sites::holiday_calendar_id.eq(site.holiday_calendar_id),
            sites::version.eq(site.version),
            sites::created_at.eq(at.to_diesel()),
            sites::updated_at.eq(at.to_diesel()),
        ))
        .execute(conn)
        .map_err(Error::of_write)?;
    Ok(())
}

/// One site.
pub(crate) fn find(conn: &mut PgConnection, tenant: &Tenant, site_id: SiteId) -> Result<Option<Site>, Error> {
    let row = sites::table
        .find((tenant.org_id(), site_id))
        .filter(sites::removed_at.is_null())
        .select(SiteRow::as_select())
        .first(conn)
        .optional()?;
    Ok(row.map(Site::try_from).transpose()?)
}

/// One site, held until the transaction ends.
pub(crate) fn lock(conn: &mut PgConnection, tenant: &Tenant, site_id: SiteId) -> Result<Option<Site>, Error> {
    let row = sites::table
        .find((tenant.org_id(), site_id))
        .filter(sites::removed_at.is_null())
        .select(SiteRow::as_select())
        .for_no_key_update()
        .first(conn)
        .optional()?;
    Ok(row.map(Site::try_from).transpose()?)
}

/// The site that was there first.
pub(crate) fn first(conn: &mut PgConnection, tenant: &Tenant) -> Result<SiteId, Error> {
    let first = sites::table
        .filter(sites::org_id.eq(tenant.org_id()).and(sites::removed_at.is_null()))
        .order((sites::created_at.asc(), sites::site_id.asc()))
        .select(sites::site_id)
        .first(conn)?;
    Ok(first)
}

/// Writes it with the next version; it must be locked.
pub(crate) fn save(conn: &mut PgConnection, tenant: &Tenant, site: &Site, at: Timestamp) -> Result<Site, Error> {
    let row: SiteRow = diesel::update(sites::table.find((tenant.org_id(), site.site_id)))
        .set((
            sites::name.eq(&site.name),
            sites::time_zone.eq(&site.time_zone),
            sites::latitude.eq(site.geofence.map(|fence| fence.latitude)),
            sites::longitude.eq(site.geofence.map(|fence| fence.longitude)),
            sites::radius_m.eq(radius(site)),
            sites::allowed_networks.eq(&site.allowed_networks),
            sites::holiday_calendar_id.eq(site.holiday_calendar_id),
            sites::earlier_zones.eq(earlier(site)?),
            sites::version.eq(sites::version + 1),
            sites::updated_at.eq(at.to_diesel()),
        ))
        .returning(SiteRow::as_returning())
        .get_result(conn)
        .map_err(Error::of_write)?;
    Ok(row.try_into()?)
}

/// Whether there is such a site, which then stays until the transaction ends.
pub(crate) fn hold(conn: &mut PgConnection, tenant: &Tenant, site_id: SiteId) -> Result<bool, Error> {
    let held: Option<SiteId> = sites::table
        .find((tenant.org_id(), site_id))
        .filter(sites::removed_at.is_null())
        .select(sites::site_id)
        .for_share()
        .first(conn)
        .optional()?;
    Ok(held.is_some())
}

/// Takes it out of the list; answers its last version. It must be locked.
pub(crate) fn remove(conn: &mut PgConnection, tenant: &Tenant, site_id: SiteId, at: Timestamp) -> Result<i64, Error> {
    let version = diesel::update(sites::table.find((tenant.org_id(), site_id)))
        .set((
            sites::removed_at.eq(at.to_diesel()),
            sites::holiday_calendar_id.eq(None::<HolidayCalendarId>),
            sites::version.eq(sites::version + 1),
            sites::updated_at.eq(at.to_diesel()),
        ))
        .returning(sites::version)
        .get_result(conn)?;
    Ok(version)
}

/// Whether people work there on `today` or later.
pub(crate) fn is_used(conn: &mut PgConnection, tenant: &Tenant, site_id: SiteId, today: Date) -> Result<bool, Error> {
    let people = still_held(tenant, today).filter(assignments::site_id.eq(site_id));
    Ok(diesel::select(exists(people)).get_result(conn)?)
}

/// How many there are.
pub(crate) fn count(conn: &mut PgConnection, tenant: &Tenant) -> Result<i64, Error> {
    let left = sites::table.filter(sites::org_id.eq(tenant.org_id()).and(sites::removed_at.is_null()));
    Ok(left.count().get_result(conn)?)
}

/// How many there are, with those that were removed.
pub(crate) fn count_with_removed(conn: &mut PgConnection, tenant: &Tenant) -> Result<i64, Error> {
    Ok(sites::table.filter(sites::org_id.eq(tenant.org_id())).count().get_result(conn)?)
}

/// All of them, ordered by id.
pub(crate) fn all(conn: &mut PgConnection, tenant: &Tenant) -> Result<Vec<Site>, Error> {
    let rows = sites::table
        .filter(sites::org_id.eq(tenant.org_id()).and(sites::removed_at.is_null()))
        .order(sites::site_id.asc())
        .select(SiteRow::as_select())
        .load(conn)?;
    Ok(rows.into_iter().map(Site::try_from).collect::<Result<_, _>>()?)
}

/// A page, ordered by id.
pub(crate) fn list(conn: &mut PgConnection, tenant: &Tenant, page: &Page<SiteId>) -> Result<Vec<Site>, Error> {
    let mut query = sites::table
        .filter(sites::org_id.eq(tenant.org_id()).and(sites::removed_at.is_null()))
        .order(sites::site_id.asc())
        .limit(page.fetch())
        .select(SiteRow::as_select())
        .into_boxed();
    if let Some(after) = page.after {
        query = query.filter(sites::site_id.gt(after));
    }
    Ok(query.load::<SiteRow>(conn)?.into_iter().map(Site::try_from).collect::<Result<_, _>>()?)
}
