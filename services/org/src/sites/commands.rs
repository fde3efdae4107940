//! Adding and changing sites.

use crate::act::Act;
use crate::error::Error;
use crate::sites::domain::Site;
use crate::sites::input::{Addition, Change, Circle};
use crate::sites::store;
use diesel::pg::PgConnection;
use rollcall_common::extract::IfMatch;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::SiteId;

/// Adds a site.
pub(crate) fn create(conn: &mut PgConnection, tenant: &Tenant, act: &Act, addition: &Addition) -> Result<Site, Error> {
    let site = Site {
        site_id: SiteId::generate(),
        name: addition.name.as_str().to_owned(),
        time_zone: addition.time_zone.as_str().to_owned(),
        geofence: addition.geofence.map(Circle::geofence),
        allowed_networks: addition.allowed_networks.to_strings(),
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
    let wanted = before.with(change);
    if wanted == before {
        return Ok(before);
    }
    let after = store::save(conn, tenant, &wanted, act.at)?;
    act.site(conn, tenant, "site.changed", Some(&before), &after)?;
    Ok(after)
}
