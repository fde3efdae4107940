//! Shifts in the database: added to, never edited.

use crate::error::Error;
use crate::schema::{shift_versions as versions, shifts};
use crate::shifts::domain::Version;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff_diesel::ToDiesel;
use rollcall_attendance_api::policy::Policy;
use rollcall_attendance_api::shifts::{Break, Shift};
use rollcall_attendance_api::wall_time::WallTime;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{EmployeeId, ShiftId};
use serde_json::Value;

#[derive(Queryable, Selectable)]
#[diesel(table_name = versions)]
struct Row {
    shift_id: ShiftId,
    version: i64,
    name: String,
    starts: String,
    ends: String,
    breaks: Value,
    policy: Value,
    valid_from: Option<jiff_diesel::Date>,
    created_at: jiff_diesel::Timestamp,
}

fn view((row, code): (Row, String)) -> Result<Shift, Fault> {
    let wall = |text: &str| {
        WallTime::parse(text).ok_or_else(|| Fault::internal(anyhow::anyhow!("a stored wall time is none")))
    };
    let version = Version {
        code,
        name: row.name,
        start: wall(&row.starts)?,
        end: wall(&row.ends)?,
        breaks: serde_json::from_value::<Vec<Break>>(row.breaks).map_err(Fault::internal)?,
        policy: serde_json::from_value::<Policy>(row.policy).map_err(Fault::internal)?,
        valid_from: row.valid_from.map(jiff_diesel::Date::to_jiff),
    };
    Ok(version.view(row.shift_id, row.version, row.created_at.to_jiff()))
}

/// Which shift a version is of: the organisation is part of the key, which a macro of diesel cannot say.
#[diesel::dsl::auto_type]
fn of_version() -> _ {
    versions::org_id.eq(shifts::org_id).and(versions::shift_id.eq(shifts::shift_id))
}

/// Adds a shift with its first version.
pub(crate) fn create(
    conn: &mut PgConnection,
    tenant: &Tenant,
    by: EmployeeId,
    version: Version,
    now: Timestamp,
) -> Result<Shift, Error> {
    let shift_id = ShiftId::generate();
    diesel::insert_into(shifts::table)
        .values((
            shifts::org_id.eq(tenant.org_id()),
            shifts::shift_id.eq(shift_id),
            shifts::code.eq(&version.code),
            shifts::created_at.eq(now.to_diesel()),
        ))
        .execute(conn)
        .map_err(Error::of_write)?;
    add_version(conn, tenant, (shift_id, 1), by, version, now)
}

/// Adds a version to a shift. Should somebody else have added it meanwhile: 412.
pub(crate) fn add_version(
    conn: &mut PgConnection,
    tenant: &Tenant,
    (shift_id, number): (ShiftId, i64),
    by: EmployeeId,
    version: Version,
    now: Timestamp,
) -> Result<Shift, Error> {
    diesel::insert_into(versions::table)
        .values((
            versions::org_id.eq(tenant.org_id()),
            versions::shift_id.eq(shift_id),
            versions::version.eq(number),
            versions::name.eq(&version.name),
            versions::starts.eq(version.start.to_string()),
            versions::ends.eq(version.end.to_string()),
            versions::breaks.eq(serde_json::to_value(&version.breaks).map_err(Fault::internal)?),
            versions::policy.eq(serde_json::to_value(version.policy).map_err(Fault::internal)?),
            versions::valid_from.eq(version.valid_from.map(ToDiesel::to_diesel)),
            versions::created_at.eq(now.to_diesel()),
            versions::created_by.eq(by),
        ))
        .execute(conn)
        .map_err(Error::of_write)?;
    Ok(version.view(shift_id, number, now))
}

/// The newest version of a shift.
pub(crate) fn newest(conn: &mut PgConnection, tenant: &Tenant, shift_id: ShiftId) -> Result<Option<Shift>, Fault> {
    let row = versions::table
        .inner_join(shifts::table.on(of_version()))
        .filter(versions::org_id.eq(tenant.org_id()))
        .filter(versions::shift_id.eq(shift_id))
        .order(versions::version.desc())
        .select((Row::as_select(), shifts::code))
        .first(conn)
        .optional()?;
    row.map(view).transpose()
}

/// Where the versions after one begin, by date and number.
pub(crate) type AfterVersion = (Option<Date>, i64);

/// The versions of a shift, the one from the latest date on first, of two from one date on the later.
pub(crate) fn versions(
    conn: &mut PgConnection,
    tenant: &Tenant,
    shift_id: ShiftId,
    after: Option<AfterVersion>,
    limit: i64,
) -> Result<Vec<Shift>, Fault> {
    let mut page = versions::table
        .inner_join(shifts::table.on(of_version()))
        .filter(versions::org_id.eq(tenant.org_id()))
        .filter(versions::shift_id.eq(shift_id))
        .order((versions::valid_from.desc().nulls_last(), versions::version.desc()))
        .select((Row::as_select(), shifts::code))
        .limit(limit)
        .into_boxed();
    let from_ever = versions::valid_from.is_null();
    match after {
        None => {}
        Some((None, version)) => page = page.filter(from_ever.and(versions::version.lt(version))),
        Some((Some(from), version)) => {
            let from = from.to_diesel();
            let same = versions::valid_from.eq(from).and(versions::version.lt(version));
            page = page.filter(versions::valid_from.lt(from).or(from_ever).or(same));
        }
    }
    page.load(conn)?.into_iter().map(view).collect()
}

/// The newest version of each shift, by code.
pub(crate) fn list(
    conn: &mut PgConnection,
    tenant: &Tenant,
    after: Option<&String>,
    limit: i64,
) -> Result<Vec<Shift>, Fault> {
    let mut page = shifts::table
        .filter(shifts::org_id.eq(tenant.org_id()))
        .order(shifts::code)
        .select(shifts::shift_id)
        .limit(limit)
        .into_boxed();
    if let Some(code) = after {
        page = page.filter(shifts::code.gt(code));
    }
    let ids: Vec<ShiftId> = page.load(conn)?;
    let rows = versions::table
        .inner_join(shifts::table.on(of_version()))
        .filter(versions::org_id.eq(tenant.org_id()))
        .filter(versions::shift_id.eq_any(ids))
        .order((shifts::code, versions::version.desc()))
        .distinct_on(shifts::code)
        .select((Row::as_select(), shifts::code))
        .load(conn)?;
    rows.into_iter().map(view).collect()
}

/// All versions of some shifts.
pub(crate) fn all_versions(conn: &mut PgConnection, tenant: &Tenant, ids: &[ShiftId]) -> Result<Vec<Shift>, Fault> {
    let rows = versions::table
        .inner_join(shifts::table.on(of_version()))
        .filter(versions::org_id.eq(tenant.org_id()))
        .filter(versions::shift_id.eq_any(ids))
        .select((Row::as_select(), shifts::code))
        .load(conn)?;
    rows.into_iter().map(view).collect()
}
