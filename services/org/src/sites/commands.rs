//! Adding, changing and removing sites.

use crate::act::Act;
use crate::error::Error;
use crate::holidays::store as holidays;
use crate::orgs::store as orgs;
use crate::sites::domain::Site;
use crate::sites::input::{Addition, Change, Circle};
use crate::sites::store;
use diesel::pg::PgConnection;
use rollcall_common::extract::IfMatch;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{HolidayCalendarId, SiteId};

/// Sites that an organisation has at most, those that were removed too, for the reason that units are counted by: with its
/// networks and earlier zones one takes up to 7 KB.
const MOST_SITES: i64 = 2_000;

/// Adds a site.
pub(crate) fn create(conn: &mut PgConnection, tenant: &Tenant, act: &Act, addition: &Addition) -> Result<Site, Error> {
    // Two that are added at once see each other.
    orgs::lock(conn, tenant)?;
    if store::count_with_removed(conn, tenant)? >= MOST_SITES {
        return Err(
            Fault::invalid("/name", "too_many", format!("at most {MOST_SITES} sites, with those removed")).into()
        );
    }
    must_exist(conn, tenant, addition.holiday_calendar_id)?;
    let site = Site {
        site_id: SiteId::generate(),
        name: addition.name.as_str().to_owned(),
        time_zone: addition.time_zone.as_str().to_owned(),
        earlier_time_zones: vec![],
        geofence: addition.geofence.map(Circle::geofence),
        allowed_networks: addition.allowed_networks.to_strings(),
        holiday_calendar_id: addition.holiday_calendar_id,
        version: 1,
    };
    store::insert(conn, tenant, &site, act.at)?;
    act.site(conn, tenant, "site.created", None, &site)?;
    Ok(site)
}

/// Changes a site.
pub(crate) fn patch(
    conn: &mut PgConnection,
    tenant: &Tenant,
    act: &Act,
    site_id: SiteId,
    change: Change,
    if_match: IfMatch,
) -> Result<Site, Error> {
    let before = store::lock(conn, tenant, site_id)?.ok_or(Fault::NotFound)?;
    if_match.check(before.version)?;
    must_exist(conn, tenant, change.holiday_calendar_id.flatten())?;
    let wanted = before.with(change, act.at)?;
    if wanted == before {
        return Ok(before);
    }
    let after = store::save(conn, tenant, &wanted, act.at)?;
    act.site(conn, tenant, "site.changed", Some(&before), &after)?;
    Ok(after)
}

/// 422 unless the calendar is there; it then stays until the transaction ends.
fn must_exist(conn: &mut PgConnection, tenant: &Tenant, calendar: Option<HolidayCalendarId>) -> Result<(), Error> {
    match calendar {
        Some(calendar) if !holidays::hold(conn, tenant, calendar)? => {
            Err(Fault::invalid("/holiday_calendar_id", "unknown_calendar", "there is no such calendar").into())
        }
        _ => Ok(()),
    }
}

/// Removes a site at which nobody works, today or later. Those who once worked there keep it in their history.
pub(crate) fn remove(
    conn: &mut PgConnection,
    tenant: &Tenant,
    act: &Act,
    site_id: SiteId,
    if_match: IfMatch,
) -> Result<(), Error> {
    // Whether another remains depends on all of them.
    orgs::lock(conn, tenant)?;
    let before = store::lock(conn, tenant, site_id)?.ok_or(Fault::NotFound)?;
    if_match.check(before.version)?;
    let version = store::remove(conn, tenant, site_id, act.at)?;
    if store::is_used(conn, tenant, site_id, act.today)? {
        return Err(Error::SiteInUse);
    }
    if store::count(conn, tenant)? == 0 {
        return Err(Error::LastSite);
    }
    act.site_removed(conn, tenant, &before, version)
}
