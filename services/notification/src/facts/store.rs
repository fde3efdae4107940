//! The copies in the database.

use crate::schema::{employee_facts, org_facts, user_facts};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::upsert::excluded;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff_diesel::ToDiesel as _;
use rollcall_common::backfill::Freshness;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{EmployeeId, UserId};
use rollcall_org_api::facts::{EmployeeFact, EmployeeStatus, OrgFact};
use rollcall_user_api::internal::Contact;
use serde::Deserialize;
use std::collections::{BTreeSet, HashMap};

/// Built-in roles whose holders speak for the organisation where no manager can be told.
const SPEAK_FOR_ORG: [&str; 2] = ["owner", "hr_admin"];

/// Keeps the state of an organisation unless what is kept is not to give way to it.
pub fn put_org(conn: &mut PgConnection, tenant: &Tenant, fact: &OrgFact, how: Freshness) -> QueryResult<()> {
    use diesel::query_dsl::methods::FilterDsl as _;
    diesel::insert_into(org_facts::table)
        .values((
            org_facts::org_id.eq(tenant.org_id()),
            org_facts::name.eq(&fact.name),
            org_facts::time_zone.eq(&fact.time_zone),
            org_facts::locale.eq(&fact.locale),
            org_facts::version.eq(fact.version),
        ))
        .on_conflict(org_facts::org_id)
        .do_update()
        .set((
            org_facts::name.eq(excluded(org_facts::name)),
            org_facts::time_zone.eq(excluded(org_facts::time_zone)),
            org_facts::locale.eq(excluded(org_facts::locale)),
            org_facts::version.eq(excluded(org_facts::version)),
        ))
        .filter((org_facts::version - how.allowance()).lt(excluded(org_facts::version)))
        .execute(conn)
        .map(drop)
}

/// Keeps the state of an employee unless what is kept is not to give way to it.
pub fn put_employee(
    conn: &mut PgConnection,
    tenant: &Tenant,
    fact: &EmployeeFact,
    how: Freshness,
) -> Result<(), Fault> {
    use diesel::query_dsl::methods::FilterDsl as _;
    let speaks_for_org = fact.grants.iter().any(|grant| SPEAK_FOR_ORG.contains(&grant.role.as_str()));
    diesel::insert_into(employee_facts::table)
        .values((
            employee_facts::org_id.eq(tenant.org_id()),
            employee_facts::employee_id.eq(fact.employee_id),
            employee_facts::user_id.eq(fact.user_id),
            // What the release before this one reads; the days in `fact` say it of any date.
            employee_facts::works.eq(fact.status == EmployeeStatus::Active),
            employee_facts::speaks_for_org.eq(speaks_for_org),
            employee_facts::fact.eq(serde_json::to_value(fact).map_err(Fault::internal)?),
            employee_facts::version.eq(fact.version),
        ))
        .on_conflict((employee_facts::org_id, employee_facts::employee_id))
        .do_update()
        .set((
            employee_facts::user_id.eq(excluded(employee_facts::user_id)),
            employee_facts::works.eq(excluded(employee_facts::works)),
            employee_facts::speaks_for_org.eq(excluded(employee_facts::speaks_for_org)),
            employee_facts::fact.eq(excluded(employee_facts::fact)),
            employee_facts::version.eq(excluded(employee_facts::version)),
        ))
        .filter((employee_facts::version - how.allowance()).lt(excluded(employee_facts::version)))
        .execute(conn)?;
    Ok(())
}

/// What rules need of an organisation.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = org_facts, check_for_backend(diesel::pg::Pg))]
pub struct Org {
    /// Its name.
    pub name: String,
    /// BCP 47 tag of its language.
    pub locale: String,
    /// IANA name of its zone.
    pub time_zone: String,
}

impl Org {
    /// The day it is there; in UTC where its zone is not known here.
    pub fn today(&self, now: Timestamp) -> Date {
        now.to_zoned(TimeZone::get(&self.time_zone).unwrap_or(TimeZone::UTC)).date()
    }
}

/// The organisation, if its state is known.
pub fn org(conn: &mut PgConnection, tenant: &Tenant) -> QueryResult<Option<Org>> {
    org_facts::table.find(tenant.org_id()).select(Org::as_select()).first(conn).optional()
}

/// What rules need of an employee. Their first and last day pass without an event, so whether they work here is a
/// question about a day.
///
/// The days are read from the fact as org told it, not from columns beside it: a release that does not know such
/// columns would write new facts and leave old days in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Employee {
    /// Their account.
    pub user_id: Option<UserId>,
    hired_on: Date,
    left_on: Option<Date>,
}

/// What is read of a fact: no more than is needed, so that facts of other releases can be read as well.
#[derive(Deserialize)]
struct Days {
    hired_on: Date,
    #[serde(default)]
    left_on: Option<Date>,
}

impl Employee {
    fn of(user_id: Option<UserId>, fact: serde_json::Value) -> Result<Self, Fault> {
        let Days { hired_on, left_on } = serde_json::from_value(fact).map_err(Fault::internal)?;
        Ok(Self { user_id, hired_on, left_on })
    }

    /// The account at which they can be told something on that day of the organisation's zone; both the first and
    /// the last day are days of work.
    pub fn reachable(self, today: Date) -> Option<UserId> {
        self.user_id.filter(|_| self.hired_on <= today && self.left_on.is_none_or(|left| today <= left))
    }
}

/// The employee, if their state is known.
pub fn employee(conn: &mut PgConnection, tenant: &Tenant, employee_id: EmployeeId) -> Result<Option<Employee>, Fault> {
    let found: Option<(Option<UserId>, serde_json::Value)> = employee_facts::table
        .find((tenant.org_id(), employee_id))
        .select((employee_facts::user_id, employee_facts::fact))
        .first(conn)
        .optional()?;
    found.map(|(user_id, fact)| Employee::of(user_id, fact)).transpose()
}

/// Several employees; those whose state is not known are missing from the answer.
pub fn employees(
    conn: &mut PgConnection,
    tenant: &Tenant,
    ids: &[EmployeeId],
) -> Result<HashMap<EmployeeId, Employee>, Fault> {
    let found: Vec<(EmployeeId, Option<UserId>, serde_json::Value)> = employee_facts::table
        .filter(employee_facts::org_id.eq(tenant.org_id()))
        .filter(employee_facts::employee_id.eq_any(ids))
        .select((employee_facts::employee_id, employee_facts::user_id, employee_facts::fact))
        .load(conn)?;
    found.into_iter().map(|(id, user_id, fact)| Ok((id, Employee::of(user_id, fact)?))).collect()
}

/// What org told of the employee that an account is; of two, the one who works longer.
pub fn employee_of_user(
    conn: &mut PgConnection,
    tenant: &Tenant,
    user_id: UserId,
) -> Result<Option<EmployeeFact>, Fault> {
    let facts: Vec<serde_json::Value> = employee_facts::table
        .filter(employee_facts::org_id.eq(tenant.org_id()))
        .filter(employee_facts::user_id.eq(user_id))
        .select(employee_facts::fact)
        .load(conn)?;
    let facts = facts.into_iter().map(|fact| serde_json::from_value(fact).map_err(Fault::internal));
    let facts: Vec<EmployeeFact> = facts.collect::<Result<_, _>>()?;
    Ok(facts.into_iter().max_by_key(|fact| fact.left_on.unwrap_or(Date::MAX)))
}

/// The accounts of those who speak for the organisation and work there on that day.
pub fn speakers(conn: &mut PgConnection, tenant: &Tenant, today: Date) -> Result<BTreeSet<UserId>, Fault> {
    let found: Vec<(Option<UserId>, serde_json::Value)> = employee_facts::table
        .filter(employee_facts::org_id.eq(tenant.org_id()))
        .filter(employee_facts::speaks_for_org)
        .filter(employee_facts::user_id.is_not_null())
        .select((employee_facts::user_id, employee_facts::fact))
        .load(conn)?;
    let reachable = |(user_id, fact)| Employee::of(user_id, fact).map(|employee| employee.reachable(today));
    found.into_iter().filter_map(|row| reachable(row).transpose()).collect()
}

/// How somebody is written to: asked for, and when. Personal data: it does not print.
#[derive(Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = user_facts, check_for_backend(diesel::pg::Pg))]
pub struct Reader {
    /// Whose.
    pub user_id: UserId,
    /// BCP 47 tag.
    pub locale: String,
    /// When user said so.
    #[diesel(deserialize_as = jiff_diesel::Timestamp)]
    pub fetched_at: Timestamp,
    /// Where mail reaches them; none: a release before this one asked.
    pub email: Option<String>,
    /// How they are addressed.
    pub name: Option<String>,
    /// IANA name of the zone whose wall clock they read.
    pub time_zone: Option<String>,
}

/// What is known of the languages of these users.
pub fn readers(conn: &mut PgConnection, users: &[UserId]) -> QueryResult<HashMap<UserId, Reader>> {
    let readers: Vec<Reader> =
        user_facts::table.filter(user_facts::user_id.eq_any(users)).select(Reader::as_select()).load(conn)?;
    Ok(readers.into_iter().map(|reader| (reader.user_id, reader)).collect())
}

/// Remembers how a user is written to.
pub fn put_reader(conn: &mut PgConnection, contact: &Contact, now: Timestamp) -> QueryResult<()> {
    diesel::insert_into(user_facts::table)
        .values((
            user_facts::user_id.eq(contact.user_id),
            user_facts::locale.eq(&contact.locale),
            user_facts::fetched_at.eq(now.to_diesel()),
            user_facts::email.eq(&contact.email),
            user_facts::name.eq(&contact.name),
            user_facts::time_zone.eq(&contact.time_zone),
        ))
        .on_conflict(user_facts::user_id)
        .do_update()
        .set((
            user_facts::locale.eq(excluded(user_facts::locale)),
            user_facts::fetched_at.eq(excluded(user_facts::fetched_at)),
            user_facts::email.eq(excluded(user_facts::email)),
            user_facts::name.eq(excluded(user_facts::name)),
            user_facts::time_zone.eq(excluded(user_facts::time_zone)),
        ))
        .execute(conn)
        .map(drop)
}
