//! Adding, changing and removing sites.

use crate::act::Act;
use crate::error::Error;
use crate::holidays::store as holidays;
use crate::orgs::store as orgs;
use crate::sites::domain::Site;
use crate::sites::input::{Circle, NewSite, SitePatch};
use crate::sites::store;
use diesel::pg::PgConnection;
use rollcall_common::extract::IfMatch;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_common::validate::{Fields, Rejection};
use rollcall_ids::{HolidayCalendarId, SiteId};

/// Sites that an organisation has at most, those that were removed too, for the reason that units are counted by: with its
/// networks and earlier zones one takes up to 7 KB.
const MOST_SITES: i64 = 2_000;

/// Adds a site.
pub(crate) fn create(conn: &mut PgConnection, tenant: &Tenant, act: &Act, body: &NewSite) -> Result<Site, Error> {
    // Two that are added at once see each other.
    orgs::lock(conn, tenant)?;
    let mut fields = Fields::new();
    let addition = body.parse(&mut fields);
    if store::count_with_removed(conn, tenant)? >= MOST_SITES {
        let detail = format!("at most {MOST_SITES} sites, with those removed");
        fields.reject("/name", Rejection::new("too_many", detail));
    }
    must_exist(conn, tenant, &mut fields, body.holiday_calendar_id)?;
    let (addition,) = fields.all((addition,))?;
    let site = Site {
        site_id: SiteId::generate(),
        name: addition.name.as_str().to_owned(),
        time_zone: addition.time_zone.as_str().to_owned(),
        earlier_time_zones: vec![],
        geofence: addition.geofence.map(Circle::geofence),
        allowed_networks: addition.allowed_networks.to_strings(),
        holiday_calendar_id: body.holiday_calendar_id,
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
    patch: &SitePatch,
    if_match: IfMatch,
) -> Result<Site, Error> {
    let before = store::lock(conn, tenant, site_id)?.ok_or(Fault::NotFound)?;
    if_match.check(before.version)?;
    let mut fields = Fields::new();
    let change = patch.parse(&mut fields, &before, act.at);
    must_exist(conn, tenant, &mut fields, patch.holiday_calendar_id.flatten())?;
    let (change,) = fields.all((change,))?;
    let wanted = before.with(change, act.at)?;
    if wanted == before {
        return Ok(before);
    }
    let after = store::save(conn, tenant, &wanted, act.at)?;
    act.site(conn, tenant, "site.changed", Some(&before), &after)?;
    Ok(after)
}

/// Notes that the calendar is not there; if it is, it stays until the transaction ends.
fn must_exist(
    conn: &mut PgConnection,
    tenant: &Tenant,
    fields: &mut Fields,
    calendar: Option<HolidayCalendarId>,
) -> Result<(), Error> {
    if let Some(calendar) = calendar
        && !holidays::hold(conn, tenant, calendar)?
    {
        fields.reject("/holiday_calendar_id", Rejection::new("unknown_calendar", "there is no such calendar"));
    }
    Ok(())
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
