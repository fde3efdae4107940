//! Rules of sites in the database.

use crate::punches::store::{of_word, word};
use crate::schema::punch_rules as table;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use jiff::Timestamp;
use jiff_diesel::ToDiesel as _;
use rollcall_attendance_api::punch_rules::{PunchRules, PunchRulesBody};
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{EmployeeId, SiteId};

type Row = (SiteId, String, String, Option<i32>, i64, jiff_diesel::Timestamp);

const COLUMNS: (
    table::site_id,
    table::geofence,
    table::networks,
    table::remind_after_minutes,
    table::version,
    table::updated_at,
) = (table::site_id, table::geofence, table::networks, table::remind_after_minutes, table::version, table::updated_at);

fn view((site_id, geofence, networks, minutes, version, updated_at): Row) -> Result<PunchRules, Fault> {
    let remind_after_minutes = minutes.map(u32::try_from).transpose().map_err(Fault::internal)?;
    let rules = PunchRulesBody { geofence: of_word(geofence)?, networks: of_word(networks)?, remind_after_minutes };
    Ok(PunchRules { site_id, rules, version, updated_at: Some(updated_at.to_jiff()) })
}

/// Those of all sites that have any.
pub(crate) fn all(conn: &mut PgConnection, tenant: &Tenant) -> Result<Vec<PunchRules>, Fault> {
    let rows = table::table.filter(table::org_id.eq(tenant.org_id())).select(COLUMNS).load::<Row>(conn)?;
    rows.into_iter().map(view).collect()
}

/// Those of a site; without any, the defaults.
pub(crate) fn of_site(conn: &mut PgConnection, tenant: &Tenant, site_id: SiteId) -> Result<PunchRules, Fault> {
    let row = table::table.find((tenant.org_id(), site_id)).select(COLUMNS).first::<Row>(conn).optional()?;
    let defaults = PunchRules { site_id, rules: PunchRulesBody::default(), version: 0, updated_at: None };
    row.map_or(Ok(defaults), view)
}

/// Replaces those of version `expected`; 412 when they are of another by now.
pub(crate) fn replace(
    conn: &mut PgConnection,
    tenant: &Tenant,
    (site_id, expected): (SiteId, i64),
    rules: PunchRulesBody,
    by: EmployeeId,
    now: Timestamp,
) -> Result<PunchRules, Fault> {
    let minutes = rules.remind_after_minutes.map(i32::try_from).transpose().map_err(Fault::internal)?;
    let values = (
        table::geofence.eq(word(&rules.geofence)?),
        table::networks.eq(word(&rules.networks)?),
        table::remind_after_minutes.eq(minutes),
        table::version.eq(expected + 1),
        table::updated_at.eq(now.to_diesel()),
        table::updated_by.eq(by),
    );
    let written = if expected == 0 {
        let key = (table::org_id.eq(tenant.org_id()), table::site_id.eq(site_id));
        diesel::insert_into(table::table).values((key, values)).on_conflict_do_nothing().execute(conn)?
    } else {
        let read = table::table.find((tenant.org_id(), site_id)).filter(table::version.eq(expected));
        diesel::update(read).set(values).execute(conn)?
    };
    if written == 0 {
        return Err(Fault::PreconditionFailed);
    }
    Ok(PunchRules { site_id, rules, version: expected + 1, updated_at: Some(now) })
}
