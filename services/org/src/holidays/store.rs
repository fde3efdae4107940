//! The tables of holiday calendars and of their holidays.

use crate::error::Error;
use crate::holidays::domain::{portion_name, portion_named};
use crate::schema::{holiday_calendars, holidays, sites};
use diesel::dsl::exists;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use jiff::Timestamp;
use jiff_diesel::ToDiesel as _;
use rollcall_common::paging::Page;
use rollcall_common::tenant::Tenant;
use rollcall_ids::HolidayCalendarId;
use rollcall_org_api::facts::{HolidayCalendarFact, HolidayFact};
use std::collections::HashMap;

type Row = (HolidayCalendarId, String, i64);

/// Adds one without holidays.
pub(crate) fn insert(
    conn: &mut PgConnection,
    tenant: &Tenant,
    calendar: &HolidayCalendarFact,
    at: Timestamp,
) -> Result<(), Error> {
    diesel::insert_into(holiday_calendars::table)
        .values((
            holiday_calendars::org_id.eq(tenant.org_id()),
            holiday_calendars::holiday_calendar_id.eq(calendar.holiday_calendar_id),
            holiday_calendars::name.eq(&calendar.name),
            holiday_calendars::version.eq(calendar.version),
            holiday_calendars::created_at.eq(at.to_diesel()),
            holiday_calendars::updated_at.eq(at.to_diesel()),
        ))
        .execute(conn)?;
    Ok(())
}

/// One with all its holidays.
pub(crate) fn find(
    conn: &mut PgConnection,
    tenant: &Tenant,
    id: HolidayCalendarId,
) -> Result<Option<HolidayCalendarFact>, Error> {
    let row: Option<Row> =
        columns(tenant).filter(holiday_calendars::holiday_calendar_id.eq(id)).first(conn).optional()?;
    Ok(whole(conn, tenant, row.into_iter().collect())?.pop())
}

/// One with all its holidays, held until the transaction ends.
pub(crate) fn lock(
    conn: &mut PgConnection,
    tenant: &Tenant,
    id: HolidayCalendarId,
) -> Result<Option<HolidayCalendarFact>, Error> {
    let row: Option<Row> =
        columns(tenant).filter(holiday_calendars::holiday_calendar_id.eq(id)).for_update().first(conn).optional()?;
    Ok(whole(conn, tenant, row.into_iter().collect())?.pop())
}

/// Whether there is such a calendar, which then stays until the transaction ends.
pub(crate) fn hold(conn: &mut PgConnection, tenant: &Tenant, id: HolidayCalendarId) -> Result<bool, Error> {
    let held: Option<Row> =
        columns(tenant).filter(holiday_calendars::holiday_calendar_id.eq(id)).for_key_share().first(conn).optional()?;
    Ok(held.is_some())
}

#[diesel::dsl::auto_type]
fn columns(tenant: &Tenant) -> _ {
    let org_id: rollcall_ids::OrgId = tenant.org_id();
    holiday_calendars::table.filter(holiday_calendars::org_id.eq(org_id)).select((
        holiday_calendars::holiday_calendar_id,
        holiday_calendars::name,
        holiday_calendars::version,
    ))
}

/// How many there are.
pub(crate) fn count(conn: &mut PgConnection, tenant: &Tenant) -> Result<i64, Error> {
    Ok(holiday_calendars::table.filter(holiday_calendars::org_id.eq(tenant.org_id())).count().get_result(conn)?)
}

/// All of them, ordered by id.
pub(crate) fn all(conn: &mut PgConnection, tenant: &Tenant) -> Result<Vec<HolidayCalendarFact>, Error> {
    let rows = columns(tenant).order(holiday_calendars::holiday_calendar_id.asc()).load(conn)?;
    whole(conn, tenant, rows)
}

/// A page, ordered by id.
pub(crate) fn list(
    conn: &mut PgConnection,
    tenant: &Tenant,
    page: &Page<HolidayCalendarId>,
) -> Result<Vec<HolidayCalendarFact>, Error> {
    let mut query =
        columns(tenant).order(holiday_calendars::holiday_calendar_id.asc()).limit(page.fetch()).into_boxed();
    if let Some(after) = page.after {
        query = query.filter(holiday_calendars::holiday_calendar_id.gt(after));
    }
    let rows = query.load(conn)?;
    whole(conn, tenant, rows)
}

/// The calendars with their holidays: one statement however many they are.
fn whole(conn: &mut PgConnection, tenant: &Tenant, rows: Vec<Row>) -> Result<Vec<HolidayCalendarFact>, Error> {
    let ids: Vec<HolidayCalendarId> = rows.iter().map(|(id, ..)| *id).collect();
    let days: Vec<(HolidayCalendarId, jiff_diesel::Date, String, String)> = holidays::table
        .filter(holidays::org_id.eq(tenant.org_id()).and(holidays::holiday_calendar_id.eq_any(&ids)))
        .order((holidays::holiday_calendar_id.asc(), holidays::date.asc()))
        .select((holidays::holiday_calendar_id, holidays::date, holidays::name, holidays::portion))
        .load(conn)?;
    let mut of: HashMap<HolidayCalendarId, Vec<HolidayFact>> = HashMap::new();
    for (id, date, name, portion) in days {
        let holiday = HolidayFact { date: date.to_jiff(), name, portion: portion_named(&portion) };
        of.entry(id).or_default().push(holiday);
    }
    let calendar = |(id, name, version)| HolidayCalendarFact {
        holiday_calendar_id: id,
        name,
        holidays: of.remove(&id).unwrap_or_default(),
        deleted: false,
        version,
    };
    Ok(rows.into_iter().map(calendar).collect())
}

/// Writes it and its holidays with the next version; it must be locked.
pub(crate) fn save(
    conn: &mut PgConnection,
    tenant: &Tenant,
    calendar: &HolidayCalendarFact,
    at: Timestamp,
) -> Result<HolidayCalendarFact, Error> {
    let id = calendar.holiday_calendar_id;
    let version = diesel::update(holiday_calendars::table.find((tenant.org_id(), id)))
        .set((
            holiday_calendars::name.eq(&calendar.name),
            holiday_calendars::version.eq(holiday_calendars::version + 1),
            holiday_calendars::updated_at.eq(at.to_diesel()),
        ))
        .returning(holiday_calendars::version)
        .get_result(conn)?;
    diesel::delete(holidays::table)
        .filter(holidays::org_id.eq(tenant.org_id()).and(holidays::holiday_calendar_id.eq(id)))
        .execute(conn)?;
    let row = |holiday: &HolidayFact| {
        (
            holidays::org_id.eq(tenant.org_id()),
            holidays::holiday_calendar_id.eq(id),
            holidays::date.eq(holiday.date.to_diesel()),
            holidays::name.eq(holiday.name.clone()),
            holidays::portion.eq(portion_name(holiday.portion)),
        )
    };
    let rows: Vec<_> = calendar.holidays.iter().map(row).collect();
    diesel::insert_into(holidays::table).values(rows).execute(conn).map_err(Error::of_write)?;
    Ok(HolidayCalendarFact { version, ..calendar.clone() })
}

/// Deletes it with its holidays; it must be locked.
pub(crate) fn remove(conn: &mut PgConnection, tenant: &Tenant, id: HolidayCalendarId) -> Result<(), Error> {
    diesel::delete(holiday_calendars::table.find((tenant.org_id(), id))).execute(conn)?;
    Ok(())
}

/// Whether a site follows it.
pub(crate) fn is_used(conn: &mut PgConnection, tenant: &Tenant, id: HolidayCalendarId) -> Result<bool, Error> {
    let sites = sites::table.filter(sites::org_id.eq(tenant.org_id()).and(sites::holiday_calendar_id.eq(id)));
    Ok(diesel::select(exists(sites)).get_result(conn)?)
}
