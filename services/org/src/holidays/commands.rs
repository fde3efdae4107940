//! Adding, changing and removing calendars and their holidays. The calendar is locked; each change tells the others the
//! whole of it.

use crate::act::Act;
use crate::error::Error;
use crate::holidays::domain::{MOST_HOLIDAYS, Taken, merge, too_many};
use crate::holidays::store;
use crate::orgs::store as orgs;
use crate::values::Name;
use diesel::pg::PgConnection;
use jiff::civil::Date;
use rollcall_common::extract::IfMatch;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_common::validate::Rejection;
use rollcall_ids::HolidayCalendarId;
use rollcall_org_api::facts::{HolidayCalendarFact, HolidayFact};

/// Calendars that an organisation has at most: the other services are told all of them, with their holidays, on one page.
/// One that is deleted leaves nothing here, so it is not counted.
const MOST_CALENDARS: i64 = 200;

/// Adds a calendar without holidays.
pub(crate) fn create(
    conn: &mut PgConnection,
    tenant: &Tenant,
    act: &Act,
    name: &Name,
) -> Result<HolidayCalendarFact, Error> {
    // Two that are added at once see each other.
    orgs::lock(conn, tenant)?;
    if store::count(conn, tenant)? >= MOST_CALENDARS {
        return Err(Fault::invalid("/name", "too_many", format!("at most {MOST_CALENDARS} calendars")).into());
    }
    let calendar = HolidayCalendarFact {
        holiday_calendar_id: HolidayCalendarId::generate(),
        name: name.as_str().to_owned(),
        holidays: vec![],
        deleted: false,
        version: 1,
    };
    store::insert(conn, tenant, &calendar, act.at)?;
    act.calendar(conn, tenant, "holiday_calendar.created", (None, &calendar))?;
    Ok(calendar)
}

/// Changes a calendar by `how`, unless that changes nothing.
fn change(
    conn: &mut PgConnection,
    tenant: &Tenant,
    act: &Act,
    id: HolidayCalendarId,
    if_match: IfMatch,
    how: impl FnOnce(&mut HolidayCalendarFact) -> Result<(), Error>,
) -> Result<HolidayCalendarFact, Error> {
    let before = store::lock(conn, tenant, id)?.ok_or(Fault::NotFound)?;
    if_match.check(before.version)?;
    let mut wanted = before.clone();
    how(&mut wanted)?;
    if wanted == before {
        return Ok(before);
    }
    let after = store::save(conn, tenant, &wanted, act.at)?;
    act.calendar(conn, tenant, "holiday_calendar.changed", (Some(&before), &after))?;
    Ok(after)
}

/// Gives a calendar another name.
pub(crate) fn rename(
    conn: &mut PgConnection,
    tenant: &Tenant,
    act: &Act,
    id: HolidayCalendarId,
    name: &Name,
    if_match: IfMatch,
) -> Result<HolidayCalendarFact, Error> {
    change(conn, tenant, act, id, if_match, |calendar| {
        name.as_str().clone_into(&mut calendar.name);
        Ok(())
    })
}

/// Adds a holiday; 409 when the day has one.
pub(crate) fn add(
    conn: &mut PgConnection,
    tenant: &Tenant,
    act: &Act,
    id: HolidayCalendarId,
    holiday: HolidayFact,
) -> Result<HolidayCalendarFact, Error> {
    change(conn, tenant, act, id, IfMatch(None), |calendar| {
        let Err(place) = calendar.holidays.binary_search_by_key(&holiday.date, |held| held.date) else {
            return Err(Error::HolidayTaken);
        };
        if calendar.holidays.len() >= MOST_HOLIDAYS {
            let Rejection { code, detail } = too_many();
            return Err(Fault::invalid("/date", code, detail).into());
        }
        calendar.holidays.insert(place, holiday);
        Ok(())
    })
}

/// Removes the holiday of a day; 404 when there is none.
pub(crate) fn drop_day(
    conn: &mut PgConnection,
    tenant: &Tenant,
    act: &Act,
    id: HolidayCalendarId,
    date: Date,
    if_match: IfMatch,
) -> Result<HolidayCalendarFact, Error> {
    change(conn, tenant, act, id, if_match, |calendar| {
        let place = calendar.holidays.binary_search_by_key(&date, |held| held.date).map_err(|_| Fault::NotFound)?;
        calendar.holidays.remove(place);
        Ok(())
    })
}

/// Puts the holidays of a file over those of the calendar.
pub(crate) fn take_over(
    conn: &mut PgConnection,
    tenant: &Tenant,
    act: &Act,
    id: HolidayCalendarId,
    holidays: Vec<HolidayFact>,
) -> Result<(HolidayCalendarFact, Taken), Error> {
    let mut taken = Taken::default();
    let after = change(conn, tenant, act, id, IfMatch(None), |calendar| {
        (calendar.holidays, taken) = merge(&calendar.holidays, holidays)?;
        Ok(())
    })?;
    Ok((after, taken))
}

/// Deletes a calendar that no site follows.
pub(crate) fn remove(
    conn: &mut PgConnection,
    tenant: &Tenant,
    act: &Act,
    id: HolidayCalendarId,
    if_match: IfMatch,
) -> Result<(), Error> {
    let before = store::lock(conn, tenant, id)?.ok_or(Fault::NotFound)?;
    if_match.check(before.version)?;
    if store::is_used(conn, tenant, id)? {
        return Err(Error::CalendarInUse);
    }
    store::remove(conn, tenant, id)?;
    let after = HolidayCalendarFact { holidays: vec![], deleted: true, version: before.version + 1, ..before.clone() };
    act.calendar(conn, tenant, "holiday_calendar.deleted", (Some(&before), &after))
}
