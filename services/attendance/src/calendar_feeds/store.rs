//! Feeds in the database, and what is in them.

use super::events::FeedDay;
use crate::facts::domain::{Org, assignment_near};
use crate::leave::requests_store::{self as leave, Held};
use crate::roster::domain::targets;
use crate::roster::store as roster;
use crate::schema::calendar_feeds as table;
use crate::workdays;
use diesel::connection::SimpleConnection as _;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use jiff_diesel::ToDiesel as _;
use rollcall_attendance_api::calendar_feeds::CalendarFeed;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{CalendarFeedId, EmployeeId, OrgId};
use rollcall_org_api::facts::EmployeeFact;

/// Between two notes of when a feed was read: clients read every hour or so, and nobody needs to know it closer.
const NOTED: SignedDuration = SignedDuration::from_hours(1);

#[derive(Queryable, Selectable)]
#[diesel(table_name = table)]
pub(super) struct Row {
    calendar_feed_id: CalendarFeedId,
    employee_id: EmployeeId,
    name: Option<String>,
    created_by: EmployeeId,
    created_at: jiff_diesel::Timestamp,
    last_read_at: Option<jiff_diesel::Timestamp>,
}

impl Row {
    /// As clients see it.
    pub(super) fn view(self) -> CalendarFeed {
        CalendarFeed {
            calendar_feed_id: self.calendar_feed_id,
            employee_id: self.employee_id,
            name: self.name,
            created_by: self.created_by,
            created_at: self.created_at.to_jiff(),
            last_read_at: self.last_read_at.map(jiff_diesel::Timestamp::to_jiff),
        }
    }
}

/// Adds a feed.
pub(super) fn add(
    conn: &mut PgConnection,
    tenant: &Tenant,
    (employee_id, by): (EmployeeId, EmployeeId),
    name: Option<&str>,
    secret_hash: [u8; 32],
    now: Timestamp,
) -> Result<CalendarFeed, Fault> {
    let row: Row = diesel::insert_into(table::table)
        .values((
            table::org_id.eq(tenant.org_id()),
            table::calendar_feed_id.eq(CalendarFeedId::generate()),
            table::employee_id.eq(employee_id),
            table::name.eq(name),
            table::secret_hash.eq(secret_hash.to_vec()),
            table::created_by.eq(by),
            table::created_at.eq(now.to_diesel()),
        ))
        .returning(Row::as_returning())
        .get_result(conn)?;
    Ok(row.view())
}

/// How many a person has.
pub(super) fn count(conn: &mut PgConnection, tenant: &Tenant, employee_id: EmployeeId) -> Result<i64, Fault> {
    Ok(table::table
        .filter(table::org_id.eq(tenant.org_id()).and(table::employee_id.eq(employee_id)))
        .count()
        .get_result(conn)?)
}

/// All feeds of a person, oldest first.
pub(super) fn of(conn: &mut PgConnection, tenant: &Tenant, who: EmployeeId) -> Result<Vec<CalendarFeed>, Fault> {
    let rows: Vec<Row> = table::table
        .filter(table::org_id.eq(tenant.org_id()).and(table::employee_id.eq(who)))
        .order(table::calendar_feed_id)
        .select(Row::as_select())
        .load(conn)?;
    Ok(rows.into_iter().map(Row::view).collect())
}

/// One of them.
pub(super) fn one(conn: &mut PgConnection, tenant: &Tenant, id: CalendarFeedId) -> Result<Option<CalendarFeed>, Fault> {
    let row = table::table.find((tenant.org_id(), id)).select(Row::as_select()).first(conn).optional()?;
    Ok(row.map(Row::view))
}

/// Ends a feed.
pub(super) fn delete(conn: &mut PgConnection, tenant: &Tenant, id: CalendarFeedId) -> Result<(), Fault> {
    diesel::delete(table::table.find((tenant.org_id(), id))).execute(conn)?;
    Ok(())
}

/// Gives a feed another secret.
pub(super) fn rotate(
    conn: &mut PgConnection,
    tenant: &Tenant,
    id: CalendarFeedId,
    secret_hash: [u8; 32],
) -> Result<(), Fault> {
    diesel::update(table::table.find((tenant.org_id(), id)))
        .set(table::secret_hash.eq(secret_hash.to_vec()))
        .execute(conn)?;
    Ok(())
}

/// The feed with this secret, of whatever organisation.
pub(super) fn with_secret(
    conn: &mut PgConnection,
    secret_hash: [u8; 32],
) -> Result<Option<(OrgId, CalendarFeed)>, Fault> {
    conn.batch_execute("SELECT set_config('app.job', 'read_calendar_feed', true)")?;
    let found = table::table.filter(table::secret_hash.eq(secret_hash.to_vec()));
    let row: Option<(OrgId, Row)> = found.select((table::org_id, Row::as_select())).first(conn).optional()?;
    Ok(row.map(|(org_id, row)| (org_id, row.view())))
}

/// The plan and the leave of a person from `from` to `to`.
pub(super) fn content(
    conn: &mut PgConnection,
    tenant: &Tenant,
    org: &Org,
    person: &EmployeeFact,
    dates: (Date, Date),
) -> Result<(Vec<FeedDay>, Vec<Held>), Fault> {
    let facts = workdays::planned_days(conn, tenant, org, person, dates)?;
    let held = leave::held(conn, tenant, &[person.employee_id], dates)?;
    let plans = roster::plans(conn, tenant, &targets(org, std::slice::from_ref(person)), dates)?;
    let mine = plans.of(org, person);
    let named = |facts: crate::workdays::facts::DayFacts| {
        let shift = mine.decides(facts.date).and_then(|entry| plans.shift_on(entry, facts.date));
        let site = assignment_near(person, facts.date).and_then(|assignment| org.site(assignment.site_id));
        FeedDay { shift: shift.map(|shift| shift.name.clone()), site: site.map(|site| site.name.clone()), facts }
    };
    Ok((facts.into_iter().map(named).collect(), held))
}

/// Notes that a feed was read and said `digest`; answers when it began to say so.
pub(super) fn read(
    conn: &mut PgConnection,
    tenant: &Tenant,
    feed: &CalendarFeed,
    digest: [u8; 32],
    now: Timestamp,
) -> Result<Timestamp, Fault> {
    let key = table::table.find((tenant.org_id(), feed.calendar_feed_id));
    let said: (Option<Vec<u8>>, Option<jiff_diesel::Timestamp>) =
        key.select((table::digest, table::changed_at)).first(conn).optional()?.ok_or(Fault::NotFound)?;
    let since = match said {
        (Some(before), Some(at)) if before == digest => Some(at.to_jiff()),
        _ => None,
    };
    let changed_at = since.unwrap_or(now);
    let noted = feed.last_read_at.is_some_and(|at| now.duration_since(at) < NOTED);
    if since.is_none() || !noted {
        diesel::update(key)
            .set((
                table::digest.eq(digest.to_vec()),
                table::changed_at.eq(changed_at.to_diesel()),
                table::last_read_at.eq(now.to_diesel()),
            ))
            .execute(conn)?;
    }
    Ok(changed_at)
}
