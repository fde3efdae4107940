//! The task that looks for missing punches.

use crate::app::App;
use crate::devices::store as devices;
use crate::facts::domain::{Org, assignment_near};
use crate::facts::store::{self as facts_store, Places};
use crate::missing::dates;
use crate::missing::domain::{Found, found};
use crate::missing::store::{self, Due};
use crate::workdays::gather;
use diesel::pg::PgConnection;
use jiff::civil::Date;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use rollcall_attendance_api::events::{DEVICE_SILENT, DeviceSilent, PUNCH_MISSING, PunchMissing};
use rollcall_common::db::Unscoped;
use rollcall_common::events::{NewEvent, Outbox};
use rollcall_common::fault::Fault;
use rollcall_common::problem::chain;
use rollcall_common::server::Drain;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{SiteId, UnitId};
use rollcall_org_api::facts::EmployeeFact;
use std::sync::Arc;
use std::time::Duration;

/// Between two questions of which organisations are due.
const PAUSE: Duration = Duration::from_secs(5);
/// For how long nobody else looks at an organisation that somebody looks at.
const LEASE: SignedDuration = SignedDuration::from_mins(5);
/// People looked at together.
const PAGE: i64 = 500;
/// Days for which it is remembered what was told: twice as long as anything is looked for.
const REMEMBERED: i32 = 2 * dates::BACK;
/// Rows forgotten by one statement.
const FORGOTTEN_AT_A_TIME: usize = 5_000;
/// Between two rounds of forgetting.
const FORGET: Duration = Duration::from_hours(1);

/// Forgets what was told long ago, for ever.
pub(crate) async fn forget(app: Arc<App>) {
    loop {
        if let Err(error) = app.forget_missing_punches().await {
            tracing::warn!(error = chain(&error), "cannot forget which missing punches were told long ago");
        }
        tokio::time::sleep(FORGET).await;
    }
}

/// Looks again and again, until the service drains.
pub(crate) async fn follow(app: Arc<App>, drain: Drain) {
    while !drain.is_draining() {
        if let Err(error) = app.look_for_missing_punches(&drain).await {
            tracing::warn!(error = chain(&error), "cannot look for missing punches");
        }
        tokio::select! {
            () = drain.started() => {}
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

impl App {
    /// Forgets which missing punches of long ago were told of, in portions; answers how many there were.
    pub async fn forget_missing_punches(&self) -> Result<usize, Fault> {
        let today = Offset::UTC.to_datetime(self.core.clock.now()).date();
        let before = today.checked_sub(REMEMBERED.days()).map_err(Fault::internal)?;
        let most = i64::try_from(FORGOTTEN_AT_A_TIME).unwrap_or(1);
        let mut all = 0;
        loop {
            let some = self.core.db.transaction(Unscoped, move |conn| store::forget(conn, before, most)).await?;
            all += some;
            if some < FORGOTTEN_AT_A_TIME {
                return Ok(all);
            }
        }
    }

    /// Looks for missing punches in every organisation that is due, and tells of those that were not known; answers how
    /// many those were.
    pub async fn look_for_missing_punches(&self, drain: &Drain) -> Result<usize, Fault> {
        let now = self.core.clock.now();
        self.core.db.transaction(Unscoped, move |conn| store::watch_new(conn, now)).await?;
        let mut told = 0;
        while !drain.is_draining() {
            let now = self.core.clock.now();
            let claim = move |conn: &mut PgConnection| store::claim(conn, now, now + LEASE);
            let Some(due) = self.core.db.transaction(Unscoped, claim).await? else { break };
            told += self.look_at(&due, now).await?;
        }
        Ok(told)
    }

    async fn look_at(&self, due: &Due, now: Timestamp) -> Result<usize, Fault> {
        #[expect(clippy::disallowed_methods, reason = "the organisation is one of the service's own copy")]
        let tenant = Tenant::of_capability(due.org_id);
        let org = self.facts.org(&tenant).await?.ok_or(Fault::NotFound)?;
        // Before the days are read: what devices report meanwhile is found again.
        let devices = org.has_devices();
        let load =
            move |conn: &mut PgConnection| if devices { devices::reported(conn, &tenant) } else { Ok([].into()) };
        let reported = self.core.db.transaction::<_, Fault, _>(&tenant, load).await?;
        let dates = dates::to_look_at(due.looked_at, &due.known_until()?, &reported, now);
        let look = |of, dates| Look {
            org: Arc::clone(&org),
            outbox: self.core.outbox.clone(),
            tenant,
            since: due.watched_since,
            of,
            dates,
            now,
        };
        let mut told = self.look_through(look(Of::Everybody, dates.of_everybody)).await?;
        if let Some((sites, dates)) = dates.of_sites {
            told += self.look_through(look(Of::Sites(sites), dates)).await?;
        }
        let next = now + SignedDuration::from_secs(self.missing.every_seconds.into());
        let silent_before = now - SignedDuration::from_hours(self.missing.silent_hours.into());
        let outbox = self.core.outbox.clone();
        let work = move |conn: &mut PgConnection| {
            if devices {
                silent(conn, &tenant, &outbox, &org, silent_before)?;
            }
            store::looked(conn, &tenant, now, &dates::behind(&reported, now), next)
        };
        self.core.db.transaction(&tenant, work).await?;
        Ok(told)
    }

    /// Looks at all people of a look, some to a transaction.
    async fn look_through(&self, look: Look) -> Result<usize, Fault> {
        let (tenant, look) = (look.tenant, Arc::new(look));
        let (mut told, mut after) = (0, None);
        loop {
            let (look, from) = (Arc::clone(&look), after.take());
            let work = move |conn: &mut PgConnection| look.page(conn, from.as_ref());
            let (found, next) = self.core.db.transaction(&tenant, work).await?;
            told += found;
            after = next;
            if after.is_none() {
                return Ok(told);
            }
        }
    }
}

/// Tells of devices that have fallen silent.
fn silent(
    conn: &mut PgConnection,
    tenant: &Tenant,
    outbox: &Outbox,
    org: &Org,
    before: Timestamp,
) -> Result<(), Fault> {
    for devices::Silent { device_id, name, site_id, since } in devices::fall_silent(conn, tenant, before)? {
        tracing::info!(org_id = %tenant.org_id(), %device_id, %since, "nothing is heard of a device");
        let data = DeviceSilent {
            device_id,
            device_name: name,
            site_id,
            site_name: org.site(site_id).map(|site| site.name.clone()).unwrap_or_default(),
            silent_since: since,
            time_zone: org.zone_of(site_id).to_owned(),
        };
        let (subject, org_id) = (device_id.to_string(), Some(tenant.org_id()));
        outbox.emit(conn, &NewEvent { kind: DEVICE_SILENT, subject, org_id, version: None, data: &data })?;
    }
    Ok(())
}

/// Who is looked at.
enum Of {
    Everybody,
    /// Whoever works at one of these sites.
    Sites(Vec<SiteId>),
}

/// One look at an organisation.
struct Look {
    org: Arc<Org>,
    outbox: Outbox,
    tenant: Tenant,
    since: Timestamp,
    of: Of,
    dates: (Date, Date),
    now: Timestamp,
}

impl Look {
    /// Looks at the next people by number; answers how many were told of, and where the people after them begin.
    fn page(
        &self,
        conn: &mut PgConnection,
        after: Option<&facts_store::AfterPerson>,
    ) -> Result<(usize, Option<facts_store::AfterPerson>), Fault> {
        let dates = self.dates;
        let units: Vec<UnitId> = self.org.unit_ids().collect();
        let of = match &self.of {
            Of::Everybody => Places::Units(&units),
            Of::Sites(sites) => Places::Sites(sites),
        };
        let people = facts_store::people_of(conn, &self.tenant, of, dates, after, PAGE)?;
        let more = i64::try_from(people.len()).is_ok_and(|count| count == PAGE);
        let next = people.last().filter(|_| more).map(|person| (person.number.clone(), person.employee_id));
        let all = gather::facts(conn, &self.tenant, &self.org, &people, dates, self.now)?;
        let mut told = 0;
        for (person, facts) in people.iter().zip(&all) {
            let remind_after =
                |date: Date| self.org.punch_rules(assignment_near(person, date)?.site_id).remind_after_minutes;
            for found in found(facts, dates, self.since, remind_after) {
                let counts = person.works_on(found.date);
                if counts && store::add(conn, &self.tenant, person.employee_id, &found, self.now)? {
                    self.tell(conn, person, found)?;
                    told += 1;
                }
            }
        }
        Ok((told, next))
    }

    fn tell(&self, conn: &mut PgConnection, person: &EmployeeFact, found: Found) -> Result<(), Fault> {
        let data = PunchMissing {
            employee_id: person.employee_id,
            employee_name: person.name.clone(),
            manager_id: assignment_near(person, found.date).and_then(|assignment| assignment.manager_id),
            work_date: found.date,
            missing: found.missing,
            at: found.at,
            time_zone: found.time_zone,
        };
        let (subject, org_id) = (person.employee_id.to_string(), Some(self.tenant.org_id()));
        self.outbox.emit(conn, &NewEvent { kind: PUNCH_MISSING, subject, org_id, version: None, data: &data })?;
        Ok(())
    }
}
